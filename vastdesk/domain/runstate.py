"""What `reduce` keeps while it reads events: tasks, steps and jobs that change, each able to become a frozen view and
JSON.

Only mechanics live here; which event does what is in reduce.py. All costs are per change, not per task there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from vastdesk.domain.events import ACTIVE_TASK_STATES, FINISHED_STEP_STATES, FINISHED_TASK_STATES
from vastdesk.domain.views import JobView, StepView, TaskView

LOG_LINES = 50
MAX_TASKS = 20_000
"""Per step. A list nobody can read is a broken writer's."""
MAX_HOLES = 64

CLOSED_AS: Mapping[str, str] = {
    "succeeded": "lost",  # a success says nothing of what was left open: how that ended is not known
    "failed": "failed",
    "skipped": "skipped",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "lost": "lost",
}
"""What becomes of what still runs when that in which it runs ends."""


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
            self.finished_mono = _later(mono, self.started_mono)
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


class StepState:
    """A step. `job` runs it now, `rank` is the rank of the newest runner job that had it, `seq` that of its newest
    start or end in `job`; `announced`: its start was said, not inferred; `closed`: its end was inferred, not said;
    `share`: the part of its tasks that were finished, never falling."""

    _SAVED = (
        "id",
        "use",
        "title",
        "state",
        "note",
        "job",
        "rank",
        "seq",
        "announced",
        "closed",
        "attempt",
        "share",
        "limit_s",
        "started_seq",
        "finished_seq",
        "started_ts",
        "finished_ts",
        "started_mono",
        "finished_mono",
        "last_mono",
    )
    __slots__ = (*_SAVED, "_order", "_view", "active", "children", "finished_tasks", "log", "tasks")

    def __init__(self, id: str) -> None:
        self.id = id
        self.use = ""
        self.title = ""
        self.attempt = 0
        self.rank = 0
        self.limit_s: float | None = None
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._forget()

    def _forget(self) -> None:
        self.state = "pending"
        self.note = ""
        self.job: str | None = None
        self.seq = 0
        self.announced = False
        self.closed = False
        self.share = 0.0
        self.started_seq: int | None = None
        self.finished_seq: int | None = None
        self.started_ts: float | None = None
        self.finished_ts: float | None = None
        self.started_mono: float | None = None
        self.finished_mono: float | None = None
        self.last_mono: float | None = None
        self.tasks: dict[str, TaskState] = {}
        self.children: dict[str, list[TaskState]] = {}
        self.active: dict[str, TaskState] = {}
        self.finished_tasks = 0
        self._order: list[TaskState] | None = None
        self._view: StepView | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_STEP_STATES

    def touch(self) -> None:
        self._view = None

    def restart(self) -> None:
        """Another attempt: its tasks are announced anew. The log goes on, it tells why."""
        self._forget()

    def hand_over(self, mono: float | None) -> None:
        """The engine showed the first rows before the job began; from now on the runner's numbers and clock count."""
        self.seq = 0
        self.announced = False
        self.started_mono = self.last_mono = mono if self.started_seq is not None else None
        for task in self.tasks.values():
            task.seq = 0
            task.started_mono = mono if task.started_mono is not None else None
            task.finished_mono = mono if task.finished_mono is not None else None
            task.touch()

    def clock(self, job: str, mono: float | None) -> float | None:
        """The time of an event on the clock of the step's job; another clock says nothing about it."""
        if job != self.job or mono is None:
            return self.last_mono
        if self.last_mono is None or mono > self.last_mono:
            self.last_mono = mono
            self.touch()
        return mono

    def begin(self, order: int, ts: float | None, mono: float | None) -> None:
        self.state = "running"
        self.attempt += 1
        self.started_seq, self.started_ts, self.started_mono = order, ts, mono
        self.touch()

    def finish(self, state: str, order: int, ts: float | None, mono: float | None, *, said: bool) -> None:
        """The end, said or inferred. What still runs in it ends with it."""
        self.state = state
        self.closed = not said
        self.finished_seq = max(order, self.started_seq or 0)
        self.finished_ts, self.finished_mono = ts, _later(mono, self.started_mono)
        self.close_tasks(order, self.finished_mono)
        self.touch()

    def reopen(self) -> None:
        """It was thought to have ended, and goes on: back to what was known before."""
        self.state = "running"
        self.closed = False
        self.finished_seq = self.finished_ts = self.finished_mono = None
        for task in self.tasks.values():
            if task.closed_from is not None:
                self.finished_tasks -= 1
                self.active[task.id] = task
                task.state, task.closed_from = task.closed_from, None
                task.finished_seq = task.finished_mono = None
                task.touch()
        self.touch()

    def add(self, id: str) -> TaskState | None:
        """A new task at the end of the list; None when there are too many."""
        if len(self.tasks) >= MAX_TASKS:
            return None
        task = self.tasks[id] = TaskState(id)
        self._order = None
        self.touch()
        return task

    def describe(self, task: TaskState, facts: Mapping[str, Any]) -> None:
        if task.describe(facts):
            self.children.setdefault(task.parent or "", []).append(task)
            self._order = None
        self.touch()

    def enter(self, task: TaskState, state: str, order: int, mono: float | None) -> None:
        """A task's new state, and what follows from it for its sub-tasks."""
        was_finished = task.state in FINISHED_TASK_STATES
        task.enter(state, order, mono)
        task.touch()
        self.touch()
        if state in ACTIVE_TASK_STATES:
            self.active[task.id] = task
        else:
            self.active.pop(task.id, None)
        finished = state in FINISHED_TASK_STATES
        self.finished_tasks += finished - was_finished
        self.share = max(self.share, self.finished_tasks / len(self.tasks))
        if finished:
            for sub in self.children.get(task.id, ()):
                if sub.state in ACTIVE_TASK_STATES:  # the end of a task is the end of its sub-tasks
                    self._close(sub, state, order, mono)

    def close_tasks(self, order: int, mono: float | None) -> None:
        """Nothing runs in a step that has ended."""
        open_tasks = {task: task.state for task in self.active.values()}
        for task in open_tasks:
            if task.state in ACTIVE_TASK_STATES:
                self._close(task, CLOSED_AS[self.state], order, mono)
        for task, state in open_tasks.items():
            task.closed_from = state

    def _close(self, task: TaskState, state: str, order: int, mono: float | None) -> None:
        note = task.note
        self.enter(task, state, order, mono)
        task.note = note
        task.settle_figures()

    def view(self) -> StepView:
        if self._view is None:
            self._view = StepView(
                id=self.id,
                use=self.use,
                title=self.title or self.id,
                state=self.state,
                note=self.note,
                tasks=tuple([task._view or task.view() for task in self._top_level()]),
                job=self.job,
                attempt=self.attempt,
                limit_s=self.limit_s,
                progress_percent=100.0 if self.state in ("succeeded", "skipped") else round(100 * self.share, 1),
                started_seq=self.started_seq,
                finished_seq=self.finished_seq,
                started_ts=self.started_ts,
                finished_ts=self.finished_ts,
                started_mono=self.started_mono,
                finished_mono=self.finished_mono,
                last_mono=self.last_mono,
                elapsed_s=self._elapsed_s(),
                log=tuple(self.log),
            )
        return self._view

    def _elapsed_s(self) -> float | None:
        end = self.finished_mono if self.is_finished else self.last_mono
        return None if self.started_mono is None or end is None else max(0.0, end - self.started_mono)

    def _top_level(self) -> list[TaskState]:
        """Top-level tasks in plan order. Unknown parents count as none; where parents form a circle, it is cut."""
        if self._order is None:
            roots = _roots(self.tasks)
            subs: dict[str, list[TaskState]] = {}
            for task in self.tasks.values():
                task.root = roots[task.id]
                if task.root is not task:
                    subs.setdefault(task.root.id, []).append(task)
            self._order = [task for task in self.tasks.values() if task.root is task]
            for task in self.tasks.values():
                new = subs.get(task.id, [])
                if new != task.subs:
                    task.subs = new
                    task.touch()
        return self._order

    def to_json(self) -> dict[str, Any]:
        saved = {name: getattr(self, name) for name in self._SAVED}
        return {**saved, "log": list(self.log), "tasks": [task.to_json() for task in self.tasks.values()]}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> StepState:
        step = cls(saved["id"])
        for name in cls._SAVED:
            setattr(step, name, saved[name])
        step.log.extend(saved["log"])
        for values in saved["tasks"]:
            task = TaskState.from_json(values)
            step.tasks[task.id] = task
            step.finished_tasks += task.state in FINISHED_TASK_STATES
            if task.state in ACTIVE_TASK_STATES:
                step.active[task.id] = task
            if task.parent is not None:
                step.children.setdefault(task.parent, []).append(task)
        return step


class JobState:
    """A job, and which of its events were taken: all up to `last_seq` except `holes` (closed intervals, oldest
    first)."""

    _SAVED = ("id", "rank", "last_seq", "holes", "state", "reason", "first_mono", "last_mono")
    __slots__ = _SAVED

    def __init__(self, id: str, rank: int) -> None:
        self.id = id
        self.rank = rank
        self.last_seq = 0
        self.holes: list[list[int]] = []
        self.state: str | None = None
        self.reason = ""
        self.first_mono: float | None = None
        self.last_mono: float | None = None

    def take(self, seq: int) -> bool:
        """True the first time an event comes, early or late."""
        if seq > self.last_seq:
            if seq > self.last_seq + 1:
                self.holes.append([self.last_seq + 1, seq - 1])
                del self.holes[:-MAX_HOLES]
            self.last_seq = seq
            return True
        for index, (first, last) in enumerate(self.holes):
            if first <= seq <= last:
                self.holes[index : index + 1] = [
                    part for part in ([first, seq - 1], [seq + 1, last]) if part[0] <= part[1]
                ]
                return True
        return False

    def tick(self, mono: float | None) -> None:
        if mono is not None:
            self.first_mono = mono if self.first_mono is None else min(self.first_mono, mono)
            self.last_mono = mono if self.last_mono is None else max(self.last_mono, mono)

    def elapsed_s(self) -> float | None:
        return None if self.first_mono is None or self.last_mono is None else self.last_mono - self.first_mono

    def view(self) -> JobView:
        return JobView(self.id, self.last_seq, self.state, self.reason)

    def to_json(self) -> list[Any]:
        return [self.holes if name == "holes" else getattr(self, name) for name in self._SAVED]

    @classmethod
    def from_json(cls, values: list[Any]) -> JobState:
        job = cls(values[0], values[1])
        for name, value in zip(cls._SAVED, values, strict=True):
            setattr(job, name, [list(hole) for hole in value] if name == "holes" else value)
        return job


def _roots(tasks: Mapping[str, TaskState]) -> dict[str, TaskState]:
    """The top-level task of every task, in one pass whatever the parents say."""
    roots: dict[str, TaskState] = {}
    for task in tasks.values():
        path: dict[str, TaskState] = {}
        at = task
        while at.id not in roots:
            path[at.id] = at
            parent = tasks.get(at.parent) if at.parent is not None else None
            if parent is None or parent.id in path:
                roots[at.id] = at
                break
            at = parent
        root = roots[at.id]
        for id in path:
            roots[id] = root
    return roots


def _later(mono: float | None, started: float | None) -> float | None:
    """A clock that runs backwards ends nothing before it began."""
    if mono is None or started is None:
        return mono
    return max(mono, started)
