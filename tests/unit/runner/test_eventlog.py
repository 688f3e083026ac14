"""The event log: whole lines only, numbered without holes, whatever the disk does and however readers cut it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vastdesk.remote.runner import eventlog
from vastdesk.remote.runner.eventlog import EventReader, EventWriter

texts = st.builds(lambda text, times: text * times, st.text(max_size=10), st.sampled_from([1, 1, 30, 500]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(texts, inner, max_size=8),
    max_leaves=20,
)


def lines_of(path: Path) -> list[dict[str, object]]:
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


class Disk:
    """`os.write` that runs out of room after some bytes, as a real one does: it writes what fits, then fails."""

    def __init__(self, room: int, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.error = error

    def write(self, fd: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(self.error, os.strerror(self.error))
        written = os.write(fd, data[: self.room])
        self.room -= written
        return written


@settings(max_examples=30)  # it is the making of the examples that takes long
@given(st.dictionaries(texts, values, max_size=8))
def test_a_line_is_valid_json_of_at_most_8_kib(fields: dict[str, object]) -> None:
    line = eventlog.encode({"seq": 1, "type": "x", **fields})
    assert len(line) <= 8192 and line.count(b"\n") == 1
    assert isinstance(json.loads(line), dict)


def test_long_texts_are_cut_and_short_ones_kept() -> None:
    event = json.loads(eventlog.encode({"seq": 1, "note": "é" * 100_000, "label": "short"}))
    assert event["note"].endswith("…") and len(event["note"]) >= 1000 and event["label"] == "short"
    bones = json.loads(
        eventlog.encode({"seq": 7, "type": "plan", "step": "a", "tasks": [{"id": str(n)} for n in range(2000)]})
    )
    assert bones == {"seq": 7, "type": "plan", "step": "a"}


def test_events_are_numbered_and_timed(tmp_path: Path) -> None:
    rings: list[int] = []
    log = EventWriter(str(tmp_path / "log"), ring=lambda: rings.append(1))
    log.key("job_started", steps=["a"])
    assert log.progress("task", id="t")
    log.close()
    first, second = lines_of(tmp_path / "log")
    assert (first["seq"], second["seq"], len(rings)) == (1, 2, 2)
    assert set(first) == {"seq", "ts", "mono", "type", "steps"} and first["mono"] <= second["mono"]  # type: ignore[operator]


@pytest.mark.parametrize("room", range(0, 200, 7))
def test_on_a_full_disk_nothing_is_torn_and_the_reserve_takes_the_key_events(tmp_path: Path, room: int) -> None:
    disk = Disk(room)
    reserve = tmp_path / "reserve"
    reserve.touch()
    log = EventWriter(str(tmp_path / "log"), str(reserve), write=disk.write)
    for number in range(3):
        log.key("task", id=number)
        log.progress("log", text="x" * 50)
        lines_of(tmp_path / "log")
    assert log.trouble == "disk full"
    assert reserve.exists(), "kept until the job is ended: nobody else may eat it"
    disk.room = 10_000
    log.release_reserve()
    log.tell_dropped()
    log.key("job_finished", state="failed")
    log.close()
    events = lines_of(tmp_path / "log")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["id"] for event in events if event["type"] == "task"] == [0, 1, 2]
    progress = [event for event in events if event["type"] == "log"]
    dropped = [event["count"] for event in events if event["type"] == "dropped"]
    assert len(progress) + sum(dropped) == 3  # type: ignore[arg-type]
    assert events[-1]["type"] == "job_finished" and not reserve.exists()


def test_when_the_reserve_is_eaten_output_makes_room(tmp_path: Path) -> None:
    disk = Disk(0)

    def make_room() -> None:
        disk.room = 500

    log = EventWriter(str(tmp_path / "log"), make_room=make_room, write=disk.write)
    log.key("job_started")
    log.release_reserve()
    assert lines_of(tmp_path / "log")[0]["type"] == "job_started"


def test_when_there_is_no_room_at_all_the_log_stays_whole(tmp_path: Path) -> None:
    disk = Disk(100)
    log = EventWriter(str(tmp_path / "log"), write=disk.write)
    for _ in range(eventlog.WAITING_EVENTS + 10):
        log.key("task", id="a")
    log.release_reserve()
    log.close()
    assert len(lines_of(tmp_path / "log")) == log.seq <= 1
    assert log.dropped >= 9


def test_another_error_is_named(tmp_path: Path) -> None:
    log = EventWriter(str(tmp_path / "log"), write=Disk(0, errno.EIO).write)
    log.key("task")
    assert log.trouble == "the event log cannot be written (Input/output error)"


def test_progress_has_a_budget_and_key_events_go_beyond_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "PROGRESS_BUDGET_BYTES", 1000)
    log = EventWriter(str(tmp_path / "log"))
    written = sum(log.progress("task", id=str(number)) for number in range(50))
    log.key("task", state="succeeded")
    log.tell_dropped()
    log.tell_dropped()
    events = lines_of(tmp_path / "log")
    assert 0 < written < 50 and len(events) == written + 2
    assert events[-1]["count"] == 50 - written == log.dropped


def test_what_is_no_json_is_dropped_and_counted(tmp_path: Path) -> None:
    log = EventWriter(str(tmp_path / "log"))
    log.key("task", value=float("nan"))
    assert not log.progress("task", value=object())
    log.key("task", text="\ud800")
    (event,) = lines_of(tmp_path / "log")
    assert event["text"] == "?" and log.dropped == 2


good_lines = st.integers(1, 30).map(lambda count: [b'{"seq":%d,"type":"x"}' % (n + 1) for n in range(count)])


@given(good_lines, st.data())
def test_however_a_log_grows_every_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    whole = b"\n".join(lines) + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    reader = EventReader(str(path), since=data.draw(st.integers(0, len(lines))))
    since, seen = reader.last, []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[begin:end])
        seen += reader.read().lines
    assert seen == lines[since:] and reader.damaged == 0


@given(st.lists(st.binary(max_size=60).filter(lambda raw: b"\n" not in raw and raw.strip()), max_size=6), good_lines)
def test_damage_between_lines_hides_none_of_them(
    tmp_path_factory: pytest.TempPathFactory, rubbish: list[bytes], lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    mixed = []
    for number, line in enumerate(lines):
        mixed += rubbish[number : number + 1] + [line]
    path.write_bytes(b"\n".join(mixed) + b"\n")
    reader = EventReader(str(path))
    assert reader.read().lines == lines
    assert reader.damaged == len(mixed) - len(lines)


def test_an_endless_line_is_skipped_as_one_damage(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"seq":1}\n' + b"x" * (3 * eventlog.READ_BYTES) + b'\n{"seq":2}\n')
    reader = EventReader(str(path))
    seen = []
    while True:
        batch = reader.read()
        seen += batch.lines
        if not batch.more:
            break
    assert seen == [b'{"seq":1}', b'{"seq":2}'] and reader.damaged == 1


def test_a_torn_write_that_was_taken_back_is_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"seq":1}\n{"seq":2,"ha')
    reader = EventReader(str(path))
    assert reader.read().lines == [b'{"seq":1}']
    path.write_bytes(b'{"seq":1}\n{"seq":2}\n')
    assert reader.read().lines == [b'{"seq":2}']


@pytest.mark.parametrize(
    "bad", [b'{"seq":"3"}', b'{"seq":true}', b'{"seq":0}', b'{"seq":NaN}', b"[3]", b'{"type":"x"}', b"\xff"]
)
def test_what_counts_as_an_event(tmp_path: Path, bad: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"type":"x","seq":1}\n' + bad + b"\n" + b'{"seq":1}\n')
    reader = EventReader(str(path))
    assert reader.read().lines == [b'{"type":"x","seq":1}'] and reader.damaged == 1


@pytest.mark.parametrize(
    ("content", "last"),
    [
        (b"", 0),
        (b'{"seq":1}\n{"seq":2}\n', 2),
        (b'{"seq":1}\n{"seq":2}', 1),
        (b'{"seq":1}\nrubbish\n', 1),
        (b'{"seq":9}\n' + b"x" * 100_000 + b"\n", 9),
        (b"x" * 100_000, 0),
    ],
)
def test_the_last_number(tmp_path: Path, content: bytes, last: int) -> None:
    (tmp_path / "log").write_bytes(content)
    assert eventlog.last_seq(str(tmp_path / "log")) == last


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    reader: Callable[[], eventlog.Batch] = EventReader(str(tmp_path / "none")).read
    assert reader() == ([], False) and eventlog.last_seq(str(tmp_path / "none")) == 0
