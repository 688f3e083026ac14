"""A run as plain lines, one per change of state: for pipes, log files and cron mails."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TextIO

from vastdesk.cli.closing import closing_lines
from vastdesk.cli.following import Choice
from vastdesk.cli.jsonout import write_text
from vastdesk.cli.report import say
from vastdesk.cli.text import clean, short_id
from vastdesk.domain.sentences import format_duration, task_text
from vastdesk.domain.views import RunView, TaskView

PROGRESS_EVERY_PERCENT = 10.0
PROGRESS_EVERY_S = 10.0

Event = Mapping[str, Any]
TaskKey = tuple[str, str]


class PlainPresenter:
    """Prints each change of state once, and progress now and then. Nobody can be asked here."""

    can_ask = False

    def __init__(self, run_id: str, call: str = "vastdesk", stream: TextIO | None = None) -> None:
        self._run_id = run_id
        self._call = call
        self._stream = stream or sys.stdout
        self._labels: dict[TaskKey, str] = {}
        self._parents: dict[TaskKey, str] = {}
        self._states: dict[TaskKey, str] = {}
        self._progress: dict[TaskKey, tuple[float, float]] = {}
        """Percent and time of the last progress line of a task."""

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        yield

    def update(self, events: Sequence[Event], view: RunView) -> None:
        lines = [line for event in events for line in self._lines(event, view)]
        if lines:
            write_text("\n".join(lines) + "\n", self._stream)

    def tell(self, text: str) -> None:
        say(text)

    async def ask(self) -> Choice:
        return "cancel"

    def close(self, view: RunView, left: bool) -> None:
        """The final sentence and what can be done next."""
        write_text("\n".join(closing_lines(view, left, self._call)) + "\n", self._stream)

    def _lines(self, event: Event, view: RunView) -> list[str]:
        handler = _HANDLERS.get(str(event.get("type")))
        texts = handler(self, event, view) if handler else []
        at = _clock(event.get("ts"))
        return [f"{at}  {text}" for text in texts]

    def _run_state(self, event: Event, view: RunView) -> list[str]:
        lines = []
        if "steps" in event:
            lines.append(f"{clean(view.workflow)} on {clean(view.instance)} · run {short_id(self._run_id)}")
        reason = event.get("reason")
        return [*lines, f"{event.get('state')}" + (f": {clean(reason)}" if reason else "")]

    def _step_started(self, event: Event, view: RunView) -> list[str]:
        return [f"{_title(view, event)}: running"]

    def _step_finished(self, event: Event, view: RunView) -> list[str]:
        step = view.step(str(event.get("step")))
        took = (
            f" in {format_duration(step.elapsed_s)}" if step and step.elapsed_s is not None and step.started_seq else ""
        )
        note = f" · {clean(event['note'])}" if event.get("note") else ""
        return [f"{_title(view, event)}: {event.get('state')}{took}{note}"]

    def _plan(self, event: Event, view: RunView) -> list[str]:
        step = str(event.get("step"))
        for task in event.get("tasks") or ():
            key = (step, str(task.get("id")))
            self._labels[key] = str(task.get("label") or task.get("id"))
            self._states.setdefault(key, "pending")
            if task.get("parent"):
                self._parents[key] = str(task["parent"])
        return []

    def _task(self, event: Event, view: RunView) -> list[str]:
        key = (str(event.get("step")), str(event.get("id")))
        if event.get("label"):
            self._labels[key] = str(event["label"])
        if event.get("parent"):
            self._parents[key] = str(event["parent"])
        state = str(event.get("state") or self._states.get(key, "pending"))
        if self._states.get(key) == state:
            return self._progress_line(key, event, view) if state == "running" else []
        self._states[key] = state
        self._progress[key] = (0.0, float(event.get("ts") or 0.0))
        note = f" · {clean(event['note'])}" if event.get("note") else ""
        return [f"  {self._name(key)}: {state}{note}"]

    def _progress_line(self, key: TaskKey, event: Event, view: RunView) -> list[str]:
        task = _task_view(view, key)
        if task is None or task.state != "running" or task.percent is None:
            return []  # by the end of what arrived together it has ended: that line says more
        percent, at = self._progress.get(key, (0.0, 0.0))
        now = float(event.get("ts") or 0.0)
        if task.percent < percent + PROGRESS_EVERY_PERCENT and (now < at + PROGRESS_EVERY_S or task.percent <= percent):
            return []
        self._progress[key] = (task.percent, now)
        return [f"  {self._name(key)}: {task_text(task, _now(view, key))}"]

    def _name(self, key: TaskKey) -> str:
        """Its label, after its parent's: rows of several nodes come mixed."""
        label = clean(self._labels.get(key, key[1]))
        parent = self._parents.get(key)
        return f"{clean(self._labels.get((key[0], parent), parent))} – {label}" if parent else label


def _task_view(view: RunView, key: TaskKey) -> TaskView | None:
    step = view.step(key[0])
    return step.task(key[1]) if step else None


def _now(view: RunView, key: TaskKey) -> float | None:
    step = view.step(key[0])
    return step.last_mono if step else None


def _title(view: RunView, event: Event) -> str:
    step_id = str(event.get("step"))
    step = view.step(step_id)
    return clean(step.title if step and step.title else step_id)


def _clock(ts: Any) -> str:
    return datetime.fromtimestamp(float(ts)).strftime("%H:%M:%S") if isinstance(ts, int | float) else "--:--:--"


_HANDLERS = {
    "run_state": PlainPresenter._run_state,
    "step_started": PlainPresenter._step_started,
    "step_finished": PlainPresenter._step_finished,
    "plan": PlainPresenter._plan,
    "task": PlainPresenter._task,
}
