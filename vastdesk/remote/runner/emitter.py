"""Writes the events of a step: one line, one write; progress at most five times a second per task."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional

from .redact import Redactor

MAX_LINE = 8192  # bytes with the line end (docs/protocol.md §1)
MAX_TEXT = 2000  # characters of one text
PROGRESS_GAP_S = 0.2

_Event = Dict[str, Any]


def encode(event: Mapping[str, Any]) -> bytes:
    """The event as one line of at most `MAX_LINE` bytes; texts that are too long lose their end."""
    event = _clip(event, MAX_TEXT)
    line = _line(event)
    limit = MAX_TEXT
    while len(line) > MAX_LINE and limit > 16:
        limit //= 2
        event = _clip(event, limit)
        line = _line(event)
    return line


def _line(event: Mapping[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "replace") + b"\n"


def _clip(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1] + "…"
    if isinstance(value, Mapping):
        return {key: _clip(item, limit) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clip(item, limit) for item in value]
    return value


def split_plan(step: str, tasks: Iterable[Mapping[str, Any]]) -> Iterator[_Event]:
    """Plan events that each fit into a line: a list of a thousand nodes does not fit into one."""
    chunk: List[Mapping[str, Any]] = []
    size = 0
    for task in tasks:
        length = len(_line(_clip(task, 300)))
        if chunk and size + length > MAX_LINE - 256:
            yield {"type": "plan", "step": step, "tasks": chunk}
            chunk, size = [], 0
        chunk.append(_clip(task, 300))
        size += length
    if chunk:
        yield {"type": "plan", "step": step, "tasks": chunk}


class Emitter:
    """The only writer of the event descriptor. Thread-safe.

    `send` writes at once. `send_later` keeps the latest event of its task and writes it when a fifth of a second has
    passed since the last one. A descriptor whose reader is gone swallows what comes: the life pipe ends the step.
    """

    def __init__(self, fd: int, redactor: Optional[Redactor] = None) -> None:
        self._fd = fd
        self._redactor = redactor or Redactor()
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._pending: Dict[str, _Event] = {}
        self._next: Dict[str, float] = {}
        self._thread: Optional[threading.Thread] = None
        self._closed = False
        self.muted = False

    def send(self, event: _Event, task: Optional[str] = None) -> None:
        """Write now. What was pending for the task goes along, as far as the event does not say otherwise."""
        with self._lock:
            if task is not None:
                event = {**self._pending.pop(task, {}), **event}
                self._next[task] = time.monotonic() + PROGRESS_GAP_S
            self._write(event)

    def send_later(self, task: str, event: _Event) -> None:
        with self._lock:
            if self._closed:
                return
            self._pending[task] = {**self._pending.get(task, {}), **event}
            if time.monotonic() >= self._next.get(task, 0.0):
                self.send({}, task)
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._flush_when_due, name="vastdesk-progress", daemon=True)
                self._thread.start()
            self._wake.notify()

    def mute(self) -> None:
        """Nothing more is written: the step is being ended from outside."""
        self.muted = True
        self._closed = True

    def close_with(self, last: _Event) -> None:
        """Write what is pending and then this, and stop: nothing comes after the result line."""
        with self._lock:
            for task in list(self._pending):
                self.send({}, task)
            self._write(last)
            self._closed = True
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _flush_when_due(self) -> None:
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                for task in [task for task in self._pending if self._next.get(task, 0.0) <= now]:
                    self.send({}, task)
                if self._pending:
                    due = min(self._next.get(task, 0.0) for task in self._pending)
                    self._wake.wait(max(0.0, due - time.monotonic()))
                else:
                    self._wake.wait()

    def _write(self, event: _Event) -> None:
        if self._closed or self._fd < 0 or not event:
            return
        data = encode(self._redactor.value(event))
        try:
            while data:  # one write; a pipe that takes less (a signal in between) gets the rest
                data = data[os.write(self._fd, data) :]
        except OSError:  # EPIPE: the supervisor is gone
            self._fd = -1
