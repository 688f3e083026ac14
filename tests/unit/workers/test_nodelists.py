"""Node lists are read where they are, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.workers.nodelists import node_list_text, resolve_node_lists

HEADER = "Name,RepoUrl,Subfolder,RequirementsFile"


def resolved(**params: str) -> dict[str, object]:
    step = StepUse("n", "install_custom_nodes", "n", "instance", {"nodes": "default", "source": "list", **params})
    return dict(resolve_node_lists(Workflow("W", "", 1, 0, (step,))).steps[0].params)


def test_the_default_list_has_the_34_packs() -> None:
    lines = node_list_text("default").splitlines()
    assert lines[0] == HEADER
    assert len(lines) == 35


def test_a_repository_is_read_on_the_instance() -> None:
    params = resolved(nodes="git+https://example.org/list.git")
    assert (params["source"], params["repository"]) == ("repository", "https://example.org/list.git")


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\nA,https://x/a,,\r\n".encode())
    assert resolved(nodes=str(path))["nodes"] == f"{HEADER}\nA,https://x/a,,\n"


def test_what_is_resolved_stays_as_it_is() -> None:
    text = f"{HEADER}\nA,https://x/a,,\n"
    assert resolved(nodes=text)["nodes"] == text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"# only a comment\n\n", "empty"),
        (b"<html>not found</html>\n", "first line"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"Name,RepoUrl\n" + b"x" * (1 << 20), "1 MiB"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(content)
    with pytest.raises(VastDeskError) as refused:
        resolved(nodes=str(path))
    assert refused.value.kind == "bad_node_list"
    assert str(path) in refused.value.sentence
    assert words in refused.value.sentence


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VastDeskError) as refused:
        resolved(nodes=str(tmp_path / "no.csv"))
    assert "no.csv" in refused.value.sentence
