"""What every view shows: frozen pictures of a run, its steps and their tasks, made by `reduce` from events and by
nobody else.

`…_seq` are run-wide event numbers (`rseq`), `…_mono` the monotonic seconds of the machine that wrote the event (good
for durations within one job), `…_ts` UTC seconds for display. Texts are as the instance wrote them: show them through
`sentences.display_text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vastdesk.domain.events import ACTIVE_RUN_STATES, FINAL_RUN_STATES, FINISHED_TASK_STATES, OK_TASK_STATES


@dataclass(frozen=True, slots=True)
class TaskView:
    """One line of a step's task list. `percent` is 0–100 and never falls while the task runs; `rate` is in `unit` per
    second, in bytes per second when `size_bytes` is there. Sub-tasks have none of their own: deeper ones hang here
    too."""

    id: str
    label: str
    state: str = "pending"
    parent: str | None = None
    kind: str | None = None
    percent: float | None = None
    done: float | None = None
    total: float | None = None
    unit: str = ""
    rate: float | None = None
    size_bytes: float | None = None
    eta_s: float | None = None
    note: str = ""
    started_seq: int | None = None
    finished_seq: int | None = None
    started_mono: float | None = None
    finished_mono: float | None = None
    subtasks: tuple[TaskView, ...] = ()

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_TASK_STATES

    @property
    def is_ok(self) -> bool:
        """Finished, and not failed in any way."""
        return self.state in OK_TASK_STATES

    def elapsed_s(self, now_mono: float | None) -> float | None:
        """Seconds from its start to its end, or to `now_mono` (of the machine it runs on); None when nobody can
        know."""
        end = self.finished_mono if self.is_finished else now_mono
        if self.started_mono is None or end is None:
            return None
        return max(0.0, end - self.started_mono)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a run. `tasks` are its top-level tasks in plan order; `attempt` counts its starts; `last_mono` is the
    newest time its job told; `elapsed_s` is measured on the machine the step runs on; `log` are its last lines."""

    id: str
    use: str = ""
    title: str = ""
    state: str = "pending"
    note: str = ""
    tasks: tuple[TaskView, ...] = ()
    job: str | None = None
    attempt: int = 0
    limit_s: float | None = None
    progress_percent: float = 0.0
    started_seq: int | None = None
    finished_seq: int | None = None
    started_ts: float | None = None
    finished_ts: float | None = None
    started_mono: float | None = None
    finished_mono: float | None = None
    last_mono: float | None = None
    elapsed_s: float | None = None
    log: tuple[str, ...] = ()

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_TASK_STATES

    def all_tasks(self) -> Iterator[TaskView]:
        """Every task, sub-tasks after theirs."""
        for task in self.tasks:
            yield task
            yield from task.subtasks

    def task(self, id: str) -> TaskView | None:
        """The task with that id, top-level or not."""
        return next((task for task in self.all_tasks() if task.id == id), None)


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of a run: `last_seq` is the newest event taken (where a watch goes on), `state` None until it has
    finished. `sent`: it may be on the instance; `ended`: nothing more comes of it, whether it finished or was lost."""

    id: str
    last_seq: int
    state: str | None = None
    reason: str = ""
    sent: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class RunView:
    """One run as its events tell it. `current_step` is the index of the step that runs, or ran last; None before the
    first.

    `kind` and `action` explain a failure (a key of `errors.KINDS`); `block` says which host key a blocked run waits
    for; `tail` holds the last lines of a lost job; `dropped` counts progress events the runner gave up, `damaged`
    events that could not be used.
    """

    run: str | None = None
    state: str = "queued"
    reason: str = ""
    kind: str | None = None
    action: str = ""
    workflow: str = ""
    instance: str = ""
    steps: tuple[StepView, ...] = ()
    current_step: int | None = None
    block: Mapping[str, Any] | None = field(default=None, hash=False)
    tail: tuple[str, ...] = ()
    retry_of: str | None = None
    last_rseq: int = 0
    started_ts: float | None = None
    finished_ts: float | None = None
    last_ts: float | None = None
    elapsed_s: float | None = None
    dropped: int = 0
    damaged: int = 0
    progress_percent: float = 0.0
    jobs: tuple[JobView, ...] = ()
    log: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_RUN_STATES

    @property
    def is_running(self) -> bool:
        """Somebody works on it: not queued, not waiting for the user, not over."""
        return self.state in ACTIVE_RUN_STATES

    @property
    def total_steps(self) -> int:
        return len(self.steps)

    def step(self, id: str) -> StepView | None:
        """The step with that id."""
        return next((step for step in self.steps if step.id == id), None)

    @property
    def current(self) -> StepView | None:
        """The step that runs, or ran last."""
        return None if self.current_step is None else self.steps[self.current_step]

    def last_seq(self, job: str) -> int:
        """The newest event of a job that was taken, 0 when there is none."""
        return next((known.last_seq for known in self.jobs if known.id == job), 0)


def summary(view: RunView) -> dict[str, Any]:
    """The few facts of `show --summary`; times as ISO 8601 in UTC or None, `current_step` counted from 0 or None."""
    return {
        "run": view.run,
        "state": view.state,
        "current_step": view.current_step,
        "total_steps": view.total_steps,
        "progress_percent": view.progress_percent,
        "is_running": view.is_running,
        "start_time": iso_time(view.started_ts),
        "last_update": iso_time(view.last_ts),
    }


def iso_time(ts: float | None) -> str | None:
    """UTC seconds (0 to the year 9999) as `2025-06-26T10:20:30Z`."""
    return None if ts is None else datetime.fromtimestamp(int(ts), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
