"""`reduce(events)`: what a run's events mean. The only place that knows.

Total: no event, however damaged, repeated or out of order, raises or leads to an impossible picture. What always holds
(tests/unit/domain/test_reduce_invariants.py):

* one event at a time or all at once, with or without a snapshot in between: the same view;
* a percentage is within 0–100 and never falls while a task runs; `started_seq` ≤ `finished_seq`;
* at most one step runs; in a step that has ended nothing runs; in a run that has ended no step runs.
  What was open then takes over how its surroundings ended (`stepstate.CLOSED_AS`), until its own end is told after all;
* every task is shown exactly once, under its top-level task, whatever its `parent` says.

Repeated and late events. An event counts once per (job, seq). One that comes late, after a newer event of its job,
fills in what is not known yet and never turns back what the newer one said of the same task, step or run. An event
without `seq` is taken as the next of its job, one without `rseq` as the next of the run.

Attempts. A step belongs to the newest runner job that spoke of it: a resumed step starts again with an empty task
list, and what an older job still says of it is ignored. Rows that the engine announced before the job began are kept.

Trust. The state of a run is the engine's to say; a `run_state` from a job on the instance is counted as damaged.
A log without any `run_state` (a job's own) is read as a run of one job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vastdesk.domain.events import DESKTOP_JOB, FINAL_RUN_STATES, clean_fields
from vastdesk.domain.runstate import JobState, RunState
from vastdesk.domain.stepstate import CLOSED_AS, StepState
from vastdesk.domain.views import RunView

MAX_STEPS = 1_000

Event = Mapping[str, Any]


def reduce(events: Iterable[Event]) -> RunView:
    """The picture that these events give. Never raises."""
    reducer = Reducer()
    for event in events:
        reducer.apply(event)
    return reducer.view()


class Reducer(RunState):
    """Reads events one by one. `snapshot` continues where another one stopped; ValueError when it cannot be used (made
    by another version, damaged): then read the events from the start."""

    def __init__(self, snapshot: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        if snapshot is not None:
            self.restore(snapshot)

    def apply(self, event: object) -> bool:
        """Takes one event, in constant time. False: it was there already, or cannot be used."""
        clean = clean_fields(event)
        if clean is None:
            self.damaged += 1
            self._view = None
            return False
        type_ = clean["type"]
        job = self._job(clean.get("job") or (DESKTOP_JOB if type_ == "run_state" else ""))
        seq = clean.get("seq") or job.last_seq + 1
        if not job.take(seq):
            return False
        self._view = None
        order = self._number(clean)
        job.tick(clean.get("mono"))
        handler = _HANDLERS.get(type_)
        if handler is None or handler(self, clean, job, seq, order):
            return True
        self.damaged += 1
        return False

    def _job(self, id: str) -> JobState:
        job = self.jobs.get(id)
        if job is None:
            job = self.jobs[id] = JobState(id, len(self.jobs))
        return job

    def _number(self, event: Event) -> int:
        """The event's place in the run; keeps the times of the run as well."""
        order: int = event.get("rseq") or self.order + 1
        self.order = max(self.order, order)
        self.last_rseq = max(self.last_rseq, event.get("rseq", 0))
        self.run = self.run or event.get("run")
        ts = event.get("ts")
        if ts is not None:
            self.last_ts = ts
            if self.started_ts is None:
                self.started_ts = ts
        return order

    # -- the run ---------------------------------------------------------------------------------------------------

    def _on_run_state(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        if job.id != DESKTOP_JOB:
            return False
        self._introduce(event)
        state = event.get("state")
        if state is None:
            return False
        if seq < self.state_seq:
            return True
        ts = event.get("ts")
        if not self.told:
            self.told = True
            self.started_ts = ts if ts is not None else self.started_ts
        self.state_seq = seq
        self.reason = event.get("reason", "")
        self.kind = event.get("kind")
        self.action = event.get("action", "")
        self.block = event.get("block") if state == "blocked" else None
        self.tail = event.get("tail", []) if state in ("lost", "interrupted") else []
        self._enter(state, ts, order)
        return True

    def _introduce(self, event: Event) -> None:
        """What the first `run_state` says of the run; later ones may repeat it."""
        self.workflow = event.get("workflow") or self.workflow
        self.instance = event.get("instance") or self.instance
        self.retry_of = event.get("retry_of") or self.retry_of
        if "steps" not in event:
            return
        for spec in event["steps"]:
            step = self._step(spec["id"])
            if step is not None:
                step.use = spec.get("use") or step.use
                step.title = spec.get("title") or step.title
        listed = {spec["id"]: self.steps[spec["id"]] for spec in event["steps"] if spec["id"] in self.steps}
        self.steps = {**listed, **{id: step for id, step in self.steps.items() if id not in listed}}

    def _enter(self, state: str, ts: float | None, order: int) -> None:
        self.state = state
        final = state in FINAL_RUN_STATES
        stopped = final or state == "queued"
        if stopped and self.active_from is not None and ts is not None:
            self.active_s = (self.active_s or 0.0) + max(0.0, ts - self.active_from)
            self.active_from = None
        elif not stopped and self.active_from is None:
            self.active_from = ts
        self.finished_ts = ts if final else None
        if final:
            self._close_running(CLOSED_AS[state], order, ts)

    # -- jobs ------------------------------------------------------------------------------------------------------

    def _on_job_started(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        for id in event.get("steps", ()):
            self._step(id)
        if not self.told and job.state is None:
            self._enter("running", event.get("ts"), order)
        return True

    def _on_job_finished(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        state = event.get("state")
        if state is None:
            return False
        job.state, job.reason = state, event.get("reason", "")
        running = self.steps.get(self.running or "")
        if running is not None and running.job == job.id:
            running.clock(job.id, event.get("mono"))
            self._close_running(CLOSED_AS[state], order, event.get("ts"))
        if not self.told:
            self.reason = job.reason
            self._enter(state, event.get("ts"), order)
        return True

    def _on_job_sent(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        named = self._named_job(event, job)
        if named is not None:
            named.sent = True
        return named is not None

    def _on_job_ended(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        named = self._named_job(event, job)
        if named is not None:
            named.ended = True
        return named is not None

    def _named_job(self, event: Event, job: JobState) -> JobState | None:
        """The job of which the engine speaks."""
        return self._job(event["id"]) if job.id == DESKTOP_JOB and "id" in event else None

    # -- steps -----------------------------------------------------------------------------------------------------

    def _step(self, id: str | None) -> StepState | None:
        """The step an event is about, made when it is unknown; None without an id, or when there are too many."""
        if id is None:
            return None
        step = self.steps.get(id)
        if step is None and len(self.steps) < MAX_STEPS:
            step = self.steps[id] = StepState(id)
        if step is not None:
            step.touch()
        return step

    def _joins(self, step: StepState, job: JobState, mono: float | None) -> bool:
        """Whether the job may speak of this attempt of the step; begins another attempt when the job is a newer one."""
        if step.job == job.id:
            self._reopen(step, job)
            return True
        if job.id == DESKTOP_JOB:
            step.job = step.job or DESKTOP_JOB
            return True
        if job.rank < step.rank:
            return False
        if step.job == DESKTOP_JOB and not step.is_finished:
            step.hand_over(mono)
        elif step.job is not None or step.is_finished:
            self._restart(step)
        step.job, step.rank = job.id, job.rank
        return True

    def _reopen(self, step: StepState, job: JobState) -> None:
        """A step that was thought lost goes on: its job speaks, in a run that goes on."""
        if step.closed and self.running is None and not job.is_over and self.state not in FINAL_RUN_STATES:
            step.reopen()
            self.running = self.current = step.id

    def _restart(self, step: StepState) -> None:
        if self.running == step.id:
            self.running = None
        step.restart()

    def _begin(self, step: StepState, event: Event, job: JobState, order: int) -> None:
        if self.running is not None and self.running != step.id:
            self._close_running("lost", order, event.get("ts"))
        step.begin(order, event.get("ts"), step.clock(job.id, event.get("mono")))
        self.running = self.current = step.id
        if not self.told and self.state == "queued":
            self._enter("running", event.get("ts"), order)

    def _finish(
        self, step: StepState, state: str, order: int, ts: float | None, mono: float | None, said: bool
    ) -> None:
        step.finish(state, order, ts, mono, said=said)
        if self.running == step.id:
            self.running = None

    def _close_running(self, state: str, order: int, ts: float | None) -> None:
        step = self.steps.get(self.running or "")
        if step is not None:
            self._finish(step, state, order, ts, step.last_mono, said=False)

    def _settle(self, step: StepState, order: int, ts: float | None) -> None:
        """Whatever was just said: nothing runs where the surroundings have ended."""
        if self.state in FINAL_RUN_STATES and self.running is not None:
            self._close_running(CLOSED_AS[self.state], order, ts)
        if step.active and step.is_finished:
            step.close_tasks(order, step.finished_mono)

    def _on_step_started(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        step = self._step(event.get("step"))
        if step is None:
            return False
        mono = event.get("mono")
        if step.job == job.id and seq < step.seq:
            self._fill_start(step, event, job, order)
            return True
        if job.id == DESKTOP_JOB and step.job not in (None, DESKTOP_JOB):
            if step.state == "running":
                return True
            step.rank += 1  # the engine takes it over: what the job that had it still says is past
        if step.is_finished or (step.announced and step.job == job.id):
            if job.id != DESKTOP_JOB and job.rank < step.rank:
                return True
            self._restart(step)
        if not self._joins(step, job, mono):
            return True
        step.seq, step.announced = seq, True
        step.limit_s = event.get("limit_s", step.limit_s)
        if step.state == "running":
            step.clock(job.id, mono)
        else:
            self._begin(step, event, job, order)
        self._settle(step, order, event.get("ts"))
        return True

    def _fill_start(self, step: StepState, event: Event, job: JobState, order: int) -> None:
        """The start of a step comes after something newer: only its times are news."""
        step.limit_s = event.get("limit_s", step.limit_s)
        if step.started_seq is None:
            step.attempt += 1
            step.started_seq = min(order, step.finished_seq or order)
            step.started_ts = event.get("ts")
            mono = event.get("mono")
            if mono is not None and step.finished_mono is not None:
                step.started_mono = min(mono, step.finished_mono)

    def _on_step_finished(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        step, state = self._step(event.get("step")), event.get("state")
        if step is None or state is None:
            return False
        if step.job == job.id and seq < step.seq:
            return True
        if not self._joins(step, job, event.get("mono")) or (step.is_finished and not step.closed):
            return True
        # The instance is the truth: what the engine says of a step that runs there holds until its job says more.
        said = step.job == job.id
        if said:
            step.seq = seq
        step.note = event.get("note", step.note)
        self._finish(step, state, order, event.get("ts"), step.clock(job.id, event.get("mono")), said=said)
        return True

    # -- tasks -----------------------------------------------------------------------------------------------------

    def _on_plan(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        step = self._step(event.get("step"))
        if step is None or "tasks" not in event:
            return False
        if not self._joins(step, job, event.get("mono")):
            return True
        step.clock(job.id, event.get("mono"))
        complete = True
        for spec in event["tasks"]:
            task = step.tasks.get(spec["id"]) or step.add(spec["id"])
            if task is None:
                complete = False
                continue
            step.describe(task, spec)
            if task.state == "pending":
                task.note = spec.get("note", task.note)
        return complete

    def _on_task(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        step = self._step(event.get("step"))
        if step is None or "id" not in event:
            return False
        if not self._joins(step, job, event.get("mono")):
            return True
        task = step.tasks.get(event["id"]) or step.add(event["id"])
        if task is None:
            return False
        step.describe(task, event)
        mono = step.clock(job.id, event.get("mono"))
        if step.job == job.id:
            if seq < task.seq:
                return True
            task.seq = seq
        state = event.get("state", task.state)
        if state != "pending" and step.state == "pending":
            self._begin(step, event, job, order)
        if "state" in event:
            step.enter(task, state, order, mono)
        task.measure(event)
        self._settle(step, order, event.get("ts"))
        return True

    # -- the rest --------------------------------------------------------------------------------------------------

    def _on_log(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        if "text" not in event:
            return False
        if "step" not in event:
            self.log.append(event["text"])
            return True
        step = self._step(event["step"])
        if step is None:
            return False
        if self._joins(step, job, event.get("mono")):
            step.clock(job.id, event.get("mono"))
            step.log.append(event["text"])
        return True

    def _on_dropped(self, event: Event, job: JobState, seq: int, order: int) -> bool:
        self.dropped += event.get("count", 0)
        return "count" in event


_Handler = Callable[[Reducer, Event, JobState, int, int], bool]

_HANDLERS: Mapping[str, _Handler] = {
    "run_state": Reducer._on_run_state,
    "job_started": Reducer._on_job_started,
    "job_finished": Reducer._on_job_finished,
    "job_sent": Reducer._on_job_sent,
    "job_ended": Reducer._on_job_ended,
    "step_started": Reducer._on_step_started,
    "step_finished": Reducer._on_step_finished,
    "plan": Reducer._on_plan,
    "task": Reducer._on_task,
    "log": Reducer._on_log,
    "dropped": Reducer._on_dropped,
}
