"""The left side: the machines, and below them what is about all of them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from vastdesk.ui.shell.parts import Parts
from vastdesk.ui.theme import icon, icon_size, space


class Rail(QWidget):
    """`chosen(name)` comes for `runs` and `settings`; machines speak through `machines`, once `fill` has made them."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.machines: Any = None
        self.setMinimumWidth(space(44))
        self.setStyleSheet("QListView { background: transparent; }")  # the rail is one ground from top to bottom
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._waiting = QWidget()
        self._column.addWidget(self._waiting, 1)
        line = QFrame()
        line.setProperty("kind", "line")
        self._column.addWidget(line)
        below = QVBoxLayout()
        below.setContentsMargins(space(2), space(2), space(2), space(2))
        below.setSpacing(space(0.5))
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)  # none is down while a machine is shown
        self._buttons: dict[str, QToolButton] = {}
        for name, label, picture in (
            ("runs", self.tr("Runs"), "history"),
            ("settings", self.tr("Settings"), "settings"),
        ):
            button = self._buttons[name] = _button(label, picture)
            button.setObjectName(name)
            button.clicked.connect(self._on_clicked)
            self._group.addButton(button)
            below.addWidget(button)
        self._column.addLayout(below)

    def fill(self, parts: Parts) -> None:
        """The machines; they come after the first paint."""
        self.machines = parts.make("machines")
        self.machines.setBackgroundRole(QPalette.ColorRole.Window)
        self._column.insertWidget(0, self.machines, 1000)  # nearly all, and nothing while it is hidden

    def mark(self, name: str) -> None:
        """Which page is shown: `runs`, `settings`, or another one."""
        for known, button in self._buttons.items():
            button.setChecked(known == name)

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QToolButton):
            button.setChecked(True)
            self.chosen.emit(button.objectName())


def _button(label: str, picture: str) -> QToolButton:
    button = QToolButton()
    button.setText(label)
    button.setIcon(icon(picture, "muted"))
    button.setIconSize(QSize(icon_size(), icon_size()))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setCheckable(True)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setAccessibleName(label)
    policy = button.sizePolicy()
    policy.setHorizontalPolicy(policy.Policy.Expanding)
    button.setSizePolicy(policy)
    return button
