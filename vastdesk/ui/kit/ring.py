"""Progress as a ring: as a widget, and as paint for the rows of lists."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QWidget

from vastdesk.ui.kit.motion import Beat
from vastdesk.ui.kit.states import state_look
from vastdesk.ui.theme import ColourName, font, icon_size, tokens

_FULL = 360 * 16
_TOP = 90 * 16


class ProgressRing(QProgressBar):
    """A ring of `units` (4 is the height of a line). `set_percent(None)` means: nobody knows, it turns.

    A progress bar underneath, so that screen readers say the percentage; from 10 units on it is written inside.
    """

    def __init__(self, name: str, units: float = 5, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self._colour: ColourName = "running"
        self._percent: float | None = 0.0
        self._beat = Beat(self)
        self.setAccessibleName(name)
        self.setTextVisible(False)
        self.setRange(0, 100)
        self.setValue(0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_percent(self, percent: float | None) -> None:
        """0–100, or None."""
        known = percent is not None and math.isfinite(percent)
        shown = min(100.0, max(0.0, percent or 0.0)) if known else None
        if shown == self._percent:
            return
        self._percent = shown
        self.setRange(0, 100 if known else 0)
        self.setValue(int(shown or 0))
        self._beat.set_wanted(not known)
        self.update()

    def set_state(self, state: str) -> None:
        """The colour of a state; its word goes to screen readers."""
        look = state_look(state)
        self._colour = look.colour
        self.setAccessibleDescription(look.word)
        self.update()

    @property
    def is_moving(self) -> bool:
        return self._beat.is_beating

    def sizeHint(self) -> QSize:
        side = icon_size(self._units)
        return QSize(side, side)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        box = QRectF(self.rect())
        paint_ring(painter, box, self._percent, self._colour, self._beat.phase)
        if self._units >= 10 and self._percent is not None:
            painter.setFont(font("strong"))
            painter.setPen(tokens().colour("text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{int(self._percent)} %")


def paint_ring(painter: QPainter, box: QRectF, percent: float | None, colour: ColourName, phase: float = 0.0) -> None:
    """Paints a ring into the middle of `box`; without a percentage an arc that starts at `phase` of a turn."""
    side = min(box.width(), box.height())
    width = max(2.0, side / 9)
    ring = QRectF(0, 0, side - width - 1, side - width - 1)
    ring.moveCenter(box.center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(tokens().tint(colour, amount=0.22), width))
    painter.drawEllipse(ring)
    pen = QPen(tokens().colour(colour), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    if percent is None:
        painter.drawArc(ring, int(_TOP - phase * _FULL), -_FULL // 4)
    elif percent > 0:
        painter.drawArc(ring, _TOP, -int(_FULL * percent / 100))
    painter.restore()
