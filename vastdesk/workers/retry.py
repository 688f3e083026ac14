"""What a retry of the failed parts consists of."""

from __future__ import annotations

from dataclasses import replace

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView, StepView
from vastdesk.domain.workflow import StepUse, Workflow

_NOT_DONE = ("failed", "cancelled", "interrupted", "lost", "pending", "running")
_FAILED = ("failed", "cancelled", "interrupted", "lost")
_BAD_TASK = ("failed", "cancelled", "interrupted", "lost", "pending", "running", "waiting")


def failed_parts(workflow: Workflow, view: RunView, run: str) -> Workflow:
    """The workflow with only the steps that failed or never ended switched on, and of a node installation only the
    nodes that are not in place. Raises VastDeskError("nothing_failed")."""
    steps = {step.id: step for step in view.steps}
    uses = tuple(_narrow(use, steps.get(use.id)) for use in workflow.steps)
    if not any(use.enabled for use in uses):
        raise VastDeskError("nothing_failed", run=run)
    return replace(workflow, steps=uses)


def _narrow(use: StepUse, step: StepView | None) -> StepUse:
    if not use.enabled or step is None:
        return use
    nodes = [task.label for task in step.tasks if task.kind == "node" and task.state in _BAD_TASK]
    if nodes and "only" in use.params:
        return replace(use, params={**use.params, "only": nodes})
    broken = any(task.state in _FAILED for task in step.tasks)  # what is left then is a proof that failed
    return use if broken or step.state in _NOT_DONE else replace(use, enabled=False)
