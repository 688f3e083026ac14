"""Writes event logs as the engine and the runner do, for tests that read them."""

from __future__ import annotations

from typing import Any

from vastdesk.domain.reduce import reduce
from vastdesk.domain.views import RunView, StepView

Event = dict[str, Any]


class EventLog:
    """The stored events of one run: numbered per job and run-wide, the clocks of desktop and machine apart."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._seq: dict[str, int] = {}

    def add(self, job: str, type: str, *, at: float | None = None, **fields: Any) -> Event:
        """`at`: seconds since the start, one more than before by default."""
        rseq = len(self.events) + 1
        at = float(rseq) if at is None else at
        self._seq[job] = self._seq.get(job, 0) + 1
        clock = {"ts": 1_750_000_000.0 + at, "mono": (500.0 if job == "desktop" else 90_000.0) + at}
        event = {"run": "r1", "job": job, "seq": self._seq[job], "rseq": rseq, **clock, "type": type, **fields}
        self.events.append(event)
        return event

    def desktop(self, type: str, **fields: Any) -> Event:
        return self.add("desktop", type, **fields)

    def runner(self, type: str, *, job: str = "j1", **fields: Any) -> Event:
        return self.add(job, type, **fields)

    def begin(self, *steps: str, state: str = "running") -> None:
        """The first `run_state`, with these steps."""
        named = [{"id": step, "use": step, "title": step.replace("_", " ").capitalize()} for step in steps]
        self.desktop("run_state", state=state, workflow="Test", instance="box", steps=named)

    def task(self, id: str, state: str, *, step: str = "nodes", job: str = "j1", **fields: Any) -> Event:
        return self.runner("task", job=job, step=step, id=id, state=state, **fields)

    def plan(self, *ids: str, step: str = "nodes", job: str = "j1", **fields: Any) -> Event:
        return self.runner("plan", job=job, step=step, tasks=[{"id": id, "label": id, **fields} for id in ids])

    def view(self) -> RunView:
        return reduce(self.events)

    def step(self, id: str = "nodes") -> StepView:
        step = self.view().step(id)
        assert step is not None
        return step

    def states(self, step: str = "nodes") -> dict[str, str]:
        """State of every task."""
        return {task.id: task.state for task in self.step(step).all_tasks()}


def a_whole_run() -> EventLog:
    """Two steps, the second with two nodes of which one fails; every number in it is used by some test."""
    log = EventLog()
    log.begin("test_ssh", "nodes", state="queued")
    log.desktop("run_state", state="connecting", at=10)
    log.desktop("step_started", step="test_ssh", limit_s=30)
    log.desktop("step_finished", step="test_ssh", state="succeeded", note="reachable")
    log.desktop("run_state", state="running")
    log.runner("job_started", steps=["nodes"], runner="abc", boot_id="b")
    log.runner("step_started", step="nodes", limit_s=1800, at=20)
    log.plan("n1", "n2", kind="node")
    log.task("n1", "running")
    log.task("n1", "succeeded", note="abc123")
    log.task("n2", "running")
    log.task("n2", "failed", note="clone failed")
    log.runner("step_finished", step="nodes", state="succeeded", note="Installed 1/2 custom nodes (1 failed)", at=80)
    log.runner("job_finished", state="succeeded", reason="")
    log.desktop("run_state", state="succeeded", at=93)
    return log


def running(*states: str) -> EventLog:
    """A step with three nodes that runs; the first node went through these states."""
    log = EventLog()
    log.begin("nodes")
    log.runner("step_started", step="nodes")
    log.plan("n1", "n2", "n3", kind="node")
    for state in states:
        log.task("n1", state)
    return log
