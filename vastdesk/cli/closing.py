"""What is said when a run has ended, is blocked or was left: the sentence, what failed, what can be done next."""

from __future__ import annotations

import argparse
import shlex

from vastdesk.cli.text import clean, short_id
from vastdesk.domain.sentences import run_sentence
from vastdesk.domain.views import RunView, StepView, TaskView

_BAD = ("failed", "lost", "interrupted")
_CAN_RESUME = ("failed", "cancelled", "interrupted", "lost")
MAX_FAILURES = 50


def program(args: argparse.Namespace) -> str:
    """How to call us again for the same data folder."""
    chosen = getattr(args, "data_dir", None)
    return f"vastdesk --data-dir {shlex.quote(chosen)}" if chosen else "vastdesk"


def closing_lines(view: RunView, left: bool, call: str = "vastdesk") -> list[str]:
    """All of it as lines, harmless. `left`: the run goes on without us."""
    if left:
        return _left_lines(view, call)
    return [run_sentence(view), *failure_lines(view), *tail_lines(view), *next_lines(view, call)]


def failure_lines(view: RunView) -> list[str]:
    """Each thing that failed with its reason, also where the step was allowed to go on; not what the sentence says."""
    if view.state == "blocked":
        return []
    lines = [line for step in view.steps for line in _step_failures(step, view)]
    return [*lines[:MAX_FAILURES], f"  … {len(lines) - MAX_FAILURES} more"] if len(lines) > MAX_FAILURES else lines


def _step_failures(step: StepView, view: RunView) -> list[str]:
    bad = [task for task in step.tasks if task.state in _BAD and not (task.note and task.note == view.reason)]
    if not bad and step.state == "failed" and view.state == "succeeded":  # else the sentence has said it
        return [f"  ✗ {clean(step.title or step.id)}: {clean(step.note or step.state)}"]
    return [f"  ✗ {clean(step.title or step.id)} – {clean(task.label)}: {_reason(task)}" for task in bad]


def _reason(task: TaskView) -> str:
    notes = [task.note, *(sub.note for sub in task.subtasks if sub.state in _BAD)]
    return clean(" · ".join(note for note in notes if note) or task.state)


def tail_lines(view: RunView) -> list[str]:
    """The last words of a job that is lost."""
    return ["Its last output:", *(f"  {clean(text)}" for text in view.tail)] if view.tail else []


def next_lines(view: RunView, call: str) -> list[str]:
    """What can be done now, as commands to copy."""
    run = short_id(view.run or "last")
    if view.state == "blocked":
        return _blocked_lines(view, call, run)
    lines = [clean(view.action)] if view.action else []
    if view.state in _CAN_RESUME:
        lines.append(f"Go on at the first unfinished step:  {call} resume {run}")
    if view.state == "succeeded" and failure_lines(view):
        lines.append(f"Try only what failed again:  {call} retry {run} --failed-only")
    return lines


def _blocked_lines(view: RunView, call: str, run: str) -> list[str]:
    block = view.block or {}
    fingerprint = clean(block.get("fingerprint", ""))
    name = shlex.quote(clean(view.instance))
    lines = [f"  it shows  {clean(block.get('algorithm', ''))} {fingerprint}"]
    if block.get("pinned"):
        lines.append(f"  trusted   {clean(block['pinned'])}")
        lines.append(
            "The key has changed. If you did not set the machine up anew, somebody else may be answering: stop here."
        )
    else:
        lines.append("Compare it with what the machine's owner or console shows.")
    return [
        *lines,
        "If it is the right one:",
        f"  {call} instances trust {name} {fingerprint}",
        f"  {call} resume {run}",
    ]


def _left_lines(view: RunView, call: str) -> list[str]:
    watch = f"Watch it again:  {call} attach {short_id(view.run or 'last')}"
    if goes_on_alone(view):
        return ["Detached: the work goes on on the instance.", watch]
    if view.state == "queued":
        return ["Detached: the run waits for its turn.", watch]
    return ["Detached before the work had begun on the instance: it goes on when you watch it again.", watch]


def goes_on_alone(view: RunView) -> bool:
    """Whether a job of the run is on the instance and has not ended: it needs nobody here."""
    return any(job.id != "desktop" and job.state is None for job in view.jobs)
