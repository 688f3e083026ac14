"""How a run went, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from vastdesk.domain.views import RunView


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Of its nodes (`nodes`), or of its steps when it had none. `ok + failed <= total`: the rest was never finished.
    Steps that were switched off do not count."""

    ok: int
    failed: int
    total: int
    nodes: bool

    @property
    def success_percent(self) -> float | None:
        """None when there was nothing to do."""
        return 100.0 * self.ok / self.total if self.total else None


def counts_of(view: RunView) -> RunCounts:
    """The numbers of a picture."""
    nodes = [task for step in view.steps for task in step.tasks if task.kind == "node"]
    if nodes:
        ok = sum(task.is_ok for task in nodes)
        return RunCounts(ok, sum(task.is_finished for task in nodes) - ok, len(nodes), nodes=True)
    steps = [step for step in view.steps if step.state != "skipped"]
    ok = sum(step.state == "succeeded" for step in steps)
    return RunCounts(ok, sum(step.is_finished for step in steps) - ok, len(steps), nodes=False)
