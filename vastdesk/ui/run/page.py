"""The page of one run, live or long over: head, how it stands, the timeline, and the raw output beside it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from vastdesk.domain.instances import Instance
from vastdesk.domain.views import RunView, StepView
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import EmptyState, Memory, SplitView
from vastdesk.ui.run.actions import RunActions
from vastdesk.ui.run.filterbar import FilterBar
from vastdesk.ui.run.header import RunHeader
from vastdesk.ui.run.output import OutputPane
from vastdesk.ui.run.situation import SituationCard
from vastdesk.ui.run.timeline import TimelineModel
from vastdesk.ui.run.view import TimelineView
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space
from vastdesk.workers.exporting import run_as_text

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine

_TICK_MS = 1000


class RunPage(QWidget):
    """`open(run_id)` shows a run until `close_run()`; `run_opened(run_id)` asks the window to open the run that a retry
    has made. `actions` are for the menu bar and the palette too."""

    run_opened = Signal(str)

    def __init__(
        self, state: State, bridge: Bridge, parent: QWidget | None = None, *, memory: Memory | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self._run_id = ""
        self._view: RunView | None = None
        self._chosen: str | None = None
        """The step whose output a person chose; None follows the one that runs."""
        self._stale = False
        self._busy = False
        """A command is under way."""
        self.actions_of_run = RunActions(self)
        self._tasks = ViewTasks(self)
        self._model = TimelineModel(self)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._on_tick)
        self._build(memory or Forgetful())
        self._connect()
        self._refresh()

    @property
    def run_id(self) -> str:
        """Of the run that is shown, "" when none is."""
        return self._run_id

    @property
    def timeline(self) -> TimelineView:
        return self._timeline

    @property
    def output(self) -> OutputPane:
        return self._output

    @property
    def situation(self) -> SituationCard:
        return self._situation

    @property
    def is_ticking(self) -> bool:
        return self._clock.isActive()

    def open(self, run_id: str) -> None:
        """Shows this run."""
        if run_id == self._run_id:
            return
        self.close_run()
        self._run_id = run_id
        self._bridge.show(run_id)
        self._refresh()

    def close_run(self) -> None:
        """Nobody looks at it any more. The run itself goes on."""
        if self._run_id:
            self._bridge.hide(self._run_id)
        self._tasks.cancel_all()
        self._run_id, self._view, self._chosen, self._busy = "", None, None, False
        self._failures.clear()
        self._model.clear()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh()
        self._look_at_clock()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self, memory: Memory) -> None:
        self._header = RunHeader(self.actions_of_run)
        self._situation = SituationCard(self.actions_of_run)
        self._failures = FailurePlace()
        self._tasks.failed.connect(self._failures.show_error)
        self._filters = FilterBar()
        self._timeline = TimelineView(self._model)
        self._output = OutputPane(self._bridge)
        left = QWidget()
        steps = QVBoxLayout(left)
        steps.setContentsMargins(0, space(1), 0, 0)
        steps.setSpacing(0)
        steps.addWidget(self._filters)
        steps.addWidget(self._timeline, 1)
        split = SplitView("run", memory, (62, 38))
        split.addWidget(left)
        split.addWidget(self._output)
        top = QVBoxLayout()
        top.setContentsMargins(space(5), space(4), space(4), space(3))
        top.setSpacing(space(3))
        for widget in (self._header, self._failures, self._situation):
            top.addWidget(widget)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(split, 1)
        self._empty = EmptyState("run", "")
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(body)
        self.setFocusProxy(self._timeline)

    def _connect(self) -> None:
        actions = self.actions_of_run
        actions.cancel.triggered.connect(self._on_cancel)
        actions.resume.triggered.connect(self._on_resume)
        actions.retry_failed.triggered.connect(self._on_retry_failed)
        actions.retry_all.triggered.connect(self._on_retry_all)
        actions.copy.triggered.connect(self._on_copy)
        self._situation.trusted.connect(self._on_trusted)
        self._timeline.step_chosen.connect(self._on_step_chosen)
        self._model.folding_changed.connect(self._on_folding_changed)
        self._filters.narrowed.connect(self._on_narrowed)
        self._filters.closed.connect(self._on_filters_closed)
        self._output.save_failed.connect(self._on_save_failed)
        self._state.runs_changed.connect(self._on_runs_changed)
        self._state.history_changed.connect(self._on_history_changed)
        self._state.instances_changed.connect(self._on_history_changed)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _on_runs_changed(self, changed: frozenset[str]) -> None:
        if self._run_id in changed:
            self._on_history_changed()

    def _on_history_changed(self) -> None:
        if self.isVisible():
            self._refresh()
        else:
            self._stale = True

    def _refresh(self) -> None:
        self._stale = False
        view = self._state.views.get(self._run_id) if self._run_id else None
        self._view = view
        self._stack.setCurrentIndex(0 if view is None else 1)
        if view is None:
            self._say_empty()
        else:
            self._model.show_view(view)
            self._situation.show_view(view)
            self._show_header()
            self._show_filters()
            self._show_output()
        self._look_at_actions()
        self._look_at_clock()

    def _say_empty(self) -> None:
        if not self._run_id:
            self._empty.set_message(self.tr("No run is open"), self.tr("Start a workflow, or choose a run."), "run")
        elif self._state.history and all(head.id != self._run_id for head in self._state.history):
            self._empty.set_message(
                self.tr("This run is no longer stored"), self.tr("It was cleared from the history."), "history"
            )
        else:
            self._empty.set_message(self.tr("Reading the run …"), "", "run")

    def _show_header(self) -> None:
        view = self._view
        if view is not None:
            instance = self._instance()
            running = self._running_step(view)
            line = next((line for line in self._model.lines if line.step is running and line.kind == "step"), None)
            elapsed = line.elapsed_s if line is not None else None
            self._header.show_view(view, instance.name if instance else view.instance, time.time(), elapsed)

    def _show_filters(self) -> None:
        whole = self._model.folding.whole
        step = self._view.step(whole) if self._view is not None and whole is not None else None
        self._filters.show_folding(step, self._model.folding)

    def _show_output(self) -> None:
        view = self._view
        if view is not None:
            step = view.step(self._chosen) if self._chosen is not None else view.current
            self._output.show_step(self._run_id, step, self._instance())

    def _look_at_actions(self) -> None:
        removed = self._view is not None and self._instance() is None
        self.actions_of_run.update(self._view, removed=removed, busy=self._busy)
        self._situation.set_busy(self._busy)

    def _look_at_clock(self) -> None:
        """Clocks run while the run does and somebody looks."""
        if self._view is not None and self._view.is_running and self.isVisible():
            if not self._clock.isActive():
                self._clock.start()
        else:
            self._clock.stop()

    def _on_tick(self) -> None:
        self._model.tick()
        self._show_header()

    @staticmethod
    def _running_step(view: RunView) -> StepView | None:
        current = view.current
        return current if current is not None and current.state == "running" else None

    def _instance(self) -> Instance | None:
        head = next((head for head in self._state.history if head.id == self._run_id), None)
        return None if head is None else self._state.instance(head.instance_id)

    # -- choosing ----------------------------------------------------------------------------------------------------

    def _on_step_chosen(self, step_id: str) -> None:
        running = None if self._view is None else self._running_step(self._view)
        self._chosen = None if running is not None and running.id == step_id else step_id
        self._show_output()

    def _on_folding_changed(self) -> None:
        self._show_filters()

    def _on_narrowed(self, name: str, text: str) -> None:
        self._model.show_whole(self._model.folding.whole, name, text)

    def _on_filters_closed(self) -> None:
        self._model.show_whole(None)
        self._timeline.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- commands ----------------------------------------------------------------------------------------------------

    def _on_cancel(self) -> None:
        run_id = self._run_id
        self._carry_out(lambda engine: engine.cancel(run_id))

    def _on_resume(self) -> None:
        run_id = self._run_id
        self._carry_out(lambda engine: engine.resume(run_id))

    def _on_retry_failed(self) -> None:
        self._retry(failed_only=True)

    def _on_retry_all(self) -> None:
        self._retry(failed_only=False)

    def _retry(self, *, failed_only: bool) -> None:
        run_id = self._run_id

        async def retry(engine: Engine) -> str:
            return (await engine.retry(run_id, failed_only)).id

        self._carry_out(retry, opens=True)

    def _on_trusted(self, fingerprint: str) -> None:
        instance = self._instance()
        if instance is None:
            return
        instance_id = instance.id

        async def trust(engine: Engine) -> None:
            from vastdesk.workers.desk import trust_key

            await trust_key(engine, instance_id, fingerprint)

        self._carry_out(trust)

    def _carry_out(self, command: Callable[[Engine], Awaitable[object]], *, opens: bool = False) -> None:
        """One command at a time: a second click while it is under way does nothing."""
        if self._run_id and not self._busy:
            self._failures.clear()
            self._set_busy(True)
            self._tasks.spawn(self._command(command, opens), "command")

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._look_at_actions()

    async def _command(self, command: Callable[[Engine], Awaitable[object]], opens: bool) -> None:
        try:
            made = await self._bridge.call(command)
        except Exception:
            self._set_busy(False)
            raise
        self._set_busy(False)
        if opens and isinstance(made, str):
            self.run_opened.emit(made)

    def _on_copy(self) -> None:
        if self._view is not None:
            QGuiApplication.clipboard().setText(run_as_text(self._view))

    # -- what went wrong ---------------------------------------------------------------------------------------------

    def _on_save_failed(self, sentence: str) -> None:
        self._failures.show_message("error", self.tr("The output could not be saved: {why}").format(why=sentence))


class Forgetful:
    """Remembers sizes as long as the page lives."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def read(self, key: str) -> str | None:
        return self._kept.get(key)

    def write(self, key: str, value: str) -> None:
        self._kept[key] = value
