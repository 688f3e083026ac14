"""When something may move: only what is wanted, seen, in the window one works in, and not against the system's wish."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from vastdesk.ui.theme import is_motion_reduced

_STEP_MS = 50
_TURN_S = 1.2

_LOOK_AGAIN = frozenset(
    {
        QEvent.Type.Show,
        QEvent.Type.Hide,
        QEvent.Type.WindowActivate,
        QEvent.Type.WindowDeactivate,
        QEvent.Type.StyleChange,
    }
)


class Beat(QObject):
    """Repaints one widget while it may move. For a list, give it the viewport and paint all its rows by one `phase`.

    >>> self._beat = Beat(self); self._beat.set_wanted(True)     # and paint at angle 360 * self._beat.phase
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._wanted = False
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._timer.timeout.connect(widget.update)
        widget.installEventFilter(self)

    @property
    def is_beating(self) -> bool:
        return self._timer.isActive()

    @property
    def phase(self) -> float:
        """Where in its turn a moving thing is, 0–1; 0 while it stands still. The same for all, so that they turn
        together."""
        return (time.monotonic() / _TURN_S) % 1.0 if self.is_beating else 0.0

    def set_wanted(self, wanted: bool) -> None:
        """Whether there is something to move at all."""
        self._wanted = wanted
        self._look()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _LOOK_AGAIN and watched is self._widget:
            self._look()
        return False

    def _look(self) -> None:
        widget = self._widget
        moves = self._wanted and widget.isVisible() and widget.isActiveWindow() and not is_motion_reduced()
        if moves != self._timer.isActive():
            if moves:
                self._timer.start()
            else:
                self._timer.stop()
            widget.update()
