"""All keys there are, on one page."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import push_button
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import set_font, space


class ShortcutsDialog(QDialog):
    """`groups` are (title, actions); those without keys are left out."""

    def __init__(self, groups: Iterable[tuple[str, list[QAction]]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.setAccessibleName(self.windowTitle())
        page = QWidget()
        page.setProperty("kind", "page")
        self._grid = QGridLayout(page)
        self._grid.setContentsMargins(space(5), space(4), space(5), space(4))
        self._grid.setHorizontalSpacing(space(8))
        self._grid.setVerticalSpacing(space(1.5))
        self._grid.setColumnStretch(0, 1)
        self.count = 0
        for title, actions in groups:
            self._add_group(title, [(_plain(action), keys) for action in actions if (keys := _keys(action))])
        self._add_group(self.tr("Everywhere"), self._general())
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        area.setAccessibleName(self.windowTitle())
        close = push_button(self.tr("Close"))
        close.clicked.connect(self.accept)
        close.setDefault(True)
        row = QHBoxLayout()
        row.setContentsMargins(space(5), space(2), space(5), space(4))
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(area, 1)
        column.addLayout(row)
        self.resize(space(120), space(140))

    def _general(self) -> list[tuple[str, str]]:
        return [
            (self.tr("To the next control, or back"), "Tab, Shift+Tab"),
            (self.tr("Rename what is chosen"), "F2"),
            (self.tr("Menu of what is chosen"), self.tr("Menu key")),
            (self.tr("Fold and unfold a step"), self.tr("Right, Left")),
            (self.tr("Clear a filter, leave a dialog"), "Esc"),
        ]

    def _add_group(self, title: str, rows: list[tuple[str, str]]) -> None:
        if not rows:
            return
        at = self._grid.rowCount()
        head = TextLabel(title, "strong")
        head.setContentsMargins(0, space(2) if self.count else 0, 0, 0)
        self._grid.addWidget(head, at, 0, 1, 2)
        for offset, (text, keys) in enumerate(rows, 1):
            self._grid.addWidget(TextLabel(text), at + offset, 0)
            label = QLabel(keys)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setProperty("kind", "muted")
            set_font(label, "mono")
            self._grid.addWidget(label, at + offset, 1)
        self.count += len(rows)


def _plain(action: QAction) -> str:
    return action.text().replace("&", "").rstrip("…")


def _keys(action: QAction) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return ", ".join(keys.toString(native) for keys in action.shortcuts() if not keys.isEmpty())
