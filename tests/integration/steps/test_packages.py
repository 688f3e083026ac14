"""The common installation when things are not as they should be: no uv, a shaky index, files of every kind."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex, build_sdist
from tests.integration.steps.conftest import GOOD, TORCH, row, rows
from tests.integration.steps.world import HEADER, UV, StepWorld


@pytest.fixture
def mine(tmp_path: Path, index: PackageIndex) -> StepWorld:
    """A machine with an index of its own, without uv in PATH."""
    world = StepWorld(tmp_path / "instance", index)
    world.add_comfyui()
    world.add_python(TORCH)
    return world


@pytest.fixture(scope="session")
def pip_wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """pip unpacked, to be put into environments without a download."""
    folder = tmp_path_factory.mktemp("pip")
    import pip

    source = Path(pip.__file__).parent
    shutil.copytree(source, folder / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    info = next(source.parent.glob("pip-*.dist-info"))
    shutil.copytree(info, folder / info.name)
    yield folder


@pytest.fixture
def with_pip(mine: StepWorld, pip_wheel: Path) -> StepWorld:
    """pip in the environment and uv nowhere, nor on the index."""
    (mine.tools / "uv").unlink()
    mine.write_environment(PATH=f"{mine.tools}:/usr/bin:/bin")
    (site,) = mine.python.parents[1].glob("lib/python*/site-packages")
    shutil.copytree(pip_wheel, site, dirs_exist_ok=True)
    return mine


def requirement(host: FakeGitHost, name: str, text: str | bytes) -> str:
    host.add(name, {"__init__.py": GOOD, "requirements.txt": text})
    return row(host, name, requirements="requirements.txt")


def test_with_pip_alone(with_pip: StepWorld, git_host: FakeGitHost, index: PackageIndex) -> None:
    index.add("einops", "0.8.1")
    index.add("hard-to-build", "1.0", kind="needs_compiler")
    index.add("wants-hard", "1.0", ["hard-to-build"])
    run = with_pip.install(rows(git_host, "Colour", "OldNumpy", "Nowhere", "Hard", "Einops"))
    assert run.note == "Installed 2/5 custom nodes (3 failed) · all dependencies verified", run.output
    assert "`numpy<2`, does not fit numpy 2.1.3" in run.last_note("OldNumpy/Install dependencies")
    assert "was not found in the package index" in run.last_note("Nowhere/Install dependencies")
    assert "hard-to-build could not be built" in run.last_note("Hard/Install dependencies")
    names = [line.split("==")[0] for line in with_pip.freeze()]
    assert names == ["colorama", "einops", "numpy", "pip", "torch"]
    assert run.most_running() <= 4


def test_uv_is_fetched_into_a_folder_of_our_own(
    with_pip: StepWorld, git_host: FakeGitHost, index: PackageIndex
) -> None:
    index.add("uv", "0.13.9", modules={"bin/uv": f'#!/bin/sh\nexec {UV} "$@"\n'})
    (with_pip.home / ".vastdesk" / "tools").mkdir(parents=True)
    index.add("einops", "0.8.1")
    run = with_pip.install(rows(git_host, "Einops"))
    assert run.state("Einops") == "succeeded", run.output
    assert "uv" not in [line.split("==")[0] for line in with_pip.freeze()]


def test_neither_uv_nor_pip(mine: StepWorld, git_host: FakeGitHost) -> None:
    (mine.tools / "uv").unlink()
    mine.write_environment(PATH=f"{mine.tools}:/usr/bin:/bin")
    run = mine.install(rows(git_host, "Einops"))
    assert run.result["kind"] == "no_installer"
    assert run.state("Resolve dependencies") == "failed"


def test_an_index_that_answers_again_after_a_while(mine: StepWorld, git_host: FakeGitHost, index: PackageIndex) -> None:
    index.fail("/simple/colorama", 503, times=2)
    run = mine.install(rows(git_host, "Colour"))
    assert run.note == "Successfully installed 1/1 custom nodes · all dependencies verified"
    assert run.output.count("answers 503, trying again") == 2


def test_an_index_that_is_gone_fails_only_who_needs_it(mine: StepWorld, git_host: FakeGitHost) -> None:
    mine.write_environment(UV_DEFAULT_INDEX="http://127.0.0.1:9/simple")
    satisfied = requirement(git_host, "HasAll", "torch>=2\nnumpy\n")
    run = mine.install(rows(git_host, "Colour", "Deeper") + satisfied + rows(git_host, "Plain"), tries=2)
    assert run.note == "Installed 2/4 custom nodes (2 failed) · all dependencies verified"
    assert run.last_note("Colour/Install dependencies") == "127.0.0.1:9 cannot be reached"
    assert run.state("HasAll") == "succeeded"


def test_a_node_whose_own_address_is_dead_fails_alone(mine: StepWorld, git_host: FakeGitHost) -> None:
    dead = requirement(git_host, "DeadLink", "colorama\nhttps://127.0.0.1:9/thing-1.0-py3-none-any.whl\n")
    run = mine.install(dead + rows(git_host, "Colour"), tries=1)
    assert run.state("Colour") == "succeeded"
    note = run.last_note("DeadLink/Install dependencies")
    assert note.startswith("requirements.txt line 2, `https://127.0.0.1:9/thing")
    assert note.endswith("could not be fetched: 127.0.0.1:9 cannot be reached")


def test_another_index_for_everything(mine: StepWorld, git_host: FakeGitHost, shared_index: PackageIndex) -> None:
    run = mine.install(rows(git_host, "Einops"), index_url=shared_index.url)
    assert run.state("Einops") == "succeeded"
    assert "einops==0.8.1" in mine.freeze()


def test_a_nodes_own_index_is_one_more(mine: StepWorld, git_host: FakeGitHost, shared_index: PackageIndex) -> None:
    listed = requirement(git_host, "OwnIndex", f"--extra-index-url {shared_index.url}\neinops\n") + rows(
        git_host, "Colour"
    )
    run = mine.install(listed)
    assert run.note == "Successfully installed 2/2 custom nodes · all dependencies verified"


def test_a_package_from_a_repository(mine: StepWorld, git_host: FakeGitHost) -> None:
    backend = build_sdist("from-git", "1.0", [], {"from_git": "x = 1"})[1]
    with tarfile.open(fileobj=io.BytesIO(backend)) as archive:
        # Not extractall: its filter, which newer Pythons ask for, is unknown to Debian 12's.
        files = {Path(name).name: archive.extractfile(name).read() for name in archive.getnames()}
    git_host.add("from-git", files)
    listed = requirement(git_host, "UsesGit", f"git+{git_host.url('from-git')}\n")
    run = mine.install(listed)
    assert run.state("UsesGit") == "succeeded", run.output
    packages = mine.freeze()
    assert any("from-git @ git+" in line for line in packages)
    again = mine.install(listed)
    assert again.state("UsesGit") == "skipped"
    assert mine.freeze() == packages


def test_an_address_of_another_torch_is_refused(mine: StepWorld, git_host: FakeGitHost, index: PackageIndex) -> None:
    wheel = f"{index.base_url}/files/torch-2.9.0-py3-none-any.whl"
    run = mine.install(requirement(git_host, "OwnTorch", f"{wheel}\n") + rows(git_host, "Colour"))
    assert run.last_note("OwnTorch") == "cloned, requirements failed"
    assert run.state("Colour") == "succeeded"
    assert "torch==2.8.0+cu128" in mine.freeze()


def test_files_of_every_kind(mine: StepWorld, git_host: FakeGitHost) -> None:
    listed = requirement(git_host, "Utf16", "colorama\r\n".encode("utf-16"))
    listed += requirement(git_host, "Editable", "-e .\n")
    listed += requirement(git_host, "Comments", "# nothing\n\n")
    listed += requirement(
        git_host, "Markers", "pywin32; sys_platform == 'win32'\ncolorama>=0.4 ; python_version > '3'\n"
    )
    run = mine.install(listed)
    assert run.note == "Installed 3/4 custom nodes (1 failed) · all dependencies verified"
    assert run.last_note("Editable/Install dependencies").startswith("requirements.txt line 1 wants an editable")
    assert run.last_note("Comments/Install dependencies") == "nothing to install"


def test_an_environment_that_cannot_be_written_fails_the_nodes(mine: StepWorld, git_host: FakeGitHost) -> None:
    real = (mine.tools / "uv").resolve()
    (mine.tools / "uv").unlink()
    mine.add_tool(
        "uv",
        f'#!/bin/sh\ncase "$*" in *--dry-run*|*--version*) exec {real} "$@";; esac\n'
        "echo 'error: failed to create directory: Permission denied (os error 13)'; exit 2\n",
    )
    run = mine.install(rows(git_host, "Colour", "Plain"))
    assert run.note == "Installed 1/2 custom nodes (1 failed) · all dependencies verified"
    assert "Permission denied" in run.last_note("Colour/Install dependencies")


def test_the_same_result_as_one_after_another_with_pip(
    with_pip: StepWorld, git_host: FakeGitHost, shared_index: PackageIndex, tmp_path: Path
) -> None:
    """The peer: clone and `pip install -r`, node by node, as the original tool does it. Where it harms nothing, the
    same packages are there in the end."""
    other = StepWorld(tmp_path / "peer", shared_index)
    other.add_python(TORCH)
    for name in ("Colour", "Deeper", "Einops"):
        folder = tmp_path / name
        subprocess.run(["git", "clone", "-q", git_host.url(name), folder], check=True)
        argv = [sys.executable, "-m", "pip", "--python", str(other.python), "install", "-q", "-r", "requirements.txt"]
        subprocess.run(argv, check=True, cwd=folder, env={"PATH": "/usr/bin:/bin", **shared_index.environment()})
    with_pip.add_uv()
    values = {"nodes": HEADER + rows(git_host, "Colour", "Deeper", "Einops"), "index_url": shared_index.url}
    assert with_pip.run("install_custom_nodes", values).succeeded
    assert [line for line in with_pip.freeze() if not line.startswith("pip==")] == other.freeze()


def test_a_pair_that_was_forced_in_stops_nobody_else(
    mine: StepWorld, git_host: FakeGitHost, index: PackageIndex
) -> None:
    """torchvision asks for another torch than the one that is there, as people install it on purpose."""
    index.add("packaging", "25.0", modules=_packaging())
    index.add("torchvision", "0.16.2", ["torch==2.1.2", "numpy"])
    index.add("uses-vision", "1.0", ["torchvision>=0.9"])
    argv = [UV, "pip", "install", "-q", "--python", mine.python]
    subprocess.run([*argv, "packaging==25.0"], check=True, env=mine.tool_environment())
    subprocess.run([*argv, "--no-deps", "torchvision==0.16.2"], check=True, env=mine.tool_environment())
    before = mine.freeze()
    lines = [
        requirement(git_host, "Vision", "uses-vision\n"),
        requirement(git_host, "OtherTorch", "torch==2.1.2\n"),
    ]
    run = mine.install("".join(lines))
    assert run.state("Vision") == "succeeded", run.output
    assert "torch==2.1.2" in run.last_note("OtherTorch/Install dependencies")
    assert sorted(mine.freeze()) == sorted([*before, "uses-vision==1.0"])


def _packaging() -> dict[str, str | bytes]:
    import packaging

    folder = Path(packaging.__file__).parent
    return {f"packaging/{path.name}": path.read_text("utf-8") for path in folder.glob("*.py")}
