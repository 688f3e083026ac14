"""Takes in what a step process writes and passes it on to the event log: checked, thinned out, free of secrets.

A step is other people's code on other people's data: nothing it writes may break the log or fill the disk.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from .eventlog import EventWriter, dump, parse

INPUT_LINE_BYTES = 64 << 10  # a plan of some hundred tasks is longer than an event line may be, and is taken apart here
PLAN_BYTES = 6 << 10
SECRET_MIN_CHARS = 6  # shorter ones would blacken half of every text
RESERVED = ("job_started", "job_finished", "step_started", "step_finished", "run_state", "dropped")
OWN_FIELDS = ("seq", "ts", "mono", "type", "step", "run", "job", "rseq")

# How often a task's progress is written, by how much of the budget is used: a long download must not fall silent.
INTERVALS: Tuple[Tuple[int, float], ...] = ((1 << 20, 0.2), (2 << 20, 1.0), (3 << 20, 5.0), (4 << 20, 30.0))


class Intake:
    """One step's lines. `result` is what it said last of how it went."""

    def __init__(
        self,
        step: str,
        log: EventWriter,
        secrets: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.step = step
        self._log = log
        self._clock = clock
        self._masks = _masks(secrets)
        self._rest = b""
        self._overlong = False
        self._states: Dict[str, str] = {}
        self._sent: Dict[str, float] = {}
        self._pending: Dict[str, Dict[str, Any]] = {}
        self.result: Optional[Dict[str, Any]] = None
        self.garbage = 0

    def feed(self, data: bytes) -> None:
        """Bytes as they came from the pipe."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._overlong:
                self._overlong = False  # the end of the line whose beginning was thrown away
            else:
                self._take(line)
        if len(self._rest) > INPUT_LINE_BYTES:
            self.garbage += not self._overlong
            self._overlong = True
            self._rest = b""

    def finish(self) -> None:
        """The step has ended: nothing more comes."""
        if self._rest.strip() and not self._overlong:
            self.garbage += 1  # half a line: its writer died in mid-sentence
        self._rest = b""
        for id_ in list(self._pending):
            self._send_pending(id_)
        if self.garbage:
            text = "%d unreadable line(s) from the step were left out" % self.garbage
            self._log.key("log", step=self.step, text=text)

    def tick(self) -> None:
        """Write the progress that is due."""
        if self._pending:
            due = self._clock() - self._interval()
            for id_ in [id_ for id_ in self._pending if self._sent.get(id_, due) <= due]:
                self._send_pending(id_)

    def mask(self, text: str) -> str:
        """The text without secrets."""
        for secret, _ in self._masks:
            text = text.replace(secret, "***")
        return text

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        for _, spellings in self._masks:
            for spelling in spellings:
                line = line.replace(spelling, b"***")
        event = parse(line) if len(line) <= INPUT_LINE_BYTES else None
        type_ = event.get("type") if event else None
        if event is None or not isinstance(type_, str) or not 0 < len(type_) <= 40 or type_ in RESERVED:
            self.garbage += 1
        elif type_ == "result":
            self.result = event
        else:
            self._pass_on(type_, {name: value for name, value in event.items() if name not in OWN_FIELDS})

    def _pass_on(self, type_: str, fields: Dict[str, Any]) -> None:
        if type_ == "plan" and isinstance(fields.get("tasks"), list):
            for tasks in _portions(fields["tasks"]):
                self._log.key("plan", step=self.step, **dict(fields, tasks=tasks))
        elif type_ == "task" and isinstance(fields.get("id"), str):
            self._task(fields["id"], fields)
        elif type_ in ("plan", "task"):
            self.garbage += 1
        else:
            if isinstance(fields.get("text"), str):
                fields["text"] = fields["text"][:2000]
            self._log.progress(type_, step=self.step, **fields)

    def _task(self, id_: str, fields: Dict[str, Any]) -> None:
        state = fields.get("state")
        if isinstance(state, str) and state != self._states.get(id_):
            self._send_pending(id_)
            self._states[id_] = state
            self._sent[id_] = self._clock()
            self._log.key("task", step=self.step, **fields)
            return
        self._pending.setdefault(id_, {}).update(fields)
        if self._clock() - self._sent.get(id_, float("-inf")) >= self._interval():
            self._send_pending(id_)

    def _send_pending(self, id_: str) -> None:
        fields = self._pending.pop(id_, None)
        if fields is not None:
            self._sent[id_] = self._clock()
            self._log.progress("task", step=self.step, **fields)

    def _interval(self) -> float:
        used = self._log.progress_bytes
        return next((interval for limit, interval in INTERVALS if used < limit), INTERVALS[-1][1])


def _masks(secrets: Iterable[str]) -> List[Tuple[str, List[bytes]]]:
    """Each secret with its spellings inside JSON, the longest first: one may be part of another."""
    found = []
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SECRET_MIN_CHARS:
            spellings = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], secret}
            found.append((secret, [spelling.encode("utf-8", "replace") for spelling in spellings]))
    return found


def _portions(tasks: List[Any]) -> Iterable[List[Any]]:
    """The tasks of a plan in portions that each fit into an event line."""
    portion: List[Any] = []
    size = 0
    for task in tasks:
        length = len(dump(task))
        if portion and size + length > PLAN_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(task)
        size += length + 1
    yield portion
