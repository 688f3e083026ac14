"""A table of whole rows: calm, dense, and the same for the history and for comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from vastdesk.ui.run.lines import stretches
from vastdesk.ui.theme import icon_size, space, tokens

Index = QModelIndex | QPersistentModelIndex


class RowTable(QTableView):
    """Rows are chosen whole; `opened` comes for Enter and a double click, `copied` for Ctrl+C, `deleted` for Del."""

    opened = Signal()
    copied = Signal()
    deleted = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setItemDelegate(_RowDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(icon_size(3.5), icon_size(3.5)))
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # measuring ten thousand rows takes a second
        rows.setDefaultSectionSize(space(8))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(space(12))
        self.doubleClicked.connect(self.opened)
        self._yielding: tuple[int, ...] = ()
        self._kept: dict[int, int] = {}
        """The widths of columns that gave way: Qt knows them as 0."""

    def setModel(self, model: QAbstractItemModel | None) -> None:
        super().setModel(model)
        # The header marks columns that are chosen as a whole, and asks every row for that: 100 ms for ten thousand.
        # Here rows are chosen, so it gets a selection of its own, which stays empty.
        if model is not None:
            header = self.horizontalHeader()
            header.setSelectionModel(QItemSelectionModel(model, header))

    def chosen_rows(self) -> list[int]:
        """From the top. Asked range by range: one index for each of ten thousand rows would take a second."""
        chosen = self.selectionModel().selection()
        ranges = [chosen.at(at) for at in range(chosen.count())]
        return sorted({row for each in ranges for row in range(each.top(), each.bottom() + 1)})

    def choose_rows(self, rows: Sequence[int]) -> None:
        """These and no others; rows in order."""
        model, selection = self.model(), QItemSelection()
        for first, last in stretches(rows):
            selection.select(model.index(first, 0), model.index(last, model.columnCount() - 1))
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flags.ClearAndSelect)
        if rows:
            self.selectionModel().setCurrentIndex(model.index(rows[0], 0), flags.NoUpdate)

    def set_yielding(self, columns: tuple[int, ...]) -> None:
        """Columns that give way, the first one first, while all do not fit beside each other."""
        self._yielding = columns
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        header = self.horizontalHeader()
        fixed = [at for at in range(header.count()) if header.sectionResizeMode(at) != QHeaderView.ResizeMode.Stretch]
        widths = {at: max(space(12), self._kept.get(at, header.sectionSize(at))) for at in fixed}
        room = self.viewport().width() - space(40) * (header.count() - len(fixed))
        for at in self._yielding:
            shown = not self.isColumnHidden(at)
            if shown:
                self._kept[at] = header.sectionSize(at)
        excess = sum(widths.values()) - room
        for at in self._yielding:
            self.setColumnHidden(at, excess > 0)
            excess -= widths[at]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copied.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.deleted.emit()
        else:
            super().keyPressEvent(event)


class _RowDelegate(QStyledItemDelegate):
    """Cells stand under their headers; the row is what is chosen, so no cell has a box of its own; what is red stays
    red when it is chosen."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus
        roles = QPalette.ColorRole
        option.palette.setBrush(roles.HighlightedText, option.palette.brush(roles.Text))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, tokens().colour("selected"))
        inner = QStyleOptionViewItem(option)
        edge = space(2) - 3  # Fusion keeps 3 px by itself
        inner.rect = option.rect.adjusted(edge, 0, -edge, 0)
        super().paint(painter, inner, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(space(20), space(8))
