"""The lines of the timeline: which there are, from what a run's views say. Pure; how they look is the delegate's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from vastdesk.domain.sentences import display_text
from vastdesk.domain.tasklist import NODE_ROWS, Row, all_node_rows, rows
from vastdesk.domain.views import StepView, TaskView

Kind = Literal["step", "row", "all"]

BAD_STATES = frozenset({"failed", "lost", "interrupted"})
UNFOLDED_BY_ITSELF = frozenset({"running"}) | BAD_STATES
"""A step that runs, and one that went wrong: what happened is seen without a click."""

FILTERS: Mapping[str, frozenset[str]] = {
    "all": frozenset(),
    "running": frozenset({"running"}),
    "failed": BAD_STATES | {"cancelled"},
    "done": frozenset({"succeeded", "skipped"}),
    "to_come": frozenset({"pending", "waiting"}),
}
"""What the whole list can be narrowed to; each by the states it lets through."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `key` stays while it stands for the same thing. `is_open`, `can_open`: a step and its fold. `nodes`:
    how many a line of kind "all" would show; `is_open` says that they are shown. `bad`: tasks of a step that failed."""

    key: str
    kind: Kind
    step: StepView
    row: Row | None = None
    is_open: bool = False
    can_open: bool = False
    nodes: int = 0
    bad: int = 0
    now_mono: float | None = None
    is_last: bool = False

    @property
    def state(self) -> str:
        return self.step.state if self.row is None else self.row.state

    @property
    def title(self) -> str:
        return display_text(self.step.title or self.step.id)

    @property
    def elapsed_s(self) -> float | None:
        """Of a step, up to now."""
        step = self.step
        if step.started_mono is not None and step.state == "running" and self.now_mono is not None:
            return max(0.0, self.now_mono - step.started_mono)
        return step.elapsed_s


@dataclass(frozen=True, slots=True)
class Folding:
    """What a person chose: `opened` by step id (only while the step stays in the state it had then), and the step whose
    whole list is shown, narrowed by one of FILTERS and a text."""

    opened: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    whole: str | None = None
    narrowed: str = "all"
    text: str = ""

    def is_open(self, step: StepView) -> bool:
        chosen = self.opened.get((step.id, step.state))
        return step.state in UNFOLDED_BY_ITSELF if chosen is None else chosen


class RowLines:
    """The lines of rows as they were made before. A node that did not change is the same object, and so is its line: of
    a thousand nodes only those that moved are made anew."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], tuple[TaskView, tuple[Row, ...]]] = {}
        self._lines: dict[str, Line] = {}

    def clear(self) -> None:
        self._nodes.clear()
        self._lines.clear()

    def line(self, step: StepView, row: Row, is_last: bool) -> Line:
        """`step` of an older line is an older picture: only its id holds."""
        key = f"{step.id}\0{row.kind}\0{row.id}"
        known = self._lines.get(key)
        if known is None or known.row is not row or known.is_last != is_last:
            known = self._lines[key] = Line(key, "row", step, row, is_last=is_last)
        return known

    def of_node(self, step: StepView, task: TaskView, now_mono: float | None) -> tuple[Row, ...]:
        """A node with its sub-tasks, as `all_node_rows` has it."""
        known = self._nodes.get((step.id, task.id))
        if known is None or known[0] is not task or task.state == "running":
            made = all_node_rows(StepView(step.id, tasks=(task,)), now_mono)
            known = self._nodes[(step.id, task.id)] = (task, made)
        return known[1]


def step_lines(
    step: StepView, folding: Folding, now_mono: float | None, is_last: bool = False, made: RowLines | None = None
) -> tuple[Line, ...]:
    """A step, and its task list when it is unfolded. `is_last`: no step comes after it; `made`: lines of before."""
    can_open = bool(step.tasks)
    is_open = can_open and folding.is_open(step)
    bad = sum(task.state in BAD_STATES for task in step.tasks)
    head = Line(step.id, "step", step, is_open=is_open, can_open=can_open, bad=bad, now_mono=now_mono, is_last=is_last)
    if not is_open:
        return (head,)
    made = made or RowLines()
    nodes = sum(task.kind == "node" for task in step.tasks)
    whole = folding.whole == step.id
    shown = _whole(step, folding, now_mono, made) if whole else rows(step, now_mono)
    lines = [made.line(step, row, is_last) for row in shown]
    if nodes > NODE_ROWS:
        lines.append(Line(f"{step.id}\0all", "all", step, nodes=nodes, is_open=whole, is_last=is_last))
    return (head, *lines)


def _whole(step: StepView, folding: Folding, now_mono: float | None, made: RowLines) -> list[Row]:
    """All nodes that the filter lets through, with their sub-tasks; the other rows stand where they always do."""
    wanted, text = FILTERS[folding.narrowed], folding.text.casefold()
    now = step.last_mono if now_mono is None else now_mono
    nodes = [task for task in step.tasks if task.kind == "node"]
    listed = [row for task in nodes if _matches(task, wanted, text) for row in made.of_node(step, task, now)]
    around = rows(_with_one_node(step, nodes), now)
    at = next((at for at, row in enumerate(around) if row.kind == "node"), len(around))
    return [*around[:at], *listed, *around[at + 1 :]]


def _with_one_node(step: StepView, nodes: list[TaskView]) -> StepView:
    """The step with a node that speaks for all: what stands round the nodes asks only whether all have finished."""
    if not nodes:
        return step
    speaks = replace(next((task for task in nodes if not task.is_finished), nodes[0]), subtasks=())
    first = step.tasks.index(nodes[0])
    after = (task for task in step.tasks[first:] if task.kind != "node")
    return replace(step, tasks=(*step.tasks[:first], speaks, *after))


def _matches(task: TaskView, wanted: frozenset[str], text: str) -> bool:
    return (not wanted or task.state in wanted) and (not text or text in task.label.casefold())


def count_by_filter(step: StepView) -> dict[str, int]:
    """How many nodes each of FILTERS would let through."""
    states = Counter(task.state for task in step.tasks if task.kind == "node")
    return {
        name: sum(count for state, count in states.items() if not wanted or state in wanted)
        for name, wanted in FILTERS.items()
    }


def stretches(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Rows in order as (first, last) of those that touch each other."""
    begin = 0
    for at, row in enumerate(rows):
        if at + 1 == len(rows) or rows[at + 1] != row + 1:
            yield rows[begin], row
            begin = at + 1
