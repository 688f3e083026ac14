"""The state of something, as icon and word: as a widget, and as paint for the rows of lists."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from vastdesk.ui.kit.states import StateLook, state_look
from vastdesk.ui.theme import font, icon, icon_size, space, tokens


class StateBadge(QLabel):
    """`StateBadge("running")`; `set_state` changes it. Screen readers read the word."""

    def __init__(self, state: str = "pending", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_state(state)

    @property
    def state(self) -> str:
        return self._state

    def set_state(self, state: str) -> None:
        self._state = state
        self._look = state_look(state)
        self.setText(self._look.word)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return badge_size(self._look)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_badge(painter, self.rect(), self._look)


def badge_size(look: StateLook) -> QSize:
    """What a badge needs."""
    metrics = QFontMetrics(font("caption"))
    height = metrics.height() + space(1)
    return QSize(space(1.5) + _side() + space(1) + metrics.horizontalAdvance(look.word) + space(2), height)


def paint_badge(painter: QPainter, rect: QRect, look: StateLook) -> None:
    """Paints a badge at the left of `rect`, in its middle height; cut where `rect` is too narrow."""
    size = badge_size(look)
    box = QRect(rect.left(), rect.top() + (rect.height() - size.height()) // 2, size.width(), size.height())
    box = box.intersected(rect)
    side = _side()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens().tint(look.colour))
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    left = box.left() + space(1.5)
    icon(look.icon, look.colour).paint(painter, QRect(left, box.center().y() - side // 2 + 1, side, side))
    painter.setPen(tokens().colour(look.colour))
    painter.setFont(font("caption"))
    words = box.adjusted(space(1.5) + side + space(1), 0, -space(1), 0)
    elided = painter.fontMetrics().elidedText(look.word, Qt.TextElideMode.ElideRight, words.width())
    painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
    painter.restore()


def _side() -> int:
    return icon_size(3.5)
