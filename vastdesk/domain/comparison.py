"""Two runs side by side: the steps and nodes that ended differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vastdesk.domain.views import RunView, StepView, TaskView


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step or node ended; `state` "" when the run did not have it."""

    state: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """`node` is "" for the step itself. Texts are as the machines wrote them."""

    step: str
    node: str
    left: Outcome
    right: Outcome


def differences(left: RunView, right: RunView) -> tuple[Difference, ...]:
    """In the order of the left run; what only the right one has comes after it, step by step."""
    return tuple(_steps(left, right))


def _steps(left: RunView, right: RunView) -> Iterator[Difference]:
    others = {step.id: step for step in right.steps}
    for step in left.steps:
        yield from _step(step, others.pop(step.id, None))
    for step in others.values():
        yield from _step(None, step)


def _step(left: StepView | None, right: StepView | None) -> Iterator[Difference]:
    either = left or right
    assert either is not None
    title = either.title or either.id
    one, other = _of_step(left), _of_step(right)
    if one != other:
        yield Difference(title, "", one, other)
    nodes, others = _nodes(left), _nodes(right)
    for label in dict.fromkeys((*nodes, *others)):
        found, beside = nodes.get(label, Outcome()), others.get(label, Outcome())
        if found != beside:
            yield Difference(title, label, found, beside)


def _of_step(step: StepView | None) -> Outcome:
    """The closing note counts only where it is a reason: it tells durations and counts, which always differ."""
    if step is None:
        return Outcome()
    return Outcome(step.state, "" if step.state in ("succeeded", "skipped", "pending", "running") else step.note)


def _nodes(step: StepView | None) -> dict[str, Outcome]:
    """By name: a node keeps it from run to run. The note of a node is its version, or its reason."""
    tasks: tuple[TaskView, ...] = () if step is None else step.tasks
    return {task.label: Outcome(task.state, task.note) for task in tasks if task.kind == "node"}
