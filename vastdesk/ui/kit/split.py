"""Panes whose sizes are remembered."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QSplitterHandle, QWidget

from vastdesk.ui.theme import space, tokens

_SETTLE_MS = 400


class Memory(Protocol):
    """Where the window keeps such things; the app gives one, tests a dictionary behind two functions."""

    def read(self, key: str) -> str | None: ...

    def write(self, key: str, value: str) -> None: ...


class SplitView(QSplitter):
    """A splitter that comes back as it was left. Panes do not collapse by accident.

    Sizes are kept as shares of the whole, so that they fit another screen; `shares` are those of the first time. Each
    handle has a name for screen readers, and moves with the arrow keys.
    """

    def __init__(
        self,
        key: str,
        memory: Memory,
        shares: tuple[int, ...] = (),
        orientation: Qt.Orientation = Qt.Orientation.Horizontal,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(orientation, parent)
        self._key = key
        self._memory = memory
        self._shares = shares
        self._restored = False
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MS)
        self._settled.timeout.connect(self._keep)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        self.splitterMoved.connect(self._on_moved)

    def createHandle(self) -> QSplitterHandle:
        return _Handle(self.orientation(), self)

    def showEvent(self, event: QShowEvent) -> None:
        """Shares mean something once there is a width and all panes are in."""
        super().showEvent(event)
        if not self._restored:
            self._restored = True
            self._restore()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._settled.isActive():
            self._settled.stop()
            self._keep()

    def _restore(self) -> None:
        remembered = self._remembered()
        shares = remembered if len(remembered) == self.count() else self._shares
        if len(shares) == self.count():
            whole = self.width() if self.orientation() == Qt.Orientation.Horizontal else self.height()
            self.setSizes([max(1, share * whole // sum(shares)) for share in shares])

    def _remembered(self) -> tuple[int, ...]:
        words = (self._memory.read(self._key) or "").split(",")
        shares = tuple(int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 8)
        return shares if len(shares) == len(words) and all(shares) else ()

    def _on_moved(self, position: int, index: int) -> None:
        self._settled.start()

    def _keep(self) -> None:
        whole = sum(self.sizes()) or 1
        self._memory.write(self._key, ",".join(str(max(1, size * 1000 // whole)) for size in self.sizes()))


class _Handle(QSplitterHandle):
    """A line that the keyboard reaches too."""

    def __init__(self, orientation: Qt.Orientation, parent: QSplitter) -> None:
        super().__init__(orientation, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.tr("Border between two panes"))
        self.setAccessibleDescription(self.tr("The arrow keys move it."))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        across = self.orientation() == Qt.Orientation.Horizontal
        back, on = (Qt.Key.Key_Left, Qt.Key.Key_Right) if across else (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() not in (back, on):
            super().keyPressEvent(event)
            return
        line = self.mapToParent(self.contentsRect().topLeft())  # what takes the mouse is wider than the line
        place = line.x() if across else line.y()
        self.moveSplitter(place + (space(4) if event.key() == on else -space(4)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.contentsRect(), tokens().colour("accent" if self.hasFocus() else "border"))
