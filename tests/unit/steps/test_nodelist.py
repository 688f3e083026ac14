"""Node lists as they come: from spreadsheets, from repositories, from people who mean harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.remote.runner.errors import StepError
from vastdesk.remote.runner.nodes import nodelist

HEADER = "Name,RepoUrl,Subfolder,RequirementsFile\n"
URL = "https://github.com/a/b"


def one(row: str) -> nodelist.Node:
    (node,) = nodelist.parse(HEADER + row)
    return node


def test_a_plain_row() -> None:
    assert one(f"A,{URL},,requirements.txt") == nodelist.Node(2, "A", URL, "A", "requirements.txt", "")


def test_spreadsheet_habits() -> None:
    text = f'\ufeffName,RepoUrl,Subfolder,RequirementsFile,Ref\r\n\r\n# mine\r\n"A", {URL} ,"x/y",,v1\r\n,,,\r\nB,{URL}'
    nodes = nodelist.parse(text)
    assert [(node.line, node.name, node.folder, node.ref) for node in nodes] == [
        (4, "A", "x/y", "v1"),
        (6, "B", "B", ""),
    ]


def test_the_shipped_list_has_no_bad_row() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[3] / "resources" / "nodes" / "default.csv").read_text("utf-8")
    nodes = nodelist.parse(text)
    assert len(nodes) == 34
    assert not [node.problem for node in nodes if node.problem]


def test_one_quote_too_many_costs_one_row() -> None:
    nodes = nodelist.parse(HEADER + f'"A,{URL},,\nB,{URL},,\n')
    assert [bool(node.problem) for node in nodes] == [True, False]
    assert nodes[0].problem.startswith("line 2: its quotes do not match")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (f",{URL},,", "it has no name"),
        ("A,,,", "it has no repository address"),
        (f"../../etc,{URL},,", "the name leaves the folder"),
        (f"a/b,{URL},,", "the name has a slash"),
        (f"..,{URL},,", "the name leaves the folder"),
        (f"A,{URL},../../etc,", "the subfolder leaves the folder"),
        (f"A,{URL},/etc,", "the subfolder is not a path below the folder"),
        (f"A,{URL},x//y,", "the subfolder has an empty part"),
        (f"A,{URL},a\\b,", "the subfolder is not a path below the folder"),
        (f"; rm -rf,{URL},,", "the name has characters that do not belong in a file name"),
        (f"-rf,{URL},,", "the name has a part that begins with -"),
        (f".git,{URL},,", "the name has a part that begins with ."),
        (f"A\u202egpj,{URL},,", "the name has control characters"),
        (f"A\x1b[31m,{URL},,", "the name has control characters"),
        (f"{'x' * 10_000},{URL},,", "the name is too long"),
        (f"old.disabled,{URL},,", "ComfyUI never loads a folder of this name"),
        ("A,--upload-pack=x,,", "the repository address is an option of git, not an address"),
        ("A,ext::sh,,", "the repository address uses a transport of git that runs commands"),
        ("A,just words,,", "the repository address has blanks or control characters"),
        ("A,/etc,,", "the repository address is not an address git can clone: use https://…"),
        ("A,javascript:x,,", "the repository address is not an address git can clone: use https://…"),
        ("A,https://host,,", "the repository address names no repository"),
        ("A,https://host:port/x,,", "the repository address is not an address"),
        ("A,https://u:p@host/x,,", "the repository address holds a user name or password"),
        (f"A,{URL},,../../secrets", "the requirements file leaves the folder"),
        (f"A,{URL},,-r", "the requirements file has a part that begins with -"),
    ],
)
def test_bad_rows(row: str, problem: str) -> None:
    assert one(row).problem.startswith(f"line 2: {problem}"), one(row)


@pytest.mark.parametrize("url", ["git@github.com:a/b.git", "ssh://git@host/a/b", "git://host/a", "file:///srv/a.git"])
def test_good_addresses(url: str) -> None:
    assert one(f"A,{url},,").problem == ""


@pytest.mark.parametrize("ref", ["--upload-pack=x", "a b", "a..b", "x~1", "/x", "x.lock"])
def test_bad_refs(ref: str) -> None:
    (node,) = nodelist.parse(f"Name,RepoUrl,Subfolder,RequirementsFile,Ref\nA,{URL},,,{ref}\n")
    assert node.problem == "line 2: the ref is not a tag, branch or commit"


def test_the_same_folder_twice() -> None:
    nodes = nodelist.parse(HEADER + f"A,{URL},,\nB,{URL},A,\n")
    assert nodes[1].problem == "line 3: the folder A is already that of line 2"


@pytest.mark.parametrize("text", ["", "\n\n", "default", f"A,{URL},,\n", "Name,Subfolder\n"])
def test_without_a_usable_header(text: str) -> None:
    with pytest.raises(StepError) as caught:
        nodelist.parse(text)
    assert caught.value.kind == "bad_node_list"


@given(st.text(max_size=300))
def test_no_text_breaks_it_or_leads_out_of_the_folder(text: str) -> None:
    for node in nodelist.parse(HEADER + text):
        if not node.problem:
            assert ".." not in node.folder.split("/")
            assert not node.folder.startswith(("/", "-"))
        assert len(node.name) <= 150
