"""The event log of a job: one writer (the supervisor), any number of readers, no record ever half seen.

A line is one event, at most 8 KiB, appended with one `write()`. What does not fit on the disk is taken back whole.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Tuple

MAX_LINE_BYTES = 8192
PROGRESS_BUDGET_BYTES = 4 << 20
KEY_BUDGET_BYTES = 64 << 20  # far beyond any honest job: a step gone mad must not fill the disk either
WAITING_EVENTS = 2000
READ_BYTES = 64 << 10
DISK_FULL = "disk full"

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def dump(value: Any) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN and infinity, which are not JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")  # a lone surrogate, which JSON allows and UTF-8 does not, becomes "?"


def encode(event: Mapping[str, Any]) -> bytes:
    """An event as a line of at most 8 KiB: long texts are cut, what is still too long keeps only its bones."""
    line = dump(event)
    limit = 2000
    while len(line) >= MAX_LINE_BYTES and limit >= 8:
        event = _cut(event, limit)
        line = dump(event)
        limit //= 2
    if len(line) >= MAX_LINE_BYTES:
        bones = ("seq", "ts", "mono", "type", "step", "id", "state")
        line = dump({name: event[name] for name in bones if isinstance(event.get(name), (str, int, float))})
    return line + b"\n"


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return value[: limit - 1] + "…"
    if isinstance(value, Mapping):
        return {key: _cut(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit) for item in value]
    return value


class EventWriter:
    """Appends events, numbered from 1 without holes.

    When a write fails, `trouble` says so and stays set: progress is dropped and counted, key events wait in memory
    until `release_reserve()` gives their room back. The supervisor ends the job first, so that nothing else eats it.
    """

    def __init__(
        self,
        path: str,
        reserve: str = "",
        ring: Callable[[], None] = lambda: None,
        make_room: Callable[[], Any] = lambda: None,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._reserve = reserve
        self._ring = ring
        self._make_room = make_room
        self._write = write
        self._size = os.fstat(self._fd).st_size
        self._progress_bytes = 0
        self._waiting: Deque[Tuple[float, float, str, Mapping[str, Any]]] = deque()
        self._released = False
        self._untold = 0
        self.seq = 0
        self.dropped = 0
        self.trouble = ""

    @property
    def progress_bytes(self) -> int:
        """How much of the budget for progress is used up."""
        return self._progress_bytes

    def key(self, type_: str, **fields: Any) -> None:
        """An event that must not be lost."""
        self._waiting.append((time.time(), time.monotonic(), type_, fields))
        if not self.trouble or self._released:
            self._flush()
        while len(self._waiting) > WAITING_EVENTS:
            self._waiting.popleft()
            self.drop()

    def progress(self, type_: str, **fields: Any) -> bool:
        """An event that may be given up: on a full disk, or beyond 4 MiB. Says whether it was written."""
        line = self._line(time.time(), time.monotonic(), type_, fields)
        room = self._progress_bytes + len(line) <= PROGRESS_BUDGET_BYTES
        if not line or self.trouble or not room or not self._put(line):
            self.drop()
            return False
        self._progress_bytes += len(line)
        return True

    def drop(self, count: int = 1) -> None:
        """Count events that were given up."""
        self.dropped += count
        self._untold += count

    def tell_dropped(self) -> None:
        """Write how many events were given up since it was last told."""
        if self._untold:
            count, self._untold = self._untold, 0
            self.key("dropped", count=count)

    def release_reserve(self) -> None:
        """Give the reserved room back and write what waited for it."""
        self._released = True
        self._remove_reserve()
        self._flush()

    def close(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError:
            pass
        os.close(self._fd)
        self._remove_reserve()

    def _flush(self) -> None:
        while self._waiting:
            ts, mono, type_, fields = self._waiting[0]
            line = self._line(ts, mono, type_, fields)
            if not line or (self._size > KEY_BUDGET_BYTES and type_ in ("task", "plan", "log")):
                self._waiting.popleft()
                self.drop()
                continue
            if not self._put(line) and not (self._released and self._put_after_making_room(line)):
                return
            self._waiting.popleft()

    def _put_after_making_room(self, line: bytes) -> bool:
        self._make_room()
        return self._put(line)

    def _line(self, ts: float, mono: float, type_: str, fields: Mapping[str, Any]) -> bytes:
        event: Dict[str, Any] = {"seq": self.seq + 1, "ts": round(ts, 3), "mono": round(mono, 4), "type": type_}
        event.update(fields)
        try:
            return encode(event)
        except (ValueError, TypeError, RecursionError):  # what a step sent cannot be written as JSON
            return b""

    def _put(self, line: bytes) -> bool:
        """One write, all or nothing."""
        try:
            written = self._write(self._fd, line)
        except OSError as error:
            full = error.errno in _NO_ROOM
            self.trouble = DISK_FULL if full else "the event log cannot be written (%s)" % error.strerror
            written = 0
        if written < len(line):
            self.trouble = self.trouble or DISK_FULL
            self._take_back()
            return False
        self._size += written
        self.seq += 1
        self._ring()
        return True

    def _take_back(self) -> None:
        """Remove what a write that ran out of room has left. No reader has used it: they wait for the end of a line."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            pass

    def _remove_reserve(self) -> None:
        try:
            os.unlink(self._reserve)
        except OSError:
            pass


class Batch(NamedTuple):
    """Lines in order, each a checked event. `more`: the end of the file was not reached."""

    lines: List[bytes]
    more: bool


class EventReader:
    """Follows an event log from a sequence number on. Damaged lines are skipped and counted."""

    def __init__(self, path: str, since: int = 0) -> None:
        self._path = path
        self._offset = 0
        self._inside_damage = False
        self.last = since
        self.damaged = 0

    def read(self) -> Batch:
        """What is new: whole lines only."""
        data = self._read_chunk()
        end = data.rfind(b"\n") + 1
        full = len(data) >= READ_BYTES
        if not end:
            if full:  # no line is that long: skip to wherever it ends
                self._offset += len(data)
                self._inside_damage = True
            return Batch([], full)
        self._offset += end
        lines = data[: end - 1].split(b"\n")
        if self._inside_damage:
            self._inside_damage = False
            self.damaged += 1
            lines = lines[1:]
        return Batch([line for line in lines if self._is_next(line)], full)

    def _read_chunk(self) -> bytes:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            if os.fstat(fd).st_size < self._offset:  # never done by our writer: read anew, known numbers are skipped
                self._offset = 0
            return os.pread(fd, READ_BYTES, self._offset)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def _is_next(self, line: bytes) -> bool:
        known = _quick_seq(line)
        if known is not None and known <= self.last:
            return False
        seq = _checked_seq(line)
        if seq is None:
            self.damaged += bool(line.strip())
            return False
        if seq <= self.last:
            return False
        self.last = seq
        return True


def _quick_seq(line: bytes) -> Optional[int]:
    """The number of a line of our writer, without parsing the rest."""
    if line.startswith(b'{"seq":'):
        digits = line[7:27].partition(b",")[0]
        if digits.isdigit():
            return int(digits)
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def parse(line: bytes) -> Optional[Dict[str, Any]]:
    """A line as an object, or None if it is not one."""
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _checked_seq(line: bytes) -> Optional[int]:
    event = parse(line)
    seq = event.get("seq") if event else None
    return seq if isinstance(seq, int) and not isinstance(seq, bool) and seq > 0 else None


def last_seq(path: str) -> int:
    """The number of the last good line; 0 if there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            reach = 8 * MAX_LINE_BYTES
            while True:
                start = max(0, size - reach)
                file.seek(start)
                whole = file.read(size - start).rpartition(b"\n")[0]
                for line in reversed(whole.split(b"\n")[1 if start else 0 :]):
                    seq = _checked_seq(line)
                    if seq is not None:
                        return seq
                if not start:
                    return 0
                reach *= 8
    except OSError:
        return 0
