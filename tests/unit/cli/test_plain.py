"""A run as plain lines."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest

from tests.unit.cli import stories
from tests.unit.cli.stories import Story
from vastdesk.cli.plain import PlainPresenter
from vastdesk.domain.reduce import Reducer


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(story: Story) -> str:
    """What is printed when the events come one by one."""
    out = io.StringIO()
    presenter = PlainPresenter(stories.RUN, stream=out)
    reducer = Reducer()
    for event in story.events:
        reducer.apply(event)
        presenter.update([event], reducer.view())
    presenter.close(reducer.view(), left=False)
    return out.getvalue()


def test_a_run_line_by_line() -> None:
    assert shown(stories.finished(6)) == GOLDEN


GOLDEN = """\
10:20:30  Custom nodes only on my-box · run 0193c1f2-7a31
10:20:30  queued
10:20:31  connecting
10:20:32  Test SSH: running
10:20:34    Resolve the address: succeeded · 1.2.3.4
10:20:35    Log in: succeeded
10:20:36  Test SSH: succeeded in 00:04 · Connected · RTX 4090
10:20:37  running
10:20:39  Set UI_HOME: running
10:20:41    Set: running
10:20:42    Set: succeeded
10:20:43  Set UI_HOME: succeeded in 00:04 · UI_HOME is /workspace/ComfyUI
10:20:44  Install custom nodes: running
10:20:48    Read node list: succeeded · 6 nodes
10:20:49    Configure venv path: succeeded · /venv/main
10:20:50    ComfyUI-Node-1: running
10:20:51    ComfyUI-Node-2: running
10:20:52    ComfyUI-Node-3: running
10:20:53    ComfyUI-Node-4: running
10:20:54    ComfyUI-Node-5: running
10:20:55    ComfyUI-Node-6: running
10:20:56    ComfyUI-Node-1: succeeded · 1a2b3c4
10:20:57    ComfyUI-Node-2: failed · repository not found
10:20:58    ComfyUI-Node-3: 45 %  1.2 MiB/s  12.0 MiB  00:06  02:15 left
10:20:59    ComfyUI-Node-3: succeeded
10:21:00    ComfyUI-Node-4: succeeded
10:21:01    ComfyUI-Node-5: succeeded
10:21:02    ComfyUI-Node-6: succeeded
10:21:03    Verify Dependencies: succeeded
10:21:04  Install custom nodes: succeeded in 00:20 · Installed 5/6 custom nodes (1 failed) · all dependencies verified
10:21:06  succeeded
Workflow completed: 3 steps in 00:35
  ✗ Install custom nodes – ComfyUI-Node-2: repository not found
Try only what failed again:  vastdesk retry 0193c1f2-7a31 --failed-only
"""


def test_progress_is_told_every_ten_percent_or_ten_seconds() -> None:
    story = stories.begun().add("step_started", step="nodes").plan("nodes", ("n", "Node"), kind="node")
    story.task("nodes", "n", "running", after_s=0)
    for percent in range(1, 31):
        progress = {"done": percent, "total": 100, "unit": "%"}
        story.add("task", after_s=0.01, step="nodes", id="n", state="running", progress=progress)
    for percent in range(31, 34):
        progress = {"done": percent, "total": 100, "unit": "%"}
        story.add("task", after_s=11, step="nodes", id="n", state="running", progress=progress)
    told = [line.split("Node: ")[1].split(" %")[0] for line in shown(story).splitlines() if "Node: " in line]
    assert told == ["running", "10", "20", "30", "31", "32", "33"]


def test_the_same_state_again_is_no_news() -> None:
    story = stories.begun().add("step_started", step="nodes").plan("nodes", ("n", "Node"))
    for _ in range(5):
        story.task("nodes", "n", "running", note="still")
    assert shown(story).count("Node: running") == 1


def test_sub_tasks_name_what_they_belong_to() -> None:
    story = stories.begun().add("step_started", step="nodes").plan("nodes", ("n", "KJNodes"))
    story.task("nodes", "n/req", "running", label="Install dependencies", parent="n")
    assert "KJNodes – Install dependencies: running" in shown(story)


def test_other_peoples_texts_cannot_steer_the_terminal() -> None:
    story = stories.begun().add("step_started", step="nodes").plan("nodes", ("n", "evil\x1b]0;title\x07\x1b[2J\nname"))
    story.task("nodes", "n", "failed", note="a\x1b[31mb\rc\u202ed")
    story.add("step_finished", step="nodes", state="failed", note="\x1b[1;1Hgone")
    text = shown(story.state("failed", reason="\x9b2Jbecause"))
    assert not [char for char in text if (ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160]
    assert "\u202e" not in text
    assert "evil name: failed · ab c" in text


def test_blocked_says_which_key_and_how_to_trust_it() -> None:
    text = shown(stories.blocked())
    assert "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8" in text
    assert "\n  vastdesk instances trust my-box SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8\n" in text
    assert "\n  vastdesk resume 0193c1f2-7a31\n" in text


def test_the_reason_of_a_failure_is_said_once() -> None:
    story = stories.begun().add("step_started", step="nodes").plan("nodes", ("n", "Node"), ("m", "Other"))
    story.task("nodes", "n", "failed", note="no luck").task("nodes", "m", "failed", note="too late")
    story.add("step_finished", step="nodes", state="failed", note="no luck").state("failed", reason="no luck")
    closing = shown(story).partition("Workflow failed")[2].splitlines()
    assert closing[:2] == [" at Install custom nodes: no luck", "  ✗ Install custom nodes – Other: too late"]


def test_a_lost_job_shows_its_last_words() -> None:
    text = shown(stories.installing().state("lost", reason="the runner was killed", tail=["Killed", "out of memory"]))
    assert "Its last output:\n  Killed\n  out of memory\n" in text
    assert "vastdesk resume 0193c1f2-7a31" in text


def test_a_stdout_that_cannot_write_unicode_is_no_failure() -> None:
    raw = io.BytesIO()
    presenter = PlainPresenter(stories.RUN, stream=io.TextIOWrapper(raw, encoding="ascii"))
    story = stories.finished()
    presenter.update(story.events, story.view)
    presenter.close(story.view, left=False)
    assert b"Workflow completed" in raw.getvalue()
