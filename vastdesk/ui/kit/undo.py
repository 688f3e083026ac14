"""Undo in place of "Are you sure?": a thing is taken away at once, and for ten seconds one click brings it back."""

from __future__ import annotations

import time
from typing import NamedTuple

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from vastdesk.ui.kit.banner import announce
from vastdesk.ui.kit.buttons import icon_button, push_button
from vastdesk.ui.kit.elided import ElidedLabel
from vastdesk.ui.theme import space

PATIENCE_S = 10.0


class _Offer(NamedTuple):
    key: object


class UndoBar(QFrame):
    """`offer(text, key)` shows it; then comes `undone(key)` or `expired(key)`, once. A new offer ends the old one.

    Time stands still while nobody can see the bar, and while the mouse is on it: no offer goes by unseen.
    """

    undone = Signal(object)
    expired = Signal(object)

    def __init__(self, patience_s: float = PATIENCE_S, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._patience_s = patience_s
        self._left_s = 0.0
        self._since = 0.0
        self._offer: _Offer | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.expire)
        self.setProperty("kind", "undo")
        self._text = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        undo = push_button(self.tr("&Undo"), "quiet", "undo")
        close = icon_button("close", self.tr("Close without undoing"))
        undo.clicked.connect(self._on_undo)
        close.clicked.connect(self.expire)
        row = QHBoxLayout(self)
        row.setContentsMargins(space(3), space(1), space(1), space(1))
        row.setSpacing(space(2))
        row.addWidget(self._text, 1)
        row.addWidget(undo)
        row.addWidget(close)
        self._undo = undo
        self.hide()

    @property
    def is_counting(self) -> bool:
        return self._timer.isActive()

    def offer(self, text: str, key: object = None) -> None:
        """`text` says what was done ("Removed box-1."), `key` what the signals hand back."""
        self.expire()
        self._offer = _Offer(key)
        self._left_s = self._patience_s
        self._text.setText(text)
        self.setAccessibleName(self._text.text())
        self._undo.setAccessibleDescription(self._text.text())
        announce(self, self._text.text())
        self.show()
        self._count()

    def expire(self) -> None:
        """What was done stays done: when the time is over, and when the window closes."""
        offer = self._take()
        if offer is not None:
            self.expired.emit(offer.key)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._count()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._pause()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Enter:
            self._pause()
        elif event.type() == QEvent.Type.Leave:
            self._count()
        return super().event(event)

    def _on_undo(self) -> None:
        offer = self._take()
        if offer is not None:
            self.undone.emit(offer.key)

    def _take(self) -> _Offer | None:
        """The offer, for the one who ends it."""
        self._timer.stop()
        offer, self._offer = self._offer, None
        if offer is not None:
            self.hide()
        return offer

    def _count(self) -> None:
        if self._offer is not None and self.isVisible() and not self._timer.isActive():
            self._since = time.monotonic()
            self._timer.start(max(0, round(self._left_s * 1000)))

    def _pause(self) -> None:
        if self._timer.isActive():
            self._timer.stop()
            self._left_s -= time.monotonic() - self._since
