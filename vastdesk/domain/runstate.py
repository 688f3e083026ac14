"""A run while events change it: what is kept, and how it becomes a frozen view and JSON. Which event does what is in
reduce.py."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from vastdesk.domain.events import FINAL_RUN_STATES
from vastdesk.domain.stepstate import LOG_LINES, StepState
from vastdesk.domain.views import JobView, RunView, StepView

SNAPSHOT_VERSION = 1
MAX_HOLES = 64


class JobState:
    """A job, and which of its events were taken: all up to `last_seq` except `holes` (closed intervals, oldest
    first)."""

    _SAVED = ("id", "rank", "last_seq", "holes", "state", "reason", "first_mono", "last_mono", "sent", "ended")
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
        self.sent = False
        self.ended = False

    @property
    def is_over(self) -> bool:
        return self.ended or self.state is not None

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
        return JobView(
            self.id,
            self.last_seq,
            self.state,
            self.reason,
            sent=self.sent or self.last_seq > 0,
            ended=self.is_over,
        )

    def to_json(self) -> list[Any]:
        return [self.holes if name == "holes" else getattr(self, name) for name in self._SAVED]

    @classmethod
    def from_json(cls, values: list[Any]) -> JobState:
        job = cls(values[0], values[1])
        for name, value in zip(cls._SAVED, values, strict=True):
            setattr(job, name, [list(hole) for hole in value] if name == "holes" else value)
        return job


class RunState:
    """Everything the reducer knows of a run."""

    _SAVED = (
        "run",
        "state",
        "reason",
        "kind",
        "action",
        "workflow",
        "instance",
        "current",
        "running",
        "block",
        "tail",
        "retry_of",
        "order",
        "last_rseq",
        "told",
        "state_seq",
        "started_ts",
        "finished_ts",
        "last_ts",
        "active_from",
        "active_s",
        "dropped",
        "damaged",
    )

    def __init__(self) -> None:
        self.run: str | None = None
        self.state = "queued"
        self.reason = ""
        self.kind: str | None = None
        self.action = ""
        self.workflow = ""
        self.instance = ""
        self.current: str | None = None
        """The step that runs, or ran last."""
        self.running: str | None = None
        """The step that runs now."""
        self.block: dict[str, Any] | None = None
        self.tail: list[str] = []
        self.retry_of: str | None = None
        self.order = 0
        """The number of the newest event: `rseq`, or counted on arrival."""
        self.last_rseq = 0
        self.told = False
        """Whether the engine said anything about the state of the run."""
        self.state_seq = 0
        self.started_ts: float | None = None
        self.finished_ts: float | None = None
        self.last_ts: float | None = None
        self.active_from: float | None = None
        self.active_s: float | None = None
        """Seconds spent in states other than queued and final, up to `active_from`."""
        self.dropped = 0
        self.damaged = 0
        self.steps: dict[str, StepState] = {}
        self.jobs: dict[str, JobState] = {}
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._view: RunView | None = None

    def view(self) -> RunView:
        """The picture so far. Unchanged steps and tasks are the same objects as in the view before."""
        if self._view is None:
            steps = tuple([step.view() for step in self.steps.values()])
            self._view = RunView(
                run=self.run,
                state=self.state,
                reason=self.reason,
                kind=self.kind,
                action=self.action,
                workflow=self.workflow,
                instance=self.instance,
                steps=steps,
                current_step=list(self.steps).index(self.current) if self.current is not None else None,
                block=self.block,
                tail=tuple(self.tail),
                retry_of=self.retry_of,
                last_rseq=self.last_rseq,
                started_ts=self.started_ts,
                finished_ts=self.finished_ts,
                last_ts=self.last_ts,
                elapsed_s=self._elapsed_s(),
                dropped=self.dropped,
                damaged=self.damaged,
                progress_percent=_progress(self.state, steps),
                jobs=tuple([job.view() for job in self.jobs.values()]),
                log=tuple(self.log),
            )
        return self._view

    def _elapsed_s(self) -> float | None:
        """How long the run took. By the desktop's clock, which ran all the time; a job's own log by the job's."""
        if self.told:
            return self.active_s if self.state in FINAL_RUN_STATES else None  # while it runs, the viewer has a clock
        spans = [
            job.last_mono - job.first_mono for job in self.jobs.values() if job.last_mono and job.first_mono is not None
        ]
        return sum(spans) if spans else None

    def snapshot(self) -> dict[str, Any]:
        """Everything as JSON; `Reducer(snapshot)` goes on from there as if it had read the events itself."""
        return {
            "v": SNAPSHOT_VERSION,
            **{name: getattr(self, name) for name in self._SAVED},
            "steps": [step.to_json() for step in self.steps.values()],
            "jobs": [job.to_json() for job in self.jobs.values()],
            "log": list(self.log),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Goes on where a snapshot was taken. ValueError when it is damaged, or of another version."""
        if snapshot.get("v") != SNAPSHOT_VERSION:
            raise ValueError(f"a snapshot of version {snapshot.get('v')!r}, not {SNAPSHOT_VERSION}")
        try:
            for name in self._SAVED:
                setattr(self, name, snapshot[name])
            self.steps = {saved["id"]: StepState.from_json(saved) for saved in snapshot["steps"]}
            self.jobs = {values[0]: JobState.from_json(values) for values in snapshot["jobs"]}
            self.log.extend(snapshot["log"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError("a damaged snapshot") from error


def _progress(state: str, steps: Iterable[StepView]) -> float:
    """0–100: every step that is not left out counts the same, one that has not succeeded with its finished tasks."""
    if state == "succeeded":
        return 100.0
    shares = [step.progress_percent for step in steps if step.state != "skipped"]
    return round(sum(shares) / len(shares), 1) if shares else 0.0
