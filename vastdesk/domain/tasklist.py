"""The live task list of a step: which rows a person sees, in which order.

`window` is the heart: of hundreds of nodes four rows, and two placeholders that account for all others.
`rows` puts the whole list together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vastdesk.domain.events import FINISHED_TASK_STATES, OK_TASK_STATES
from vastdesk.domain.sentences import display_text, task_text
from vastdesk.domain.views import StepView, TaskView

T = TypeVar("T")

NODE_ROWS = 4
PROBLEM_ROWS = 5
"""Sub-rows of `Verify Dependencies` before `N more`."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`count` nodes that are not rows; `ok` of them ended well."""

    label: str
    state: str
    count: int
    ok: int


@dataclass(frozen=True, slots=True)
class Window(Generic[T]):
    """`rows` are the tasks that were given, in display order; always: above + rows + below = all of them."""

    above: Placeholder | None
    rows: tuple[T, ...]
    below: Placeholder | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `kind`: setup, node, resolve, verify, task, sub, others, more. `id` stays the same while
    the row stands for the same thing. `label`, `text` (progress, in words) and `note` are harmless to show."""

    id: str
    depth: int
    label: str
    state: str
    text: str = ""
    note: str = ""
    task: TaskView | None = None
    kind: str = "task"


def window(tasks: Sequence[T], limit: int = NODE_ROWS) -> Window[T]:
    """The rows for `tasks` (in plan order): objects or mappings with `id`, `label`, `state`, `started_seq`,
    `finished_seq`.

    At most `limit` tasks: all are rows. Else: those that run (when more than `limit` do, the ones that started last)
    and, in the places left, those that finished most recently, shown in the order in which they started, ties in plan
    order.
    """
    if len(tasks) <= limit:
        return Window(None, tuple(tasks), None)
    running = []
    finished = []
    ok = 0
    for index, task in enumerate(tasks):
        state = _get(task, "state")
        if state == "running":
            running.append(_Seen(_start(task), index, task))
        elif state in FINISHED_TASK_STATES:
            finished.append(_Seen(_number(task, "finished_seq"), index, task))
            ok += state in OK_TASK_STATES
    shown_running = sorted(running)[max(0, len(running) - limit) :]
    places = limit - len(shown_running)
    shown_finished = sorted(finished)[len(finished) - min(places, len(finished)) :]
    shown = sorted(_Seen(_start(seen.task), seen.index, seen.task) for seen in (*shown_running, *shown_finished))
    shown_ok = sum(_get(seen.task, "state") in OK_TASK_STATES for seen in shown_finished)
    above = len(finished) - len(shown_finished)
    return Window(
        _others(above, ok - shown_ok, done=True),
        tuple(seen.task for seen in shown),
        _others(len(tasks) - above - len(shown), 0, done=False),
    )


@dataclass(frozen=True, slots=True)
class _Seen(Generic[T]):
    """A task with what it is ordered by."""

    seq: float
    index: int
    task: T

    def __lt__(self, other: _Seen[T]) -> bool:
        return (self.seq, self.index) < (other.seq, other.index)


def _others(count: int, ok: int, *, done: bool) -> Placeholder | None:
    if count == 0:
        return None
    state = "pending" if not done else "succeeded" if ok == count else "failed"
    return Placeholder(f"{count} others ({ok}/{count})", state, count, ok)


def _get(task: object, name: str) -> Any:
    return task.get(name) if isinstance(task, Mapping) else getattr(task, name, None)


def _number(task: object, name: str) -> float:
    value = _get(task, name)
    return value if isinstance(value, int | float) and value == value else -1


def _start(task: object) -> float:
    """When it started; a task that never ran took its place when it finished."""
    return _number(task, "started_seq" if _get(task, "started_seq") is not None else "finished_seq")


def rows(step: StepView, now_mono: float | None = None) -> tuple[Row, ...]:
    """The whole live list. `now_mono`: the machine's monotonic time now, when the caller can tell (else: of its last
    event).

    Setup rows, the placeholder above, node rows with their sub-tasks, the placeholder below, the common resolution
    while it runs, and the verification once all nodes are finished. Without nodes: the tasks in plan order with their
    sub-tasks.
    """
    now = step.last_mono if now_mono is None else now_mono
    nodes = [task for task in step.tasks if task.kind == "node"]
    if not nodes:
        return tuple(row for task in step.tasks for row in _task_rows(task, now))
    first = step.tasks.index(nodes[0])
    setup = [task for at, task in enumerate(step.tasks) if task.kind == "setup" or (at < first and _is_plain(task))]
    after = [task for task in step.tasks[first:] if _is_plain(task)]
    resolve = [task for task in step.tasks if task.kind == "resolve" and _stands_out(task)]
    verify = [task for task in step.tasks if task.kind == "verify" and all(node.is_finished for node in nodes)]
    return (
        *(row for task in setup for row in _task_rows(task, now)),
        *_node_rows(nodes, now),
        *(row for task in (*resolve, *after, *verify) for row in _task_rows(task, now)),
    )


def all_node_rows(step: StepView, now_mono: float | None = None) -> tuple[Row, ...]:
    """Every node in plan order, with its sub-tasks: the unfolded list."""
    now = step.last_mono if now_mono is None else now_mono
    return tuple(row for task in step.tasks if task.kind == "node" for row in _node_row(task, now))


def _is_plain(task: TaskView) -> bool:
    return task.kind not in ("node", "setup", "resolve", "verify")


def _stands_out(task: TaskView) -> bool:
    """The common resolution is a row while it runs, and stays one when it went wrong."""
    return task.state != "pending" and not task.is_ok


def _node_rows(nodes: Sequence[TaskView], now: float | None) -> Iterator[Row]:
    seen = window(nodes)
    if seen.above is not None:
        yield Row("others-above", 0, seen.above.label, seen.above.state, kind="others")
    for task in seen.rows:
        yield from _node_row(task, now)
    if seen.below is not None:
        yield Row("others-below", 0, seen.below.label, seen.below.state, kind="others")


def _node_row(task: TaskView, now: float | None) -> Iterator[Row]:
    """A node, with what it still has to do, or what went wrong: a failed sub-task stays visible."""
    yield _row(task, 0, now, "node")
    if task.state != "pending":
        subs = [sub for sub in task.subtasks if not (task.is_finished and (sub.is_ok or sub.state == "pending"))]
        yield from _sub_rows(subs, now)


def _task_rows(task: TaskView, now: float | None) -> Iterator[Row]:
    yield _row(task, 0, now, task.kind if task.kind in ("setup", "resolve", "verify", "node") else "task")
    shown = task.subtasks[:PROBLEM_ROWS] if task.kind == "verify" else task.subtasks
    yield from _sub_rows(shown, now)
    if len(shown) < len(task.subtasks):
        hidden = task.subtasks[len(shown) :]
        state = next((sub.state for sub in hidden if not sub.is_ok), "succeeded")
        yield Row(f"{task.id}/more", 1, f"{len(hidden)} more", state, kind="more")


def _sub_rows(subs: Iterable[TaskView], now: float | None) -> Iterator[Row]:
    return (_row(sub, 1, now, "sub") for sub in subs)


def _row(task: TaskView, depth: int, now: float | None, kind: str) -> Row:
    label, note = display_text(task.label), display_text(task.note, 500)
    return Row(task.id, depth, label, task.state, task_text(task, now), note, task, kind)
