"""The words a person reads while a run goes on and when it has ended."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.sentences import display_text, format_bytes, format_duration, run_sentence, task_line, task_text
from vastdesk.domain.views import RunView, StepView, TaskView


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00"), (0.9, "00:00"), (83, "01:23"), (3599.9, "59:59"), (3600, "1:00:00"), (3723, "1:02:03")]
    + [(360_000, "100:00:00"), (-5, "00:00"), (None, ""), (math.nan, ""), (math.inf, "")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (12 * 1024**2, "12.0 MiB"), (1.2 * 1024**2, "1.2 MiB")]
    + [(1024**2 - 1, "1.0 MiB"), (1024**3, "1.0 GiB"), (2**53, "8.0 PiB"), (None, ""), (math.nan, "")],
)
def test_sizes_in_the_units_of_git(size: float | None, text: str) -> None:
    assert format_bytes(size) == text


NODE = TaskView(
    "n",
    "ComfyUI-KJNodes",
    "running",
    kind="node",
    percent=45.7,
    done=457,
    total=1000,
    unit="%",
    rate=1.2 * 1024**2,
    size_bytes=12 * 1024**2,
    eta_s=135,
    started_mono=1000,
)


def test_a_node_row_as_specified() -> None:
    assert task_line(NODE, 1083) == "ComfyUI-KJNodes  45 %  1.2 MiB/s  12.0 MiB  01:23  02:15 left"


def test_what_is_not_known_is_left_out() -> None:
    assert task_line(replace(NODE, rate=None, size_bytes=None, eta_s=None), None) == "ComfyUI-KJNodes  45 %"
    assert task_line(TaskView("n", "X", "running", kind="node", started_mono=1), 4) == "X  00:03"


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (TaskView("t", "T", "running", done=31, total=96, unit="packages", percent=32), "31/96 packages"),
        (TaskView("t", "T", "running", done=31, unit="files"), "31 files"),
        (TaskView("t", "T", "running", done=12, total=300, unit="s", percent=4), "04:48 left"),
        (TaskView("t", "T", "running", done=512, unit="B", rate=2048), "512 B  2.0 KiB/s"),
        (TaskView("t", "T", "running", done=3, total=9, unit="files", rate=1.5, percent=33), "3/9 files  1.5 files/s"),
        (TaskView("t", "T", "running"), ""),
        (TaskView("t", "T", "waiting", percent=40), ""),
        (TaskView("t", "T", "succeeded", percent=100), ""),
    ],
)
def test_progress_in_words(task: TaskView, text: str) -> None:
    assert task_text(task, 5) == text


def test_a_finished_task_shows_its_note() -> None:
    assert task_line(TaskView("t", "Set UI_HOME", "succeeded", note="already set")) == "Set UI_HOME  already set"


STEPS = (
    StepView("ssh", title="Test SSH", state="succeeded"),
    StepView("nodes", title="Install custom nodes", state="running"),
)
RUN = RunView(state="running", instance="box", steps=STEPS, current_step=1)


def failing(state: str, note: str = "") -> RunView:
    return replace(RUN, state=state, steps=(STEPS[0], replace(STEPS[1], state=state, note=note)))


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (replace(failing("succeeded"), elapsed_s=83.2), "Workflow completed: 2 steps in 01:23"),
        (
            replace(RUN, state="succeeded", steps=(STEPS[0], replace(STEPS[1], state="skipped")), elapsed_s=3),
            "Workflow completed: 1 steps in 00:03",
        ),
        (
            replace(RUN, state="succeeded", steps=(STEPS[0], replace(STEPS[1], state="failed")), elapsed_s=3),
            "Workflow completed: 2 steps in 00:03 (1 failed, as the workflow allows)",
        ),
        (replace(failing("failed"), reason="no disk"), "Workflow failed at Install custom nodes: no disk"),
        (failing("failed", note="step note"), "Workflow failed at Install custom nodes: step note"),
        (RunView(state="failed", reason="box did not answer"), "Workflow failed: box did not answer"),
        (failing("cancelled"), "Workflow cancelled at Install custom nodes"),
        (RunView(state="cancelled"), "Workflow cancelled before its first step"),
        (replace(failing("lost"), reason="killed"), "Workflow lost at Install custom nodes: killed"),
        (
            replace(failing("interrupted"), reason="the machine was restarted"),
            "Workflow interrupted at Install custom nodes: the machine was restarted",
        ),
        (
            replace(RUN, state="blocked", block={"kind": "host_key_unknown"}),
            "Waiting: the host key of box is not trusted yet",
        ),
        (replace(RUN, state="blocked", block={"kind": "host_key_changed"}), "Waiting: the host key of box has changed"),
        (replace(RUN, state="blocked"), "Waiting: the host key of box is not trusted yet"),
        (replace(RUN, state="reconnecting"), "Connection lost: the work goes on, reconnecting"),
        (replace(RUN, state="queued"), "Queued: waiting for box"),
        (replace(RUN, state="connecting"), "Connecting to box"),
        (replace(RUN, state="cancelling"), "Cancelling at Install custom nodes"),
        (RUN, "Running at Install custom nodes"),
        (RunView(state="running"), "Running on the instance"),
    ],
)
def test_how_a_run_stands_in_one_sentence(view: RunView, sentence: str) -> None:
    assert run_sentence(view) == sentence


def test_the_name_to_show_may_be_another() -> None:
    assert run_sentence(replace(RUN, state="connecting"), "my box") == "Connecting to my box"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("über 漢字 🙂", "über 漢字 🙂"),
        ("a\x1b[31;1mred\x1b[0mb", "aredb"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x9b31mb", "ab"),
        ("a\x1bcb", "ab"),
        ("one\ntwo\r\nthree\tfour", "one two three four"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2066b\u2069\u200e\u200f\ufeff\u200bc", "abc"),
        ("a\u2028b\u2029c", "a b c"),
        ("a\x00\x07\x08b", "a b"),
        ("a\ud800b", "a\ufffdb"),
        ("z" + "\u0301" * 200, "z" + "\u0301" * 4),
        ("  wide \u00a0 spaces  ", "wide spaces"),
    ],
)
def test_hostile_texts_become_one_harmless_line(hostile: str, shown: str) -> None:
    assert display_text(hostile) == shown


def test_long_texts_are_cut() -> None:
    assert display_text("x" * 10_000) == "x" * 199 + "…"
    assert display_text("x" * 10_000, 10) == "x" * 9 + "…"
    assert len(display_text("\x1b[31mx" * 10_000)) == 200


@given(st.text(), st.integers(1, 60))
def test_whatever_is_shown_is_short_and_harmless(text: str, limit: int) -> None:
    shown = display_text(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert not any(
        unicodedata.bidirectional(char) in ("LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI") for char in shown
    )
    shown.encode()
