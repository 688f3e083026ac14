"""How everything stands, in one line: for the status bar, the tray and the question before quitting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from vastdesk.domain.sentences import display_text
from vastdesk.domain.views import RunView
from vastdesk.ui.state import State


@dataclass(frozen=True)
class OpenRun:
    """A run that has not ended. `here` is the title of the step of it that this computer itself carries out now."""

    run_id: str
    instance_id: str
    machine: str
    workflow: str
    state: str
    here: str = ""

    @property
    def text(self) -> str:
        return f"{display_text(self.machine, 60)}: {display_text(self.workflow, 60)}"


def open_runs(state: State) -> list[OpenRun]:
    """All that have not ended, the newest first."""
    names = {instance.id: instance.name for instance in state.instances}
    found = []
    for head in state.history:
        if head.ended_ts is not None:
            continue
        view = state.views.get(head.id)
        machine = names.get(head.instance_id) or (view.instance if view is not None else "") or head.instance_id
        found.append(
            OpenRun(
                head.id,
                head.instance_id,
                machine,
                head.workflow,
                head.state if view is None else view.state,
                _step_here(view),
            )
        )
    return found


def _step_here(view: RunView | None) -> str:
    if view is None or not view.is_running:
        return ""
    return next((step.title for step in view.steps if step.job == "desktop" and step.state == "running"), "")


def attention(runs: Iterable[OpenRun]) -> str:
    """`attention`, `running` or `idle`: what the tray's icon shows."""
    states = {run.state for run in runs}
    if "blocked" in states:
        return "attention"
    return "running" if states else "idle"


def status_line(machines: int, runs: list[OpenRun]) -> str:
    """`3 machines  ·  2 runs on  ·  1 reconnecting`."""
    waiting = sum(run.state == "queued" for run in runs)
    blocked = sum(run.state == "blocked" for run in runs)
    reconnecting = sum(run.state in ("reconnecting", "connecting") for run in runs)
    on = len(runs) - waiting - blocked
    parts = [QCoreApplication.translate("Summary", "%n machine(s)", "", machines)]
    if on:
        parts.append(QCoreApplication.translate("Summary", "%n run(s) on", "", on))
    else:
        parts.append(QCoreApplication.translate("Summary", "nothing runs"))
    if reconnecting:
        parts.append(QCoreApplication.translate("Summary", "%n connecting", "", reconnecting))
    if waiting:
        parts.append(QCoreApplication.translate("Summary", "%n queued", "", waiting))
    if blocked:
        parts.append(QCoreApplication.translate("Summary", "%n need(s) you", "", blocked))
    return "  ·  ".join(parts)
