"""Requirement files as real node packs have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vastdesk.remote.runner.nodes import requirements
from vastdesk.remote.runner.nodes.requirements import Requirements, one_opencv


def read(folder: Path, text: str | bytes, name: str = "requirements.txt") -> Requirements:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    found = requirements.read(folder.as_posix(), name)
    assert found is not None
    return found


def test_what_impact_pack_and_its_like_write(tmp_path: Path) -> None:
    text = (
        "# Impact Pack\nsegment-anything\nscikit-image\npiexif\ntransformers\n\nopencv-python-headless\nGitPython\n"
        "scipy>=1.11.4\ngit+https://github.com/facebookresearch/sam2\nnumpy < 2.0 ; python_version < '3.9'  # old\n"
        "color-matcher\nimageio[ffmpeg] ~= 2.3\ncstr @ git+https://github.com/WASasquatch/cstr\ntorch>=2.1,!=2.2\n"
        "mss (>=9.0)\n"
    )
    found = read(tmp_path, text)
    assert [line.name for line in found.lines] == [
        "segment-anything", "scikit-image", "piexif", "transformers", "opencv-python-headless", "gitpython", "scipy",
        "", "numpy", "color-matcher", "imageio", "cstr", "torch", "mss",
    ]  # fmt: skip
    assert found.lines[8].text == "numpy < 2.0 ; python_version < '3.9'"
    assert found.lines[8].where == "requirements.txt line 11"


def test_encodings_of_windows_editors(tmp_path: Path) -> None:
    for data in ("numpy\r\n".encode("utf-8-sig"), "numpy\r\n".encode("utf-16"), "numpy # é\n".encode("latin-1")):
        assert [line.text for line in read(tmp_path, data).lines] == ["numpy"]


def test_lines_that_go_on(tmp_path: Path) -> None:
    found = read(tmp_path, "a==1 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\nb\n")
    assert [(line.where, line.text) for line in found.lines] == [
        ("requirements.txt line 1", "a==1 --hash=sha256:aa --hash=sha256:bb"),
        ("requirements.txt line 4", "b"),
    ]


def test_includes_and_constraints_inside_the_node(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "deep.txt").write_text("deep\n")
    (tmp_path / "base.txt").write_text("-r more/deep.txt\nbase\n")
    (tmp_path / "limits.txt").write_text("numpy<3\n")
    found = read(tmp_path, "-r base.txt\n-c limits.txt\ntop\n")
    assert [(line.name, line.where) for line in found.lines] == [
        ("deep", "more/deep.txt line 1"),
        ("base", "base.txt line 2"),
        ("top", "requirements.txt line 3"),
    ]
    assert found.constraints == ("numpy<3",)


def test_indexes_are_added_and_never_replace(tmp_path: Path) -> None:
    text = "--extra-index-url https://download.pytorch.org/whl/cu121\n-i https://pypi.org/simple\n-f https://x/y.html\n"
    found = read(tmp_path, text + "--pre\n--trusted-host x\ntorch\n")
    assert found.indexes == ("https://download.pytorch.org/whl/cu121", "https://pypi.org/simple")
    assert found.links == ("https://x/y.html",)
    assert found.notes[0] == "requirements.txt line 4 is left out: --pre"


def test_a_wheel_of_the_node_itself(tmp_path: Path) -> None:
    (tmp_path / "thing-1.0-py3-none-any.whl").write_bytes(b"")
    (line,) = read(tmp_path, "./thing-1.0-py3-none-any.whl\n").lines
    assert line.name == "thing"
    assert line.text == str(tmp_path / "thing-1.0-py3-none-any.whl")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\n-e .\n", "requirements.txt line 2 wants an editable installation"),
        ("-r ../other/requirements.txt\n", "requirements.txt line 1 names a file outside the node"),
        ("-r gone.txt\n", "requirements.txt line 1 names a file that is not there"),
        ("-r requirements.txt\n", "requirements.txt line 1 includes"),
        (
            "--extra-index-url https://${TOKEN}@host/\n",
            "requirements.txt line 1 needs a variable of its author's machine",
        ),
        ("--extra-index-url file:///etc\n", "requirements.txt line 1 names a package index that is no address"),
        ("--install-scripts\n", "requirements.txt line 1 is not supported"),
        ("pip install numpy\n", "requirements.txt line 1 is not a requirement: pip install numpy"),
        ("numpy<1.24>=1.18\n", "requirements.txt line 1 is not a requirement: numpy<1.24>=1.18"),
        ("numpy torch\n", "requirements.txt line 1 is not a requirement"),
        ("<<<<<<< HEAD\n", "requirements.txt line 1 is not a requirement"),
        ("a @ ext::sh\n", "requirements.txt line 1 has an address that is not supported"),
        ("hg+https://x/y\n", "requirements.txt line 1 has an address that is not supported"),
        ("a\x00b\n", "requirements.txt line 1 has control characters"),
    ],
)
def test_refused_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(requirements.Refused) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(sentence)


def test_a_link_out_of_the_node_is_outside(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.mkdir()
    (tmp_path / "secret.txt").write_text("password\n")
    (node / "in.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(requirements.Refused, match="outside the node"):
        read(node, "-r in.txt\n")


def test_no_file_is_none(tmp_path: Path) -> None:
    assert requirements.read(tmp_path.as_posix(), "requirements.txt") is None


@pytest.mark.parametrize(
    ("installed", "asked", "result"),
    [
        ([], ["opencv-python"], ["opencv-python"]),
        ([], ["opencv-python", "opencv-python-headless>=4.5"], ["opencv-python", "opencv-python>=4.5"]),
        ([], ["opencv-python", "opencv-contrib-python-headless"], ["opencv-contrib-python"] * 2),
        (["opencv-python-headless"], ["opencv-python<5"], ["opencv-python-headless<5"]),
        (["opencv-contrib-python"], ["opencv-python", "numpy"], ["opencv-contrib-python", "numpy"]),
    ],
)
def test_one_opencv(tmp_path: Path, installed: list[str], asked: list[str], result: list[str]) -> None:
    lines = read(tmp_path, "\n".join(asked)).lines
    unified, notes = one_opencv(lines, installed, [line.name for line in lines])
    assert [line.text for line in unified] == result
    assert bool(notes) == (asked != result)
