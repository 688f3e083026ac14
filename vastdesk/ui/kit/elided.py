"""A text from somewhere else on one line, with … where there is no room, whole in the tooltip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit.plain import MAX_LABEL, plain_tooltip
from vastdesk.ui.theme import ColourName, FontRole, set_font, space, tokens


class ElidedLabel(QLabel):
    """Paths are cut in the middle (the default), names at the right: `ElidedLabel(name, Qt.TextElideMode.ElideRight)`.

    Whatever it is given is text: no HTML, no control characters, no bidirectional tricks.
    """

    def __init__(
        self,
        text: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
        role: FontRole = "body",
        colour: ColourName = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._colour: ColourName = colour
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if role != "body":
            set_font(self, role)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(display_text(text, MAX_LABEL))
        self._tell_whole()

    @property
    def shown_text(self) -> str:
        """What there is room for."""
        return QFontMetrics(self.font()).elidedText(self.text(), self._mode, self.contentsRect().width())

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(min(metrics.horizontalAdvance(self.text()) + 2, space(200)), metrics.height())

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(min(metrics.horizontalAdvance("MMM…"), self.sizeHint().width()), metrics.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell_whole()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(tokens().colour(self._colour if self.isEnabled() else "disabled"))
        alignment = QStyle.visualAlignment(self.layoutDirection(), self.alignment())
        painter.drawText(self.contentsRect(), alignment | Qt.TextFlag.TextSingleLine, self.shown_text)

    def _tell_whole(self) -> None:
        self.setToolTip(plain_tooltip(self.text()) if self.shown_text != self.text() else "")
