"""Raw output: bounded, offsets that stay true, a full disk that stops nobody."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.remote.runner import outputlog
from vastdesk.remote.runner.outputlog import OutputLog


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputlog, "SEGMENT_BYTES", 100)


@given(st.lists(st.integers(1, 350), max_size=12), st.integers(0, 2000))
def test_offsets_stay_true_whatever_was_dropped(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], offset: int
) -> None:
    folder = str(tmp_path_factory.mktemp("job"))
    whole = bytes(number % 251 for number in range(sum(sizes)))
    position = 0
    with OutputLog(folder, "s") as log:
        for size in sizes:
            log.write(whole[position : position + size])
            position += size
        assert log.position == len(whole)
    chunk = outputlog.read(folder, "s", offset, 60)
    assert chunk.size == len(whole)
    assert chunk.data == whole[chunk.offset : chunk.offset + len(chunk.data)]
    assert chunk.offset >= min(offset, len(whole)) or not whole
    if offset < min(100, len(whole)):
        assert chunk.offset == offset and chunk.data
    assert sum(os.stat(part.path).st_size for part in outputlog.segments(folder, "s")) <= 400


def test_reading_to_the_end_skips_the_hole(tmp_path: Path) -> None:
    with OutputLog(str(tmp_path), "s") as log:
        log.write(b"".join(b"%04d\n" % number for number in range(200)))
    offset, seen = 0, b""
    while True:
        chunk = outputlog.read(str(tmp_path), "s", offset, 1000)
        if not chunk.data:
            break
        seen, offset = seen + chunk.data, chunk.next
    assert seen.startswith(b"0000\n0001\n") and seen.endswith(b"0199\n")
    assert 300 < len(seen) <= 400 and offset == chunk.size == 1000


def test_a_second_writer_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    for text in (b"a" * 150, b"b" * 20):
        with OutputLog(str(tmp_path), "s") as log:
            log.write(text)
    assert outputlog.read(str(tmp_path), "s", 100, 100).data + outputlog.read(str(tmp_path), "s", 150, 100).data == (
        b"a" * 50 + b"b" * 20
    )


def test_threads_write_whole_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputlog, "SEGMENT_BYTES", 1 << 20)
    with OutputLog(str(tmp_path), "s") as log, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.write(b"%d" % number * 50 + b"\n"), range(10)))
    lines = outputlog.read(str(tmp_path), "s", 0, 1 << 20).data.splitlines()
    assert sorted(lines) == sorted(b"%d" % number * 50 for number in range(10))


def test_a_full_disk_leaves_a_hole_and_never_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = OutputLog(str(tmp_path), "s")
    log.write(b"before")
    real = os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(outputlog.os, "write", full)
    log.write(b"lost" * 1000)
    monkeypatch.setattr(outputlog.os, "write", real)
    log.write(b"lost too: it is not looked more often than once a second")
    lost = log.lost_bytes
    log._next_look = 0.0
    log.write(b"after")
    assert outputlog.read(str(tmp_path), "s", 0, 6).data == b"before"
    chunk = outputlog.read(str(tmp_path), "s", 6, 100)
    assert (chunk.offset, chunk.data) == (6 + lost, b"after")
    log.close()


def test_a_job_folder_that_vanishes_stops_nobody(tmp_path: Path) -> None:
    log = OutputLog(str(tmp_path / "gone" / "job"), "s")
    (tmp_path / "gone").touch()
    log.write(b"x")
    assert log.lost_bytes == 1


def test_the_tail_is_plain_text_as_it_stood_on_the_screen(tmp_path: Path) -> None:
    with OutputLog(str(tmp_path), "old") as log:
        log.write(b"old\n")
    os.utime(tmp_path / "output" / "old.log", (1, 1))
    with OutputLog(str(tmp_path), "new") as log:
        log.write(b"x" * 90 + b"\n\x1b[31mred\x1b[0m\r\n 10%\r 99%\r100%\n\xff\x07 \n\n")
    assert outputlog.tail(str(tmp_path), lines=3) == ["red", "100%", "\ufffd\ufffd"]
    assert outputlog.tail(str(tmp_path), width=2)[0] == "xx"
    assert outputlog.tail(str(tmp_path / "none")) == []


def test_room_is_made_by_giving_up_the_later_segments(tmp_path: Path) -> None:
    with OutputLog(str(tmp_path), "s") as log:
        log.write(b"x" * 1000)
    assert outputlog.drop_tail(str(tmp_path)) == 300
    assert [part.offset for part in outputlog.segments(str(tmp_path), "s")] == [0]
