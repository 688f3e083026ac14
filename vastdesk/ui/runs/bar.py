"""What stands above the history: search, filters, and what can be done with the chosen runs."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QWidget

from vastdesk.domain.instances import Instance
from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import SearchField, icon_button, plain_tooltip
from vastdesk.ui.run.actions import action_button
from vastdesk.ui.runs.items import Filter, Item
from vastdesk.ui.theme import icon, space


class RunsActions(QObject):
    """What can be done with the chosen runs; what cannot says why."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.open = self._make(self.tr("&Open"), "chevron-right")
        self.again = self._make(self.tr("&Run again"), "retry")
        self.compare = self._make(self.tr("Com&pare"), "compare")
        self.copy = self._make(self.tr("Copy &rows"), "copy")
        self.export_text = self._make(self.tr("Export as &text…"), "export")
        self.export_json = self._make(self.tr("Export as &JSON…"), "export")
        self.remove = self._make(self.tr("Re&move from the history"), "remove")
        self.clear = self._make(self.tr("Clear &finished"), "remove")

    def update(self, chosen: list[Item], shown: int, finished: int, *, busy: bool = False) -> None:
        """`shown` rows are on the list, `finished` of them are over."""
        one = "" if len(chosen) == 1 else self.tr("Choose one run.")
        over = one or ("" if chosen[0].is_over else self.tr("The run is still on."))
        some = "" if shown else self.tr("There are no runs.")
        gone = "" if any(item.is_over for item in chosen) else self.tr("Choose runs that have ended.")
        self._allow(self.open, one)
        self._allow(self.again, over or (self.tr("One moment.") if busy else ""))
        self._allow(self.compare, "" if len(chosen) == 2 else self.tr("Choose two runs."))
        for action in (self.copy, self.export_text, self.export_json):
            self._allow(action, some)
        self._allow(self.remove, gone)
        self._allow(self.clear, "" if finished else self.tr("No run on the list has ended."))

    @staticmethod
    def _allow(action: QAction, reason: str) -> None:
        action.setEnabled(not reason)
        action.setToolTip(plain_tooltip(reason or action.text().replace("&", "")))
        action.setStatusTip(reason)

    def _make(self, text: str, icon_name: str) -> QAction:
        return QAction(icon(icon_name, "muted"), text, self)


class RunsBar(QWidget):
    """`narrowed(Filter)`."""

    narrowed = Signal(object)

    def __init__(self, actions: RunsActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._instance = ""
        self.field = SearchField(self.tr("Find runs"))
        self.field.searched.connect(self._tell)
        self._groups = QComboBox()
        self._groups.setAccessibleName(self.tr("Only runs in this state"))
        for name, words in (
            ("all", self.tr("All states")),
            ("on", self.tr("On now")),
            ("blocked", self.tr("Need you")),
            ("succeeded", self.tr("Succeeded")),
            ("failed", self.tr("Failed, lost")),
            ("cancelled", self.tr("Cancelled")),
        ):
            self._groups.addItem(words, name)
        self._machines = QComboBox()
        self._machines.setAccessibleName(self.tr("Only runs of this machine"))
        self._machines.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._machines.setMinimumContentsLength(14)
        self.show_instances(())
        self._groups.activated.connect(self._tell)
        self._machines.activated.connect(self._tell)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(space(2))
        row.addWidget(self.field, 1)
        row.addWidget(self._groups)
        row.addWidget(self._machines)
        row.addSpacing(space(2))
        row.addWidget(action_button(actions.open))
        row.addWidget(action_button(actions.again, icon_name="retry"))
        row.addWidget(action_button(actions.compare, icon_name="compare"))
        row.addWidget(self._more(actions))
        self.setTabOrder(self.field, self._groups)

    def filter(self) -> Filter:
        """What is chosen now."""
        return Filter(self.field.text().strip(), str(self._groups.currentData()), str(self._machines.currentData()))

    def clear(self) -> None:
        """Everything is shown again."""
        self.field.clear()
        self._groups.setCurrentIndex(0)
        self._machines.setCurrentIndex(0)
        self._tell()

    def show_instances(self, instances: Iterable[Instance]) -> None:
        """The machines of now; the chosen one stays chosen while it is there."""
        chosen = self._machines.currentData()
        self._machines.clear()
        self._machines.addItem(self.tr("All machines"), "")
        for instance in instances:
            self._machines.addItem(display_text(instance.name, 60) or "–", instance.id)
        self._machines.setCurrentIndex(max(0, self._machines.findData(chosen)))
        if self._machines.currentData() != (chosen or ""):
            self._tell()

    def _tell(self) -> None:
        self.narrowed.emit(self.filter())

    def _more(self, actions: RunsActions) -> QToolButton:
        button = icon_button("more", self.tr("Copy, export, clear"))
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.addActions((actions.copy, actions.export_text, actions.export_json))
        menu.addSeparator()
        menu.addActions((actions.remove, actions.clear))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button
