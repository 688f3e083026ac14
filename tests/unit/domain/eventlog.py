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
