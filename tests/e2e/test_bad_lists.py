"""Node lists as bad as they come: refused before anything is sent, or bad row by bad row while the others go on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.e2e.box import Box, nodes, states
from tests.e2e.command import ended, vastdesk
from tests.e2e.rules import HARMFUL, check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.integration.steps.conftest import GOOD, rows
from vastdesk.domain.errors import VastDeskError

NOT_LISTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "blank": (b"\r\n  \n# a comment\n\n", "it is empty"),
    "json": (b'{"nodes": [{"name": "x"}]}\n', "its first line is not Name,RepoUrl"),
    "a web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "its first line is not Name,RepoUrl"),
    "no header": (b"Impact,https://example.org/impact.git,,\n", "its first line is not Name,RepoUrl"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xfe", "it is not UTF-8 text"),
    "UTF-16": ("Name,RepoUrl\nA,https://h/a.git\n".encode("utf-16"), "it is not UTF-8 text"),
    "huge": (b"Name,RepoUrl\n" + b"x" * (1 << 20), "it is larger than 1 MiB"),
}


@pytest.mark.parametrize("name", NOT_LISTS)
async def test_what_is_no_node_list_is_refused_and_nothing_is_sent(bare_box: Box, name: str) -> None:
    data, sentence = NOT_LISTS[name]
    async with bare_box.engine() as engine:
        with pytest.raises(VastDeskError) as refused:
            await bare_box.start(engine, bare_box.install(bare_box.node_list(data)))
        assert refused.value.kind == "bad_node_list"
        assert sentence in refused.value.sentence
        assert str(bare_box.folder / "nodes.csv") in refused.value.sentence
        assert await engine.store.runs() == []
    assert bare_box.sshd.authentication_attempts() == 0


async def test_the_command_line_says_it_in_one_sentence_and_exits_with_2(bare_box: Box) -> None:
    async with bare_box.engine() as engine:
        await bare_box.instance(engine)
    workflow = str(bare_box.workflow_file(bare_box.install(bare_box.folder / "gone.csv")))
    code, out, err = await ended(vastdesk(bare_box, "run", workflow, "--instance", "box"))
    assert (code, out) == (2, b"")
    assert "gone.csv" in err
    assert "No such file" in err
    assert "Traceback" not in err
    assert bare_box.sshd.authentication_attempts() == 0


async def test_a_list_without_rows_is_done_at_once(box: Box) -> None:
    async with box.engine() as engine:
        view, events = await box.run(engine, box.install(""))
    assert view.state == "succeeded"
    assert view.steps[0].note == "Successfully installed 0/0 custom nodes · all dependencies verified"
    check_task_list(events)


BIDI, BELL, ESCAPE = "\u202e", "\x07", "\x1b[2J\x1b]0;owned\x07"
HOSTILE = (
    ("../../etc", "", "leaves the folder"),
    ("Down", "../../etc", "leaves the folder"),
    ("Deep", "a/../../../etc", "leaves the folder"),
    ("Absolute", "/etc/cron.d", "not a path below the folder"),
    ("Windows", "..\\\\..\\\\etc", "not a path below the folder"),
    ("..", "", "leaves the folder"),
    (".git", "", "begins with ."),
    ("-rf", "", "begins with -"),
    ("~root", "", "begins with ~"),
    ("; rm -rf {trap}", "", "do not belong in a file name"),
    ("$(touch {trap})", "", "do not belong in a file name"),
    ("`touch {trap}`", "", "do not belong in a file name"),
    ("a|touch {trap}", "", "do not belong in a file name"),
    (f"gnp{BIDI}exe", "", "control characters"),
    (f"ring{BELL}", "", "control characters"),
    (f"clear{ESCAPE}", "", "control characters"),
    ("null\x00byte", "", "control characters"),
    ("zero\u200bwidth", "", "control characters"),
    ("line\u2028separator", "", "control characters"),
    ("next\x85line", "", "control characters"),
    ("file\x1cseparator", "", "control characters"),
    ("x" * 10_240, "", "too long"),
    ("Long", "y/" * 5_120, "too long"),
    ("Empty/part", "", "slash"),
)


def hostile_rows(host: FakeGitHost, trap: Path) -> tuple[str, dict[int, str]]:
    """Rows, and for each line of the file (the header is line 1) the sentence that is expected of it."""
    url = host.url("Plain")
    lines, expected = [], {}
    for name, subfolder, sentence in HOSTILE:
        lines.append(f"{name.format(trap=trap)},{url},{subfolder},,")
        expected[len(lines) + 1] = sentence
    more = (
        (f'"Two\nLines",{url},,,', "quotes do not match"),  # is two lines of the file
        (f"Option,--upload-pack=touch {trap},,,", "is an option of git"),
        ("Helper,ext::sh,,,", "runs commands"),
        (f"Script,ext::sh -c touch% {trap},,,", "blanks"),
        ("Secret,https://user:hunter22@127.0.0.1/x.git,,,", "user name or password"),
        (f"Ref,{url},,,--upload-pack=touch", "not a tag, branch or commit"),
        (f"File,{url},,../../../etc/passwd,", "the requirements file leaves the folder"),
        ("Nameless,,,,", "no repository address"),
        (f",{url},,,", "it has no name"),
        (f"Wide,{url},,,,more,and more", "columns"),
    )
    for line, sentence in more:
        lines.append(line)
        number = len(lines) + 1 + (sentence != "quotes do not match")
        expected[number] = sentence
    return "\n".join(lines) + "\n", expected


def everything_else(box: Box) -> dict[str, float]:
    """What lies on the machine outside custom_nodes and VastDesk's own folder, with its time of change."""
    found = {}
    for folder, _, files in os.walk(box.sshd.root):
        if folder.startswith((str(box.custom_nodes), str(box.sshd.vastdesk_home), str(box.machine.comfyui / "user"))):
            continue
        for name in files:
            path = Path(folder, name)
            if path.name != "sshd.log" and "__pycache__" not in folder:
                found[str(path)] = path.lstat().st_mtime
    return found


async def test_hostile_rows_fail_by_line_and_touch_nothing(box: Box, git_host: FakeGitHost) -> None:
    trap = box.folder / "trap"
    text, expected = hostile_rows(git_host, trap)
    good = rows(git_host, "Plain") + f"Two words,{git_host.url('Plain')},,,\n"
    before = everything_else(box)
    async with box.engine() as engine:
        view, events = await box.run(engine, box.install(text + good))
    (step,) = view.steps
    assert view.state == "succeeded", view.reason
    assert {"Plain": "succeeded", "Two words": "succeeded"}.items() <= states(step).items()
    said = {}
    for task in step.tasks:
        if task.kind == "node" and task.state == "failed":
            match = re.match(r"line (\d+): (.*)", task.note)
            assert match, task
            said[int(match[1])] = match[2]
    for line, sentence in expected.items():
        assert sentence in said.get(line, "nothing"), (line, said.get(line))
    assert set(box.heads()) == {"Plain", "Two words"}
    assert not trap.exists()
    assert everything_else(box) == before
    assert "hunter22" not in str(events)
    check_exactly_once(events)
    check_task_list(events)


@pytest.mark.parametrize("how", ["", "--json"])
async def test_no_hostile_character_reaches_the_terminal(box: Box, git_host: FakeGitHost, how: str) -> None:
    text, _ = hostile_rows(git_host, box.folder / "trap")
    async with box.engine() as engine:
        await box.instance(engine)
    workflow = str(box.workflow_file(box.install(text)))
    code, out, err = await ended(vastdesk(box, "run", workflow, "--instance", "box", *how.split()))
    assert code == 0, err
    for line in (out.decode() + err).splitlines():
        assert not HARMFUL.search(line), line
        assert len(line) < 8192


async def test_a_thousand_rows_keep_their_window(box: Box, git_host: FakeGitHost) -> None:
    for number in range(990):
        folder = box.custom_nodes / f"pack{number}"
        folder.mkdir()
        (folder / "__init__.py").write_text(GOOD)
    listed = "".join(f"pack{number},https://host/pack{number}.git,,\n" for number in range(990))
    url = git_host.url("Einops")
    listed += "".join(f"new{number},{url},,requirements.txt\n" for number in range(8)) + ",,,\n,,,x\n"
    async with box.engine() as engine:
        import time

        t = time.time()
        view, events = await box.run(engine, box.install(listed))
        print(time.time() - t, len(events))
    note = "Installed 998/999 custom nodes (1 failed) · 990 already there · all dependencies verified"
    assert view.steps[0].note == note
    assert len(nodes(view.steps[0])) == 999
    check_exactly_once(events)
    check_task_list(events)
