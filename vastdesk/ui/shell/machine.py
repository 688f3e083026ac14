"""What there is to one machine: its tabs. Each page is made when it is first looked at."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit.empty import EmptyState
from vastdesk.ui.shell.parts import Parts
from vastdesk.ui.theme import icon, icon_size, space

TABS = ("overview", "workflows", "run")
_ICONS = {"overview": "machine", "workflows": "workflow", "run": "run"}


class MachinePage(QWidget):
    """`open(instance_id)` shows a machine, `open_run(run_id, …)` one of its runs; without that, the tab `run` shows the
    run that is on, else the newest one."""

    tab_changed = Signal(str)
    run_changed = Signal()
    """Another run is the one that is looked at."""
    edit_requested = Signal(str)
    runs_started = Signal(list)
    """On several machines at once."""

    def __init__(self, parts: Parts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._state = parts.state
        self._instance_id = ""
        self._chosen_run = ""
        self._pages: dict[str, QWidget] = {}
        self._opened: dict[str, str] = {}
        self._build()
        self._state.history_changed.connect(self._on_history_changed)
        self._state.instances_changed.connect(self._show_machine)

    @property
    def instance_id(self) -> str:
        return self._instance_id

    @property
    def tab(self) -> str:
        return TABS[self._tabs.currentIndex()]

    @property
    def run_id(self) -> str:
        """Of the run that the tab `run` shows, "" for none."""
        if self._chosen_run:
            return self._chosen_run
        head = self._state.current_run(self._instance_id)
        return head.id if head is not None else ""

    def page(self, name: str) -> Any:
        """The page of a tab, made if it was not there."""
        if name not in self._pages:
            made = self._parts.make(name)
            self._pages[name] = made
            self._stack.addWidget(made)
            self._wire(name, made)
        return self._pages[name]

    def open(self, instance_id: str, tab: str = "") -> None:
        """Shows a machine; with `tab` that one of its pages."""
        if instance_id != self._instance_id:
            self._instance_id = instance_id
            self._chosen_run = ""
            self._show_machine()
        self.show_tab(tab or self.tab)

    def open_run(self, run_id: str, instance_id: str) -> None:
        """Shows one run of a machine, which may have been removed since."""
        if instance_id != self._instance_id:
            self._instance_id = instance_id
            self._show_machine()
        self._chosen_run = run_id
        self.show_tab("run")

    def show_tab(self, name: str) -> None:
        at = TABS.index(name)
        if self._tabs.currentIndex() != at:
            self._tabs.setCurrentIndex(at)  # comes back in _on_tab
        else:
            self._show_page()

    def focus_tabs(self) -> None:
        self._tabs.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._tabs = QTabBar()
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.setAccessibleName(self.tr("Pages of the machine"))
        labels = {"overview": self.tr("Overview"), "workflows": self.tr("Workflows"), "run": self.tr("Run")}
        for name in TABS:
            self._tabs.addTab(icon(_ICONS[name], "muted"), labels[name])
        self._tabs.setIconSize(
            self._tabs.iconSize().scaled(icon_size(), icon_size(), Qt.AspectRatioMode.KeepAspectRatio)
        )
        self._tabs.currentChanged.connect(self._on_tab)
        self._no_run = EmptyState(
            "run",
            self.tr("Nothing has run on this machine yet"),
            self.tr("Choose a workflow: VastDesk sets the machine up, and you watch every step here."),
        )
        self._no_run.add_action(self.tr("Choose a workflow"), self._on_choose_workflow, "primary")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._no_run)
        bar = QHBoxLayout()
        bar.setContentsMargins(space(2), space(1), space(2), 0)
        bar.addWidget(self._tabs)
        bar.addStretch(1)
        line = QFrame()
        line.setProperty("kind", "line")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(bar)
        column.addWidget(line)
        column.addWidget(self._stack, 1)

    def _wire(self, name: str, page: Any) -> None:
        if name == "workflows":
            page.run_started.connect(self._on_run_started)
            page.runs_started.connect(self.runs_started)
            page.run_opened.connect(self._on_run_started)
        elif name == "run":
            page.run_opened.connect(self._on_run_opened)
        else:
            page.run_opened.connect(self._on_run_started)
            page.run_requested.connect(self._on_run_requested)
            page.edit_requested.connect(self.edit_requested)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _show_machine(self) -> None:
        instance = self._state.instance(self._instance_id)
        self._tabs.setAccessibleDescription(display_text(instance.name) if instance is not None else "")
        for at, name in enumerate(TABS):
            self._tabs.setTabEnabled(at, instance is not None or name == "run")

    def _show_page(self) -> None:
        name = self.tab
        wanted = self.run_id if name == "run" else self._instance_id
        if name == "run" and not wanted:
            self._stack.setCurrentWidget(self._no_run)
        else:
            page = self.page(name)
            if self._opened.get(name) != wanted:
                self._opened[name] = wanted
                page.open(wanted)
            self._stack.setCurrentWidget(page)
        self.tab_changed.emit(name)
        self.run_changed.emit()

    def _on_tab(self, at: int) -> None:
        if TABS[at] != "run":
            self._chosen_run = ""
        self._show_page()

    def _on_history_changed(self) -> None:
        """A run that began elsewhere comes into view; one that a person chose stays."""
        current = self._state.current_run(self._instance_id)
        if current is not None and current.id == self._chosen_run:
            self._chosen_run = ""  # it is the newest, so that what follows it is shown too
        if self.tab != "run" or not self._instance_id:
            return
        if self._opened.get("run") != self.run_id or not self.run_id:
            self._show_page()

    def _on_run_started(self, run_id: str) -> None:
        self._chosen_run = run_id
        self.show_tab("run")

    def _on_run_opened(self, run_id: str) -> None:
        self._chosen_run = run_id
        self._show_page()

    def _on_run_requested(self, ids: list[str]) -> None:
        self.show_tab("workflows")

    def _on_choose_workflow(self) -> None:
        self.show_tab("workflows")
