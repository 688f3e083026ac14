"""The practice machine, as the window has it: tried with one click, there again at the next start."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.errors import VastDeskError
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.outcome import exit_code
from vastdesk.workers.practice_host import PracticeHost


class Practising(QObject):
    """`ended(exit code)` comes when the run that was begun here has ended."""

    ended = Signal(int)
    _told = Signal(str, int, int)

    def __init__(self, window: MainWindow, state: State, bridge: Bridge) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._bridge = bridge
        self._host = PracticeHost(self._told.emit)  # in the engine's thread; the signal crosses over
        self._run_id = ""
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(window.failures.show_error)
        self._told.connect(window.show_practice)
        window.practice_requested.connect(self.begin)
        state.runs_changed.connect(self._on_runs_changed)

    def begin(self) -> None:
        """The practice run, shown: the one that is on, else a new one."""
        if not self._tasks.is_running("begin"):
            self._window.failures.clear()
            self._window.show_practice(self.tr("starting"), 0, 0)
            self._tasks.spawn(self._begin(), "begin")

    def serve_again(self) -> None:
        """The practice machine of the last time, so that its runs are found."""
        self._tasks.spawn(self._serve_again(), "serve")

    async def close(self) -> None:
        """Ends the machine; its jobs go on."""
        self._tasks.cancel_all()
        await self._bridge.call(self._host.close)

    async def _begin(self) -> None:
        try:
            row = await self._bridge.call(self._host.start_run)
        finally:
            self._window.end_practice()
        self._run_id = row.id
        self._window.show_run(row.id)
        self._look()

    async def _serve_again(self) -> None:
        try:
            await self._bridge.call(self._host.open_again)
        except VastDeskError as error:
            if error.kind != "practice_busy":  # another VastDesk serves it: it is there
                raise
        finally:
            self._window.end_practice()

    def _on_runs_changed(self, run_ids: frozenset[str]) -> None:
        if self._run_id in run_ids:
            self._look()

    def _look(self) -> None:
        view = self._state.views.get(self._run_id)
        if view is not None and view.is_final:
            self._run_id = ""
            self.ended.emit(exit_code(view))
