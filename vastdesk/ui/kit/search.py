"""The field one filters with, the same everywhere: waits until one stops typing, Esc clears, says how many are left."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from vastdesk.ui.kit.buttons import IconLabel
from vastdesk.ui.theme import icon_size, set_font, space

DEBOUNCE_MS = 150


class SearchField(QLineEdit):
    """`searched(text)` comes 150 ms after the last key, at once for Enter and Esc; twice the same comes once.

    `escaped` comes for Esc in an empty field: the page may give the focus back.
    """

    searched = Signal(str)
    escaped = Signal()

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last = ""
        self.setProperty("kind", "search")
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setMaxLength(1000)
        self._icon = IconLabel("search", parent=self)
        self._count = QLabel(self)
        self._count.setTextFormat(Qt.TextFormat.PlainText)
        self._count.setProperty("kind", "muted")
        self._count.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        set_font(self._count, "caption")
        self._count.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._tell)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self._tell)

    def set_count(self, shown: int | None, total: int | None = None) -> None:
        """What is left of how many; None hides it."""
        words = ""
        if shown is not None:
            words = str(shown) if total is None else self.tr("{shown} of {total}").format(shown=shown, total=total)
        self._count.setText(words)
        self._count.setVisible(bool(words))
        self.setAccessibleDescription(words)
        self._place()

    @property
    def count_text(self) -> str:
        return self._count.text()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.text():
            self.clear()
            self._tell()
        else:
            self.escaped.emit()

    def event(self, event: QEvent) -> bool:
        """Esc is ours while there is something to clear, before a dialog or a shortcut takes it."""
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape and self.text():
                event.accept()
                return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._timer.isActive():
            self._tell()

    def _on_text_changed(self, text: str) -> None:
        self._timer.start()

    def _tell(self) -> None:
        self._timer.stop()
        text = self.text().strip()
        if text != self._last:
            self._last = text
            self.searched.emit(text)

    def _place(self) -> None:
        self._count.adjustSize()
        wide = self._count.width() if self._count.text() else 0
        self._count.move(self.width() - wide - space(2), (self.height() - self._count.height()) // 2)
        self._icon.move(space(2), (self.height() - icon_size()) // 2)
        self.setTextMargins(space(1) + icon_size() + space(1), 0, wide + space(2) if wide else 0, 0)
