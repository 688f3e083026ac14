"""A button that copies a text, and says that it did."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QHideEvent
from PySide6.QtWidgets import QToolButton, QWidget

from vastdesk.ui.kit.plain import plain_tooltip
from vastdesk.ui.theme import icon, icon_size

_CONFIRM_MS = 1500


class CopyButton(QToolButton):
    """`CopyButton("Copy the fingerprint", lambda: key.fingerprint)`; a plain text works too. The text is asked for when
    it is clicked, and copied as it is."""

    def __init__(self, name: str, text: str | Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self._name = name
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setIconSize(QSize(icon_size(), icon_size()))
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CONFIRM_MS)
        self._calm.timeout.connect(self._rest)
        self.clicked.connect(self.copy)
        self._rest()

    def set_text(self, text: str | Callable[[], str]) -> None:
        """What the next click copies."""
        self._text = text
        self._rest()

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text if isinstance(self._text, str) else self._text())
        self.setIcon(icon("check", "succeeded"))
        self._say(self.tr("Copied"))
        if self.isVisible():
            self._calm.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest()

    def _rest(self) -> None:
        self._calm.stop()
        self.setIcon(icon("copy", "muted"))
        self._say(self._name)

    def _say(self, words: str) -> None:
        self.setAccessibleName(words)
        self.setToolTip(plain_tooltip(words))
