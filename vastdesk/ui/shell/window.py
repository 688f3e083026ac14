"""The main window: the rail at the left, pages at the right, menus above, how everything stands below."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QPaintEvent, QPalette
from PySide6.QtWidgets import QLabel, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.ui.failures import FailurePlace, told
from vastdesk.ui.kit.elided import ElidedLabel
from vastdesk.ui.kit.empty import EmptyState
from vastdesk.ui.kit.split import SplitView
from vastdesk.ui.shell.actions import Actions
from vastdesk.ui.shell.focusing import focus_first_filter
from vastdesk.ui.shell.machine import MachinePage
from vastdesk.ui.shell.memory import WindowMemory
from vastdesk.ui.shell.parts import Parts
from vastdesk.ui.shell.rail import Rail
from vastdesk.ui.shell.summary import open_runs, status_line
from vastdesk.ui.shell.welcome import WelcomePage
from vastdesk.ui.theme import app_icon, space


class MainWindow(QMainWindow):
    """Painted before there is anything to show; `fill(parts)` brings the pages when the storage is open.

    It asks for what it does not do itself: `close_requested`, and the actions in `actions_by_name`.
    """

    painted = Signal()
    """Once, after the first paint."""
    close_requested = Signal()
    add_requested = Signal()
    edit_requested = Signal(str)
    practice_requested = Signal()
    settings_wanted = Signal()
    looked_at_changed = Signal()
    """Another page, machine or run."""

    def __init__(self, memory: WindowMemory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._parts: Parts | None = None
        self._awaited_run = ""
        self._awaited_machine = ("", False)
        self._was_painted = False
        self._may_close = False
        self.machine_page: MachinePage | None = None
        self.runs_page: Any = None
        self.actions_by_name = Actions(self)
        self.setWindowTitle(self.tr("VastDesk"))
        self.setWindowIcon(app_icon())
        self.setMinimumSize(640, 440)
        self._build()
        self._connect()
        memory.restore(self)

    # -- what the app asks for -----------------------------------------------------------------------------------------

    @property
    def page_name(self) -> str:
        """Of the page that is shown: opening, broken, welcome, machine, runs, settings."""
        page = self._pages.currentWidget()
        return page.objectName() if page is not None else ""

    def fill(self, parts: Parts) -> None:
        """The storage is open: everything there is, is shown."""
        self._parts = parts
        self._rail.fill(parts)
        machines = self._rail.machines
        machines.selected.connect(self._on_selected)
        machines.view.clicked.connect(self._on_row_clicked)
        machines.add_requested.connect(self.add_requested)
        machines.practice_requested.connect(self.practice_requested)
        machines.edit_requested.connect(self.edit_requested)
        machines.test_requested.connect(self._on_test_requested)
        machines.run_requested.connect(self._on_run_requested)
        machines.run_opened.connect(self.show_run)
        parts.state.instances_changed.connect(self._on_instances_changed)
        parts.state.history_changed.connect(self._on_history_changed)
        parts.state.runs_changed.connect(self._show_summary)
        self._on_instances_changed()

    def show_settings(self, page: QWidget) -> None:
        """The settings page, made by the app."""
        if page.parent() is None:
            page.setObjectName("settings")
            self._pages.addWidget(page)
        self._show_page(page)

    def show_machine(self, instance_id: str, tab: str = "") -> None:
        """Chooses a machine and shows it."""
        if self._parts is None or self._parts.state.instance(instance_id) is None:
            return
        self._machine().open(instance_id, tab or self._tab_for(instance_id))
        self._rail.machines.select(instance_id)
        self._show_page(self._machine())

    def show_run(self, run_id: str) -> None:
        """Shows a run with its machine; one that was just started as soon as it is known."""
        if self._parts is None:
            return
        head = next((head for head in self._parts.state.history if head.id == run_id), None)
        self._awaited_run = run_id if head is None else ""
        if head is None:
            return
        if self._parts.state.instance(head.instance_id) is not None:
            self._rail.machines.select(head.instance_id)
        self._machine().open_run(run_id, head.instance_id)
        self._show_page(self._machine())

    def show_machine_soon(self, instance_id: str, test: bool = False) -> None:
        """One that was just saved: as soon as it is known. `test` tries its connection then."""
        self._awaited_machine = (instance_id, test)
        self._show_awaited_machine()

    def show_runs(self) -> None:
        """The history."""
        if self._parts is None:
            return
        if self.runs_page is None:
            self.runs_page = self._parts.make("runs")
            self.runs_page.setObjectName("runs")
            self.runs_page.opened.connect(self.show_run)
            self._pages.addWidget(self.runs_page)
        self._show_page(self.runs_page)

    def step_machine(self, by: int) -> None:
        """To the next machine, or back."""
        ids = [instance.id for instance in self._parts.state.instances] if self._parts is not None else []
        if ids:
            now = self._rail.machines.current
            at = (ids.index(now) + by) % len(ids) if now in ids else 0
            self.show_machine(ids[at])

    def current_machine(self) -> str:
        """Its id; "" when none is shown."""
        shown = self.machine_page is not None and self._pages.currentWidget() is self.machine_page
        return self.machine_page.instance_id if shown and self.machine_page is not None else ""

    def show_opening(self) -> None:
        self._show_page(self._opening)

    def show_broken(self, error: VastDeskError, retry: Any) -> None:
        """The storage cannot be opened: why, and what to do."""
        words = told(error)
        page = EmptyState("error", self.tr("VastDesk cannot open its data"), words.text)
        page.setObjectName("broken")
        page.add_action(self.tr("Try again"), retry, "primary")
        page.add_action(self.tr("Open the data folder"), self.actions_by_name["data_folder"].trigger)
        self._pages.addWidget(page)
        self._show_page(page)

    @property
    def failures(self) -> FailurePlace:
        """Above the pages: what concerns them all."""
        return self._failures

    def show_practice(self, part: str, done: int, total: int) -> None:
        """The practice machine is being made."""
        self._welcome.show_progress(part, done, total)
        self.say(self.tr("Preparing the practice machine: {part}").format(part=part))
        self.actions_by_name.enable("practice", self.tr("It is being prepared."))

    def end_practice(self) -> None:
        """It is there, or could not be made."""
        self._welcome.end_progress()
        self.say("")
        self.actions_by_name.enable("practice")

    @property
    def machines(self) -> Any:
        """The list in the rail; None until the storage is open."""
        return self._rail.machines

    def say(self, text: str) -> None:
        """A word in the status bar."""
        self._word.setText(text)

    def bring_to_front(self) -> None:
        """From the tray, from behind other windows, from a second start."""
        if self.isMinimized():
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    async def finish(self) -> None:
        """What was taken away a moment ago, and could still be brought back, goes now."""
        if self._rail.machines is not None:
            await self._rail.machines.aclose()
        if self.runs_page is not None:
            await self.runs_page.finish()

    def close_for_good(self) -> None:
        """The shutdown is over, or does not need the window any more."""
        self._memory.keep(self)
        self._may_close = True
        self.close()

    def focus_filter(self) -> None:
        """Ctrl+F: of the page that is shown, or of the rail when one works there."""
        focused = self.focusWidget()
        in_rail = focused is not None and self._rail.isAncestorOf(focused)
        focus_first_filter((self._rail, self._pages) if in_rail else (self._pages, self._rail))

    def focus_other_pane(self) -> None:
        """F6: from the rail into the page, and back."""
        focused = self.focusWidget()
        if focused is not None and self._rail.isAncestorOf(focused):
            if self.page_name == "machine" and self.machine_page is not None:
                self.machine_page.focus_tabs()
            else:
                self._pages.setFocus(Qt.FocusReason.ShortcutFocusReason)
                self.focusNextPrevChild(True)
        elif self._rail.machines is not None:
            self._rail.machines.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.actions_by_name.fill(self.menuBar())
        self._rail = Rail()
        self._rail.chosen.connect(self._on_rail)
        self._failures = FailurePlace()
        self._failures.setContentsMargins(space(4), space(3), space(4), 0)
        self._pages = QStackedWidget()
        self._opening = QWidget()
        self._opening.setObjectName("opening")
        self._welcome = WelcomePage()
        self._welcome.setObjectName("welcome")
        self._nothing = EmptyState("machine", self.tr("No machine is chosen"), self.tr("Choose one at the left."))
        self._nothing.setObjectName("nothing")
        for page in (self._opening, self._welcome, self._nothing):
            self._pages.addWidget(page)
        right = QWidget()
        right.setBackgroundRole(QPalette.ColorRole.Base)
        right.setAutoFillBackground(True)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._failures)
        column.addWidget(self._pages, 1)
        split = SplitView("rail", self._memory, (22, 78))
        split.addWidget(self._rail)
        split.addWidget(right)
        split.setStretchFactor(0, 0)
        split.setStretchFactor(1, 1)
        self.setCentralWidget(split)
        self._summary = QLabel()
        self._summary.setTextFormat(Qt.TextFormat.PlainText)
        self._word = ElidedLabel("", Qt.TextElideMode.ElideRight)
        self._word.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(space(2), 0, space(2), 0)
        bar.addWidget(self._summary)
        bar.addPermanentWidget(self._word, 1)

    def _connect(self) -> None:
        self._welcome.add_requested.connect(self.add_requested)
        self._welcome.practice_requested.connect(self.practice_requested)
        for name in ("overview", "workflows", "live"):
            self.actions_by_name[name].triggered.connect(self._on_tab_action)
        self.actions_by_name["runs"].triggered.connect(self.show_runs)
        self.actions_by_name["find"].triggered.connect(self.focus_filter)
        self.actions_by_name["other_pane"].triggered.connect(self.focus_other_pane)
        self.actions_by_name["next_machine"].triggered.connect(self._on_next)
        self.actions_by_name["previous_machine"].triggered.connect(self._on_previous)
        self.actions_by_name["add_machine"].triggered.connect(self.add_requested)
        self.actions_by_name["practice"].triggered.connect(self.practice_requested)
        self.actions_by_name["close"].triggered.connect(self.close)

    def _machine(self) -> MachinePage:
        if self.machine_page is None:
            assert self._parts is not None
            self.machine_page = MachinePage(self._parts)
            self.machine_page.setObjectName("machine")
            self.machine_page.run_changed.connect(self.looked_at_changed)
            self.machine_page.edit_requested.connect(self.edit_requested)
            self.machine_page.runs_started.connect(self._on_runs_started)
            self._pages.addWidget(self.machine_page)
        return self.machine_page

    # -- showing -------------------------------------------------------------------------------------------------------

    def _show_page(self, page: QWidget) -> None:
        self._pages.setCurrentWidget(page)
        if page is self._welcome:
            page.setFocus(Qt.FocusReason.OtherFocusReason)
        self._rail.mark(page.objectName())
        self.looked_at_changed.emit()

    def _on_instances_changed(self) -> None:
        assert self._parts is not None
        self._show_summary()
        instances = self._parts.state.instances
        self._rail.machines.setVisible(bool(instances))  # the welcome says all that an empty list could
        if not instances:
            if self.page_name in ("opening", "machine", "nothing", "broken"):
                self._show_page(self._welcome)
        elif self.page_name in ("opening", "welcome", "broken"):
            remembered = self._memory.read("machine") or ""
            known = {instance.id for instance in instances}
            self.show_machine(remembered if remembered in known else instances[0].id)
            self._rail.machines.view.setFocus(Qt.FocusReason.OtherFocusReason)
        elif self.page_name == "machine" and self.machine_page is not None:
            gone = self._parts.state.instance(self.machine_page.instance_id) is None
            if gone and not self._rail.machines.current and self.machine_page.tab != "run":
                self._show_page(self._nothing)
        self._show_awaited_machine()

    def _show_awaited_machine(self) -> None:
        instance_id, test = self._awaited_machine
        if instance_id and self._parts is not None and self._parts.state.instance(instance_id) is not None:
            self._awaited_machine = ("", False)
            self.show_machine(instance_id)
            if test:
                self._on_test_requested(instance_id)

    def _on_history_changed(self) -> None:
        self._show_summary()
        if self._awaited_run:
            self.show_run(self._awaited_run)

    def _show_summary(self, *_: object) -> None:
        if self._parts is not None:
            state = self._parts.state
            self._summary.setText(status_line(len(state.instances), open_runs(state)))

    def _on_selected(self, instance_id: str) -> None:
        if instance_id:
            self._memory.write("machine", instance_id)
            self._machine().open(instance_id, self._tab_for(instance_id))
            self._show_page(self._machine())
        elif self.page_name == "machine":
            self._show_page(self._nothing)

    def _on_row_clicked(self, *_: object) -> None:
        """Back from the runs or the settings to the machine that is chosen already."""
        if self.page_name != "machine":
            self._on_selected(self._rail.machines.current)

    def _tab_for(self, instance_id: str) -> str:
        """The one that is open. At the beginning what a person wants to see first of a machine: the run that is on."""
        if self._machine().instance_id or self._parts is None:
            return self._machine().tab
        head = self._parts.state.current_run(instance_id)
        return "run" if head is not None and head.ended_ts is None else "overview"

    def _on_rail(self, name: str) -> None:
        if name == "runs":
            self.show_runs()
        else:
            self.settings_wanted.emit()

    def _on_tab_action(self) -> None:
        action = self.sender()
        name = action.objectName() if isinstance(action, QAction) else ""
        instance_id = self._rail.machines.current if self._rail.machines is not None else ""
        if instance_id:
            self.show_machine(instance_id, "run" if name == "live" else name)

    def _on_next(self) -> None:
        self.step_machine(1)

    def _on_previous(self) -> None:
        self.step_machine(-1)

    def _on_test_requested(self, instance_id: str) -> None:
        self.show_machine(instance_id, "overview")
        self._machine().page("overview").test()

    def _on_runs_started(self, run_ids: list[str]) -> None:
        self.show_runs()

    def _on_run_requested(self, ids: list[str]) -> None:
        if ids:
            self.show_machine(ids[0], "workflows")
            if len(ids) > 1:
                self._machine().page("workflows").open_many(ids)

    # -- the window itself ---------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            self.painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The app decides what closing means: to the tray, or the end, with or without a question."""
        if self._may_close:
            event.accept()
        else:
            event.ignore()
            self._memory.keep(self)
            self.close_requested.emit()

    def keep_state(self) -> None:
        """Before the end."""
        self._memory.keep(self)
        self._memory.sync()
