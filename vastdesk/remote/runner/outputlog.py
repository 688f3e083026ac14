"""The raw output of a step: written by the step process, read by `serve`, bounded, with offsets that stay true.

The first MiB is kept in `output/<step>.log`, later ones in `output/<step>.log.<offset>`, of which the last three are
kept. A segment is named by the offset of its first byte, so what was dropped in the middle (or lost on a full disk)
is a hole that a reader can see.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from typing import List, NamedTuple, Tuple

SEGMENT_BYTES = 1 << 20
KEPT_TAIL_SEGMENTS = 3
RESUME_FREE_BYTES = 4 << 20  # a full disk is believed to have room again from here: less would be eaten at once

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Segment(NamedTuple):
    """A stretch of output that is on the disk."""

    offset: int
    path: str


class Chunk(NamedTuple):
    """Bytes that were read. `offset` is where they really begin: past the one asked for, if that part was dropped."""

    offset: int
    data: bytes
    size: int  # the end of the log, in bytes ever written

    @property
    def next(self) -> int:
        return self.offset + len(self.data)


def _base(job_dir: str, step_id: str) -> str:
    return os.path.join(job_dir, "output", step_id + ".log")


def segments(job_dir: str, step_id: str) -> List[Segment]:
    """What is there, in order of offset."""
    folder, name = os.path.split(_base(job_dir, step_id))
    found = []
    try:
        entries = os.listdir(folder)
    except OSError:
        return []
    for entry in entries:
        if entry == name:
            found.append(Segment(0, os.path.join(folder, entry)))
        elif entry.startswith(name + ".") and entry[len(name) + 1 :].isdigit():
            found.append(Segment(int(entry[len(name) + 1 :]), os.path.join(folder, entry)))
    return sorted(found)


class OutputLog:
    """The writer. Thread-safe. Never raises for a full disk: what found no room is a hole, counted in `lost_bytes`."""

    def __init__(self, job_dir: str, step_id: str) -> None:
        self._lock = threading.Lock()
        self._job_dir = job_dir
        self._step_id = step_id
        self._folder = os.path.join(job_dir, "output")
        self._fd = -1
        self._room = 0  # bytes that still fit into the open segment
        self._position = 0
        self._next_look = 0.0
        self._full = False
        self.lost_bytes = 0
        existing = segments(job_dir, step_id)
        if existing:
            self._position = existing[-1].offset + _size(existing[-1].path)

    @property
    def position(self) -> int:
        """The offset of the next byte."""
        return self._position

    def write(self, data: bytes) -> None:
        """Append. Bytes beyond the cap push out the oldest ones after the first MiB."""
        with self._lock:
            view = memoryview(data)
            while len(view):
                taken = self._write_some(view)
                view = view[taken:]

    def _write_some(self, view: memoryview) -> int:
        if self._full and not self._has_room_again():
            return self._lose(len(view))
        try:
            if self._fd < 0 or self._room <= 0:
                self._open_segment()
            written = os.write(self._fd, view[: self._room])
        except OSError as error:
            self._close_segment()
            self._full = True
            # Anything but a full disk (a removed job folder, an I/O error) must not stop the step either.
            self._next_look = time.monotonic() + (1.0 if error.errno in _NO_ROOM else 5.0)
            return self._lose(len(view))
        self._position += written
        self._room -= written
        return written

    def _lose(self, count: int) -> int:
        self._position += count
        self.lost_bytes += count
        return count

    def _has_room_again(self) -> bool:
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + 1.0
        try:
            status = os.statvfs(self._job_dir)
        except OSError:
            return False
        if status.f_bavail * status.f_frsize < RESUME_FREE_BYTES:
            return False
        self._full = False
        return True

    def _open_segment(self) -> None:
        self._close_segment()
        os.makedirs(self._folder, 0o700, exist_ok=True)
        path = _base(self._job_dir, self._step_id)
        if self._position:
            path += ".%012d" % self._position
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._room = SEGMENT_BYTES
        later = [segment for segment in segments(self._job_dir, self._step_id) if segment.offset]
        for segment in later[:-KEPT_TAIL_SEGMENTS]:
            _remove(segment.path)

    def _close_segment(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._room = 0

    def close(self) -> None:
        with self._lock:
            self._close_segment()

    def __enter__(self) -> "OutputLog":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def read(job_dir: str, step_id: str, offset: int, limit: int) -> Chunk:
    """Up to `limit` bytes from `offset` on. Past a hole, the bytes after it; the chunk says where it begins."""
    offset = max(0, offset)
    size = 0
    chunk = None
    for segment in segments(job_dir, step_id):
        end = segment.offset + _size(segment.path)
        size = max(size, end)
        if chunk is None and end > offset:
            begin = max(offset, segment.offset)
            chunk = (begin, _read_at(segment.path, begin - segment.offset, limit))
    if chunk is None or not chunk[1]:
        return Chunk(max(offset, size) if chunk is None else offset, b"", size)
    return Chunk(chunk[0], chunk[1], size)


def tail(job_dir: str, lines: int = 20, width: int = 500) -> List[str]:
    """The last lines of whatever step wrote last: without colours, a redrawn line as it stood at the end."""
    folder = os.path.join(job_dir, "output")
    newest: Tuple[float, str] = (0.0, "")
    try:
        for entry in os.scandir(folder):
            newest = max(newest, (entry.stat().st_mtime, entry.name))
    except OSError:
        return []
    if not newest[1]:
        return []
    step_id = re.sub(r"\.log(\.\d+)?$", "", newest[1])
    raw = b""
    for segment in reversed(segments(job_dir, step_id)):
        missing = lines * 4096 - len(raw)
        if missing > 0:
            raw = _read_at(segment.path, max(0, _size(segment.path) - missing), missing) + raw
    return [line[:width] for line in _plain_lines(raw)[-lines:]]


def _plain_lines(raw: bytes) -> List[str]:
    found = []
    for line in _ANSI.sub(b"", raw).split(b"\n"):
        text = line.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode("utf-8", "replace").rstrip()
        text = "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in text)
        if text:
            found.append(text)
    return found


def drop_tail(job_dir: str) -> int:
    """Give up all segments after the first MiB: room for the last records on a full disk. Returns the bytes freed."""
    folder = os.path.join(job_dir, "output")
    freed = 0
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    for name in names:
        if re.search(r"\.log\.\d+$", name):
            path = os.path.join(folder, name)
            freed += _size(path)
            _remove(path)
    return freed


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _read_at(path: str, position: int, limit: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(position)
            return file.read(limit)
    except OSError:  # rotated away between the look and the read
        return b""


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
