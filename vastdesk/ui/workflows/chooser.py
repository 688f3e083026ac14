"""Which workflow: the user's own and the shipped ones in one list, each known by its file."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import plain_tooltip
from vastdesk.ui.theme import font, icon, space
from vastdesk.workers.desk import ListedWorkflow

_LISTED = Qt.ItemDataRole.UserRole


class WorkflowChooser(QComboBox):
    """`chosen(path)` comes when a person chooses; `show_listed` is silent."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed: dict[str, ListedWorkflow] = {}
        self.setAccessibleName(self.tr("Workflow"))
        self.setMinimumWidth(space(60))
        self.setMaxVisibleItems(20)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setPlaceholderText(self.tr("No workflow"))
        self._items = QStandardItemModel(self)
        self.setModel(self._items)
        self.activated.connect(self._on_activated)

    def show_listed(self, listed: Iterable[ListedWorkflow], current: str, edited: frozenset[str]) -> None:
        """`current` is the path that is chosen; `edited` are those with changes that are not saved."""
        everything = list(listed)
        self._listed = {str(each.file.path): each for each in everything}
        self._items.clear()
        own = [each for each in everything if not each.file.shipped]
        shipped = [each for each in everything if each.file.shipped]
        for title, group in ((self.tr("My workflows"), own), (self.tr("Shipped with VastDesk"), shipped)):
            if group:
                self._items.appendRow(_heading(title))
            for each in group:
                self._items.appendRow(self._item(each, str(each.file.path) in edited))
        at = self.findData(current, _LISTED)
        self.setCurrentIndex(at)

    @property
    def current_path(self) -> str:
        return str(self.currentData(_LISTED) or "")

    @property
    def paths(self) -> tuple[str, ...]:
        """In the order in which they are listed."""
        return tuple(self._listed)

    def listed(self, path: str) -> ListedWorkflow | None:
        return self._listed.get(path)

    def _item(self, each: ListedWorkflow, edited: bool) -> QStandardItem:
        name = display_text(each.name, 80) or display_text(each.file.stem, 80)
        item = QStandardItem(self.tr("{name} (edited)").format(name=name) if edited else name)
        item.setData(str(each.file.path), _LISTED)
        item.setToolTip(plain_tooltip(str(each.file.path)))
        if each.error is not None:
            item.setIcon(icon("warning", "waiting"))
            item.setAccessibleText(self.tr("{name}, cannot be used").format(name=name))
        else:
            item.setIcon(icon("workflow", "muted"))
        return item

    def _on_activated(self, at: int) -> None:
        path = self.itemData(at, _LISTED)
        if path:
            self.chosen.emit(path)


def _heading(title: str) -> QStandardItem:
    item = QStandardItem(title)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    item.setFont(font("caption"))
    return item
