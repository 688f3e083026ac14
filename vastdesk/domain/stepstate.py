"""A step while events change it: its tasks, what runs in it, how it ends. Which event does what is in reduce.py.

Every change costs the same however many tasks there are; a view is built of what changed and shares the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from vastdesk.domain.events import ACTIVE_TASK_STATES, FINISHED_STEP_STATES, FINISHED_TASK_STATES
from vastdesk.domain.taskstate import TaskState, not_before
from vastdesk.domain.views import StepView

LOG_LINES = 50
MAX_TASKS = 20_000
"""Per step. A list nobody can read is a broken writer's."""

CLOSED_AS: Mapping[str, str] = {
    "succeeded": "lost",  # a success says nothing of what was left open: how that ended is not known
    "failed": "failed",
    "skipped": "skipped",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "lost": "lost",
}
"""What becomes of what still runs when that in which it runs ends."""


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
        self.finished_ts, self.finished_mono = ts, not_before(mono, self.started_mono)
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
                if task.root is not roots[task.id]:
                    task.root = roots[task.id]
                    task.touch()
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
