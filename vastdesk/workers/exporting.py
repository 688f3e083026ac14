"""A run as JSON and as text, for files and for the clipboard: the same from the window as from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vastdesk.domain.sentences import display_text, format_duration, run_sentence
from vastdesk.domain.views import RunView, StepView, TaskView, iso_time

if TYPE_CHECKING:
    from vastdesk.store import RunRow

VERSION = 1
"""Of the JSON shapes (docs/schema); grows when one breaks."""

Json = dict[str, Any]


def run_facts(row: RunRow, instance: str) -> Json:
    """What is known of a run without its events. `instance` is a name."""
    return {
        "run": row.id,
        "workflow": str(row.workflow.get("name", "")),
        "instance": instance,
        "instance_id": row.instance_id,
        "state": row.state,
        "created": iso_time(row.created_ts),
        "retry_of": row.retry_of,
    }


def run_as_json(row: RunRow, view: RunView) -> Json:
    """The run as it stands, tasks included."""
    return {
        "type": "show",
        "v": VERSION,
        **run_facts(row, view.instance),
        "state": view.state,
        "reason": view.reason,
        "kind": view.kind,
        "action": view.action,
        "progress_percent": view.progress_percent,
        "start_time": iso_time(view.started_ts),
        "end_time": iso_time(view.finished_ts),
        "last_update": iso_time(view.last_ts),
        "elapsed_s": view.elapsed_s,
        "last_rseq": view.last_rseq,
        "block": dict(view.block) if view.block else None,
        "tail": list(view.tail),
        "steps": [_step(step) for step in view.steps],
    }


def _step(step: StepView) -> Json:
    return {
        "step": step.id,
        "use": step.use,
        "title": step.title,
        "state": step.state,
        "note": step.note,
        "progress_percent": step.progress_percent,
        "elapsed_s": step.elapsed_s,
        "tasks": [_task(task) for task in step.tasks],
    }


def _task(task: TaskView) -> Json:
    return {
        "id": task.id,
        "label": task.label,
        "state": task.state,
        "kind": task.kind,
        "percent": task.percent,
        "note": task.note,
        "subtasks": [_task(sub) for sub in task.subtasks],
    }


def run_as_text(view: RunView) -> str:
    """Everything somebody who helps would ask for: the run, its steps, every task with its note, the last output."""
    facts = {
        "run": view.run or "",
        "workflow": view.workflow,
        "instance": view.instance,
        "state": view.state,
        "reason": view.reason,
        "kind": view.kind or "",
        "started": iso_time(view.started_ts) or "",
        "ended": iso_time(view.finished_ts) or "",
        "took": format_duration(view.elapsed_s),
        "retry of": view.retry_of or "",
    }
    head = [f"{name}: {display_text(value, 1000)}" for name, value in facts.items() if value]
    block = [f"host key {name}: {display_text(str(value), 500)}" for name, value in (view.block or {}).items()]
    steps = [line for step in view.steps for line in _step_lines(step)]
    tail = ["", "last output:", *(f"  {display_text(text, 1000)}" for text in view.tail)] if view.tail else []
    return "\n".join([run_sentence(view), "", *head, *block, "", *steps, *tail]) + "\n"


def _step_lines(step: StepView) -> Iterator[str]:
    yield _line("", step.title or step.id, step.state, step.note)
    for task in step.tasks:
        yield _line("  ", task.label, task.state, task.note)
        for sub in task.subtasks:
            yield _line("    ", sub.label, sub.state, sub.note)


def _line(indent: str, label: str, state: str, note: str) -> str:
    behind = f" - {display_text(note, 1000)}" if note else ""
    return f"{indent}{display_text(label)}: {state}{behind}"
