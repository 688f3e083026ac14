"""A task while events change it: its figures and its place in the tree, able to become a frozen view and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vastdesk.domain.events import FINISHED_TASK_STATES
from vastdesk.domain.views import TaskView


class TaskState:
    """A task. `seq` is the newest event of the step's job about it; `closed_from` the state it had when it was ended by
    inference (its step ended, nobody said how it did); `root` the top-level task it is shown under."""

    _SAVED = (
        "id",
        "label",
        "state",
        "parent",
        "kind",
        "percent",
        "done",
        "total",
        "unit",
        "rate",
        "size_bytes",
        "eta_s",
        "note",
        "started_seq",
        "finished_seq",
        "started_mono",
        "finished_mono",
        "seq",
        "closed_from",
    )
    __slots__ = (*_SAVED, "_view", "root", "subs")

    def __init__(self, id: str) -> None:
        self.id = id
        self.label = ""
        self.state = "pending"
        self.parent: str | None = None
        self.kind: str | None = None
        self.percent: float | None = None
        self.done: float | None = None
        self.total: float | None = None
        self.unit = ""
        self.rate: float | None = None
        self.size_bytes: float | None = None
        self.eta_s: float | None = None
        self.note = ""
        self.started_seq: int | None = None
        self.finished_seq: int | None = None
        self.started_mono: float | None = None
        self.finished_mono: float | None = None
        self.seq = 0
        self.closed_from: str | None = None
        self.root = self
        self.subs: list[TaskState] = []
        self._view: TaskView | None = None

    def touch(self) -> None:
        self._view = None
        self.root._view = None

    def describe(self, facts: Mapping[str, Any]) -> bool:
        """Takes over label, parent and kind; True when its place in the tree changed."""
        self.label = facts.get("label") or self.label
        self.kind = facts.get("kind") or self.kind
        parent = facts.get("parent")
        moved = self.parent is None and parent is not None
        self.parent = parent if moved else self.parent  # the first word counts: a task never moves
        self.touch()
        return moved

    def enter(self, state: str, order: int, mono: float | None) -> None:
        """A new state. A task that runs again after its end starts its percentage anew."""
        self.closed_from = None
        if state == self.state:
            return
        was_finished = self.state in FINISHED_TASK_STATES
        self.state = state
        self.note = ""
        if state in FINISHED_TASK_STATES:
            self.finished_seq = max(order, self.started_seq or 0)
            self.finished_mono = not_before(mono, self.started_mono)
            return
        self.finished_seq = self.finished_mono = None
        if was_finished or state == "pending":
            self.percent = self.done = self.total = self.size_bytes = None
        if state == "pending":
            self.started_seq = self.started_mono = None
        elif self.started_seq is None:
            self.started_seq = order
            self.started_mono = mono

    def measure(self, event: Mapping[str, Any]) -> None:
        """Takes over progress, rate, size, time left and note."""
        progress = event.get("progress")
        if progress is not None:
            self._advance(progress)
            self.rate = self.eta_s = None
        self.rate = event.get("rate", self.rate)
        self.eta_s = event.get("eta_s", self.eta_s)
        self.size_bytes = event.get("size_bytes", self.size_bytes)
        self.note = event.get("note", self.note)
        self.settle_figures()

    def settle_figures(self) -> None:
        """Only what runs has a rate and an end in sight, and only success is 100 %."""
        if self.state != "running":
            self.rate = self.eta_s = None
        if self.state == "succeeded" and self.percent is not None:
            self.percent = 100.0

    def _advance(self, progress: Mapping[str, Any]) -> None:
        done, total = progress.get("done"), progress.get("total")
        self.unit = progress.get("unit", self.unit)
        if total is None and self.unit == "%":
            total = 100
        self.done, self.total = done, total
        if done is None or not total:
            return
        self.done = min(done, total)
        percent = min(100.0, 100.0 * done / total)
        if self.percent is None or percent > self.percent:
            self.percent = percent

    def view(self) -> TaskView:
        if self._view is None:
            self._view = TaskView(
                self.id,
                self.label or self.id,
                self.state,
                None if self.root is self else self.root.id,
                self.kind,
                self.percent,
                self.done,
                self.total,
                self.unit,
                self.rate,
                self.size_bytes,
                self.eta_s,
                self.note,
                self.started_seq,
                self.finished_seq,
                self.started_mono,
                self.finished_mono,
                tuple(sub.view() for sub in self.subs),
            )
        return self._view

    def to_json(self) -> list[Any]:
        return [getattr(self, name) for name in self._SAVED]

    @classmethod
    def from_json(cls, values: list[Any]) -> TaskState:
        task = cls(values[0])
        for name, value in zip(cls._SAVED, values, strict=True):
            setattr(task, name, value)
        return task


def not_before(mono: float | None, started: float | None) -> float | None:
    """A clock that runs backwards ends nothing before it began."""
    if mono is None or started is None:
        return mono
    return max(mono, started)
