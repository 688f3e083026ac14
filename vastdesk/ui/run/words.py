"""What the page of a run says in words: what each state means for a person. Pure."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from vastdesk.domain.sentences import display_text, format_duration
from vastdesk.domain.views import RunView, StepView, TaskView

translate = QCoreApplication.translate

_SURE_AFTER = 5.0
"""Percent of a step that must be done before its speed says anything about its end."""
_SURE_S = 10.0


def hint(view: RunView) -> str:
    """What a state means, in plain words, and what happens next."""
    match view.state:
        case "queued":
            return translate("Run", "It starts by itself when its turn comes.")
        case "connecting":
            return translate("Run", "You can close VastDesk once the work has begun: it goes on by itself.")
        case "reconnecting":
            return translate(
                "Run", "The machine keeps working. VastDesk tries again and again, and shows everything it missed."
            )
        case "cancelling":
            return translate("Run", "All that the run started on the machine is being ended. It takes 10 s at most.")
        case "lost":
            return translate(
                "Run",
                "The work ended without a word: nobody knows whether the step was finished. Resume begins again at "
                "that step; what is done already is only checked.",
            )
        case "interrupted":
            return translate(
                "Run", "The machine was restarted in the middle. Resume goes on at the first unfinished step."
            )
        case "cancelled":
            return translate("Run", "What was finished stays. Resume goes on at the first unfinished step.")
        case "failed":
            return display_text(view.action, 500)
        case "succeeded" if has_failures(view):
            return translate("Run", "Some parts failed, as the workflow allows. They can be tried again by themselves.")
    return ""


def has_failures(view: RunView) -> bool:
    """Whether there is something that "retry failed" would do: as `workers.retry` sees it."""
    nodes = (task for step in view.steps for task in step.tasks if task.kind == "node")
    return any(map(_is_open, view.steps)) or any(map(_is_open, nodes))


def _is_open(thing: StepView | TaskView) -> bool:
    return thing.state not in ("succeeded", "skipped")


def position(view: RunView) -> str:
    """`Step 2 of 5`, while it is on."""
    if view.current_step is None or view.is_final:
        return ""
    return translate("Run", "Step {number} of {total}").format(number=view.current_step + 1, total=len(view.steps))


def remaining(view: RunView, step_elapsed_s: float | None) -> str:
    """How long the running step will take yet, guessed from its own speed; nothing before that says anything."""
    step = view.current
    if view.state != "running" or step is None or step.state != "running" or step_elapsed_s is None:
        return ""
    if step.progress_percent < _SURE_AFTER or step_elapsed_s < _SURE_S or step.progress_percent >= 100:
        return ""
    left_s = step_elapsed_s * (100 - step.progress_percent) / step.progress_percent
    after = sum(not other.is_finished for other in view.steps) - 1
    if after:
        return translate("Run", "about {time} left in this step").format(time=format_duration(left_s))
    return translate("Run", "about {time} left").format(time=format_duration(left_s))
