"""What a step process writes on its way into the log: thinned out, taken apart, masked, checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.remote.runner.eventlog import EventWriter
from vastdesk.remote.runner.intake import Intake


class Bench:
    """An intake with a clock in our hands."""

    def __init__(self, folder: Path, *secrets: str) -> None:
        self.path = folder / "log"
        self.log = EventWriter(str(self.path))
        self.now = 100.0
        self.intake = Intake("s", self.log, secrets, clock=lambda: self.now)

    def say(self, **event: object) -> None:
        self.intake.feed(json.dumps(event).encode() + b"\n")

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_progress_goes_out_at_most_5_times_a_second_and_the_latest_wins(bench: Bench) -> None:
    for done in range(10):
        bench.say(type="task", id="a", progress={"done": done}, label="A" if not done else "B")
    bench.intake.tick()
    assert [event["progress"] for event in bench.events()] == [{"done": 0}]
    bench.now += 0.2
    bench.intake.tick()
    assert bench.events()[1]["progress"] == {"done": 9} and bench.events()[1]["label"] == "B"
    bench.intake.finish()
    assert len(bench.events()) == 2


def test_a_change_of_state_goes_out_at_once_after_what_waited(bench: Bench) -> None:
    bench.say(type="task", id="a", state="running")
    bench.say(type="task", id="a", state="running", progress={"done": 5})
    bench.say(type="task", id="a", state="succeeded")
    assert [(event["state"], event.get("progress")) for event in bench.events()] == [
        ("running", None),
        ("running", {"done": 5}),
        ("succeeded", None),
    ]


def test_the_fuller_the_log_the_slower_the_progress(bench: Bench) -> None:
    counts = []
    for _ in range(2):
        before = len(bench.events())
        for _ in range(100):
            bench.now += 0.11
            bench.say(type="task", id="a", note="n" * 100)
        counts.append(len(bench.events()) - before)
        bench.log._progress_bytes = 3 << 20
    assert counts[0] >= 45 and counts[1] <= 2


def test_a_long_plan_is_taken_apart(bench: Bench) -> None:
    tasks = [{"id": f"t{number}", "label": "x" * 100} for number in range(300)]
    bench.say(type="plan", tasks=tasks)
    events = bench.events()
    assert len(events) > 3 and max(map(len, bench.path.read_bytes().splitlines())) <= 8192
    assert [task for event in events for task in event["tasks"]] == tasks  # type: ignore[attr-defined]


def test_secrets_are_masked_in_every_spelling(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 'pä"ss/word', "abc")
    bench.say(type="log", text='x pä"ss/word y abc')
    bench.intake.feed('{"type":"result","state":"failed","note":"pä\\"ss/word"}\n'.encode())
    assert bench.events()[0]["text"] == "x *** y abc"  # too short to mask: it would blacken half of every text
    assert bench.intake.result == {"type": "result", "state": "failed", "note": "***"}
    assert bench.intake.mask('Error: pä"ss/word') == "Error: ***"


def test_what_the_supervisor_says_nobody_else_may_say(bench: Bench) -> None:
    bench.say(type="step_finished", step="s", state="succeeded")
    bench.say(type="task", id="a", state="running", step="other", seq=99, ts=1, mono=2, job="x", run="y", rseq=3)
    (event,) = bench.events()
    assert (event["step"], event["seq"]) == ("s", 1) and not {"job", "run", "rseq"} & set(event)
    assert bench.intake.garbage == 1


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_no_bytes_break_it(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    bench = Bench(tmp_path_factory.mktemp("intake"), "secret-1")
    for piece in pieces:
        bench.intake.feed(piece)
    bench.intake.feed(b"\n")
    bench.say(type="result", state="succeeded")
    bench.intake.finish()
    assert bench.intake.result == {"type": "result", "state": "succeeded"}
    seqs = [event["seq"] for event in bench.events()]
    assert seqs == list(range(1, len(seqs) + 1))


def test_one_overlong_line_is_one_piece_of_garbage_and_takes_no_memory(bench: Bench) -> None:
    for _ in range(100):
        bench.intake.feed(b"x" * 65536)
        assert len(bench.intake._rest) <= 65536
    bench.intake.feed(b"\n")
    bench.say(type="log", text="after")
    assert bench.intake.garbage == 1 and bench.events()[0]["text"] == "after"


def test_deep_nesting_and_odd_types_are_garbage(bench: Bench) -> None:
    bench.intake.feed(b'{"type":"log","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}\n")
    bench.say(type="x" * 41)
    bench.say(type=["task"])
    bench.say(type="task", id=5)
    bench.say(type="plan", tasks="all")
    assert bench.events() == [] and bench.intake.garbage == 5
