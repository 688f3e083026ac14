"""`--json`: one object a line, of the shapes in docs/schema, whatever the texts hold and whoever stops reading."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from tests.unit.cli import schemas, stories
from tests.unit.cli.fakes import FakeEngine, FakeSignals
from tests.unit.cli.stories import Story
from vastdesk.cli.jsonout import OutputClosed, emit
from vastdesk.cli.jsonrun import JsonPresenter
from vastdesk.cli.watch import watch
from vastdesk.store import RunRow


def row(state: str = "queued") -> RunRow:
    return RunRow(stories.RUN, "i1", {"name": "Custom nodes only"}, state, stories.START, None, None, "active", None, 0)


async def lines(story: Story, **more: int) -> list[dict[str, object]]:
    out = io.StringIO()
    presenter = JsonPresenter(row(), "my-box", out)
    await watch(FakeEngine(story), row(), presenter, FakeSignals(), **more)
    return schemas.checked(out.getvalue())


async def test_first_the_run_then_every_event_then_the_result() -> None:
    story = stories.finished()
    first, *events, last = await lines(story)
    assert (first["type"], first["run"]) == ("run", stories.RUN)
    assert events == story.events
    assert last["type"] == "result" and last["state"] == "succeeded" and last["exit_code"] == 0
    assert last["steps"] == [
        {"step": "test_ssh", "state": "succeeded", "note": "Connected · RTX 4090"},
        {"step": "set_ui_home", "state": "succeeded", "note": "UI_HOME is /workspace/ComfyUI"},
        {
            "step": "nodes",
            "state": "succeeded",
            "note": "Installed 9/10 custom nodes (1 failed) · all dependencies verified",
        },
    ]


async def test_since_gives_only_later_events_and_the_whole_result() -> None:
    _, *events, last = await lines(stories.finished(), since=30)
    assert events[0]["rseq"] == 31
    assert isinstance(last["steps"], list) and len(last["steps"]) == 3


async def test_a_blocked_run_names_its_key() -> None:
    *_, last = await lines(stories.blocked())
    assert (last["state"], last["exit_code"]) == ("blocked", 3)
    assert isinstance(last["block"], dict) and str(last["block"]["fingerprint"]).startswith("SHA256:")


async def test_any_text_survives() -> None:
    text = "日本 \u2028 \ud800 \x1b[2J \x00 \u202e 🎉"
    story = stories.begun().add("log", step="nodes", text=text).state("failed", reason=text)
    out = io.StringIO()
    presenter = JsonPresenter(row(), text, out)
    await watch(FakeEngine(story), row(), presenter, FakeSignals())
    assert out.getvalue().isascii()
    schemas.checked(out.getvalue())
    assert any(json.loads(line).get("text") == text for line in out.getvalue().splitlines())


@pytest.mark.parametrize("name", schemas.names())
def test_each_schema_is_one(name: str) -> None:
    assert schemas.validator(name).schema["$id"] == f"urn:vastdesk:v1:{name}"  # type: ignore[index]
    assert f"`{name}" in (schemas.FOLDER / "README.md").read_text("utf-8")


def test_a_result_that_is_not_one_is_refused() -> None:
    assert not schemas.validator("result").is_valid({"type": "result", "run": "x"})
    assert not schemas.validator("event").is_valid({"type": "task", "run": "x", "job": "j", "seq": 0, "rseq": 1})


def test_a_closed_pipe_is_its_own_exception() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    out = os.fdopen(writing, "w")
    with pytest.raises(OutputClosed):
        emit({"a": 1}, out)
    with pytest.raises(BrokenPipeError):
        out.close()


def test_a_reader_that_stops_reading_is_no_failure() -> None:
    """`vastdesk settings --json | head -c1`, with more output than a pipe holds."""
    code = (
        "import sys\n"
        "from vastdesk.cli.report import guarded\n"
        "from vastdesk.cli.jsonout import emit\n"
        "from vastdesk.cli.parser import build_parser\n"
        "def forever():\n"
        "    while True: emit({'text': 'x' * 1000})\n"
        "sys.exit(guarded(build_parser().parse_args(['runs', '--data-dir', sys.argv[1]]), forever))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, os.devnull], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.read(1) == "{"
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
