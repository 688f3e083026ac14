"""The timeline on the screen: a list that folds, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QListView, QWidget

from vastdesk.ui.run.delegate import TimelineDelegate
from vastdesk.ui.run.lines import BAD_STATES, Line
from vastdesk.ui.run.timeline import LINE_ROLE, TimelineModel

Index = QModelIndex | QPersistentModelIndex

_MANY = 60
"""Lines that are asked for one by one; more than a screen holds."""


class TimelineView(QListView):
    """Enter, Space or a click fold and unfold; Right unfolds, Left folds; Ctrl+C copies a line."""

    step_chosen = Signal(str)
    """A person chose a line of this step."""

    def __init__(self, model: TimelineModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = model
        self.setModel(model)
        self._delegate = TimelineDelegate(self)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName(self.tr("Steps of the run"))
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.clicked.connect(self._on_clicked)

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:
        """Paints what changed. QListView would measure all lines again at every change, and no line changes its
        height."""
        if last.row() - first.row() > _MANY:
            self.viewport().update()
            return
        for row in range(first.row(), last.row() + 1):
            self.update(self._lines.index(row))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.ApplicationFontChange):
            self._delegate.renew()
            self.scheduleDelayedItemsLayout()

    def line_at(self, index: Index) -> Line | None:
        line = index.data(LINE_ROLE)
        return line if isinstance(line, Line) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        line = self.line_at(index)
        key = event.key()
        if line is not None and event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self._lines.words_of(line))
        elif line is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._toggle(index)
        elif line is not None and key == Qt.Key.Key_Right:
            self._set_open(line, True)
        elif line is not None and key == Qt.Key.Key_Left:
            self._fold_from(line)
        else:
            super().keyPressEvent(event)
            self._tell_chosen()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        self._tell_chosen()

    def _tell_chosen(self) -> None:
        line = self.line_at(self.currentIndex())
        if line is not None:
            self.step_chosen.emit(line.step.id)

    def _on_clicked(self, index: Index) -> None:
        self._toggle(index)

    def _toggle(self, index: Index) -> None:
        line = self.line_at(index)
        if line is None:
            return
        if line.kind == "all":
            self._lines.show_whole(None if line.is_open else line.step.id)
        elif line.row is not None and line.row.kind == "others":
            # What a placeholder stands for is what one wants to see: the failed ones, or all.
            self._lines.show_whole(line.step.id, "failed" if line.row.state in BAD_STATES else "all")
        elif line.kind == "step":
            self._set_open(line, not line.is_open)

    def _set_open(self, line: Line, is_open: bool) -> None:
        if line.kind == "step" and line.can_open and line.is_open != is_open:
            self._lines.set_open(line.step, is_open)

    def _fold_from(self, line: Line) -> None:
        """Left on a row goes to its step, on a step folds it."""
        if line.kind == "step":
            self._set_open(line, False)
            return
        row = self._lines.row_of(line.step.id)
        if row >= 0:
            self.setCurrentIndex(self._lines.index(row))
