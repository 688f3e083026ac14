"""Buttons. Each has a name for screen readers; those that only show an icon tell it in their tooltip too."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QWidget

from vastdesk.ui.kit.plain import plain_tooltip
from vastdesk.ui.theme import ColourName, icon, icon_size, space

ButtonKind = Literal["normal", "primary", "danger", "quiet"]

_ON: dict[ButtonKind, ColourName] = {
    "normal": "text",
    "primary": "on_accent",
    "danger": "on_accent",
    "quiet": "accent_text",
}


def push_button(
    text: str, kind: ButtonKind = "normal", icon_name: str = "", parent: QWidget | None = None
) -> QPushButton:
    """A button with a verb. One `primary` on a page; `danger` for what cannot be undone; `quiet` for the lesser ways.

    `text` is ours and may mark a key with `&`; give names of things through `plain.unmarked`.
    """
    button = QPushButton(text, parent)
    button.setProperty("kind", kind)
    button.setAutoDefault(False)
    if icon_name:
        button.setIcon(icon(icon_name, _ON[kind]))
        button.setIconSize(QSize(icon_size() + space(1), icon_size()))  # with a little air beside the text
    return button


def icon_button(
    icon_name: str,
    name: str,
    *,
    shortcut: QKeySequence | None = None,
    checkable: bool = False,
    colour: ColourName = "muted",
    parent: QWidget | None = None,
) -> QToolButton:
    """A button that is only an icon: `name` says what it does, to the mouse and to screen readers. The Tab key reaches
    it."""
    button = QToolButton(parent)
    button.setIcon(icon(icon_name, colour))
    button.setIconSize(_square())
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setCheckable(checkable)
    button.setAccessibleName(name)
    if shortcut is not None:
        button.setShortcut(shortcut)
        name = f"{name} ({shortcut.toString(QKeySequence.SequenceFormat.NativeText)})"
    button.setToolTip(plain_tooltip(name))
    return button


class IconLabel(QLabel):
    """An icon that stands still, decoration beside a word that says the same. Follows the theme."""

    def __init__(self, icon_name: str, colour: ColourName = "muted", units: float = 4, parent: QWidget | None = None):
        super().__init__(parent)
        self._side = icon_size(units)
        self.set_icon(icon_name, colour)
        self.setFixedSize(self._side, self._side)

    def set_icon(self, icon_name: str, colour: ColourName = "muted") -> None:
        self._icon = icon(icon_name, colour)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._icon.paint(QPainter(self), self.rect())


def _square() -> QSize:
    return QSize(icon_size(), icon_size())
