"""What the menu does to the run that is looked at. The page of the run has the same commands as buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from vastdesk.ui.run.actions import RunActions
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine


class RunCommands(QObject):
    """Enables the actions of the menu `Run` by the run that is looked at, and carries them out."""

    def __init__(self, window: MainWindow, state: State, bridge: Bridge) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._bridge = bridge
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(window.failures.show_error)
        self._rules = RunActions(self)
        actions = window.actions_by_name
        self._pairs = {
            "cancel_run": self._rules.cancel,
            "resume_run": self._rules.resume,
            "retry_failed": self._rules.retry_failed,
            "run_again": self._rules.retry_all,
        }
        actions["cancel_run"].triggered.connect(self._on_cancel)
        actions["resume_run"].triggered.connect(self._on_resume)
        actions["retry_failed"].triggered.connect(self._on_retry_failed)
        actions["run_again"].triggered.connect(self._on_run_again)
        window.looked_at_changed.connect(self._refresh)
        state.history_changed.connect(self._refresh)
        state.runs_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        head = self._run_id()
        removed = self._window.machine_page is None or self._state.instance(self._window.current_machine()) is None
        self._rules.update(self._state.views.get(head), removed=removed)
        for name, rule in self._pairs.items():
            self._window.actions_by_name.enable(name, "" if rule.isEnabled() else rule.statusTip())

    def _run_id(self) -> str:
        page = self._window.machine_page
        return page.run_id if page is not None and self._window.current_machine() else ""

    def _on_cancel(self) -> None:
        run_id = self._run_id()
        self._carry_out(lambda engine: engine.cancel(run_id))

    def _on_resume(self) -> None:
        run_id = self._run_id()
        self._carry_out(lambda engine: engine.resume(run_id))

    def _on_retry_failed(self) -> None:
        run_id = self._run_id()
        self._carry_out(lambda engine: engine.retry(run_id, failed_only=True), opens=True)

    def _on_run_again(self) -> None:
        run_id = self._run_id()
        self._carry_out(lambda engine: engine.retry(run_id), opens=True)

    def _carry_out(self, command: Callable[[Engine], Awaitable[Any]], opens: bool = False) -> None:
        if not self._tasks.is_running("command"):  # a second click on the same
            self._window.failures.clear()
            self._tasks.spawn(self._do(command, opens), "command")

    async def _do(self, command: Callable[[Engine], Awaitable[Any]], opens: bool) -> None:
        row = await self._bridge.call(command)
        if opens:
            self._window.show_run(row.id)
