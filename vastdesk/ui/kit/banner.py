"""Messages that stay in the page: what happened, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from vastdesk.ui.kit.buttons import IconLabel, icon_button, push_button
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import ColourName, space

BannerKind = Literal["info", "warning", "error"]

_LOOKS: dict[BannerKind, tuple[str, ColourName]] = {
    "info": ("info", "running"),
    "warning": ("warning", "waiting"),
    "error": ("error", "failed"),
}


def announce(widget: QWidget, text: str) -> None:
    """Screen readers say `text` when they get to it."""
    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


class Banner(QFrame):
    """A message with its buttons. `dismissed` comes when the person closes it (where `closable`).

    >>> banner = Banner("warning", self.tr("The machine does not answer."))
    >>> banner.add_action(self.tr("Try again"), self.on_retry)
    """

    dismissed = Signal()

    def __init__(self, kind: BannerKind, text: str, *, closable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel("info", units=4.5)
        self._text = TextLabel()
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(space(3), space(1.5), space(2), space(1.5))
        self._row.setSpacing(space(2))
        self._row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self._text, 1)
        self._close = icon_button("close", self.tr("Close this message"))
        self._close.setVisible(closable)
        self._close.clicked.connect(self._on_close)
        self._row.addWidget(self._close)
        self.set_message(kind, text)

    @property
    def kind(self) -> BannerKind:
        return self._kind

    def set_message(self, kind: BannerKind, text: str) -> None:
        self._kind: BannerKind = kind
        name, colour = _LOOKS[kind]
        self._icon.set_icon(name, colour)
        self._text.setText(text)
        self.setProperty("kind", kind)
        self.style().unpolish(self)  # a property is read again only then
        self.style().polish(self)
        self.setAccessibleName(self._text.text())
        announce(self, self._text.text())

    def add_action(self, text: str, slot: Callable[[], object]) -> QPushButton:
        """A button at the right; the first one is the likeliest."""
        button = push_button(text)
        button.clicked.connect(slot)
        self._row.insertWidget(self._row.indexOf(self._close), button)
        return button

    def _on_close(self) -> None:
        self.hide()
        self.dismissed.emit()
