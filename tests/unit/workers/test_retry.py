"""What a retry of the failed parts switches on."""

from __future__ import annotations

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView, StepView, TaskView
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.workers.retry import failed_parts


def workflow(*uses: StepUse) -> Workflow:
    return Workflow("W", "", 1, 0.0, uses)


def use(id: str, **params: object) -> StepUse:
    return StepUse(id, id, id, "instance", params)


def node(label: str, state: str) -> TaskView:
    return TaskView(label.lower(), label, state, kind="node")


def test_done_steps_are_left_out_and_what_never_ran_comes_again() -> None:
    view = RunView(steps=(StepView("a", state="succeeded"), StepView("b", state="failed"), StepView("c")))
    again = failed_parts(workflow(use("a"), use("b"), use("c")), view, "r")
    assert [step.enabled for step in again.steps] == [False, True, True]


def test_of_an_installation_that_succeeded_only_the_failed_nodes_come_again() -> None:
    tasks = (node("A", "succeeded"), node("B", "failed"), node("C", "skipped"), node("D", "cancelled"))
    view = RunView(steps=(StepView("nodes", state="succeeded", tasks=tasks),))
    again = failed_parts(workflow(use("nodes", only=[], nodes="x")), view, "r")
    assert again.steps[0].enabled
    assert again.steps[0].params == {"only": ["B", "D"], "nodes": "x"}


def test_what_was_switched_off_stays_off() -> None:
    off = StepUse("off", "off", "off", "instance", {}, enabled=False)
    view = RunView(steps=(StepView("off", state="skipped"), StepView("b", state="lost")))
    assert [step.enabled for step in failed_parts(workflow(off, use("b")), view, "r").steps] == [False, True]


def test_nothing_failed_is_said() -> None:
    view = RunView(steps=(StepView("a", state="succeeded"),))
    with pytest.raises(VastDeskError) as refused:
        failed_parts(workflow(use("a")), view, "r")
    assert refused.value.kind == "nothing_failed"


def test_a_step_whose_proof_failed_comes_again() -> None:
    tasks = (node("A", "succeeded"), TaskView("verify", "Verify Dependencies", "failed", kind="verify"))
    view = RunView(steps=(StepView("nodes", state="succeeded", tasks=tasks),))
    again = failed_parts(workflow(use("nodes", only=[])), view, "r")
    assert again.steps[0].enabled
    assert again.steps[0].params == {"only": []}
