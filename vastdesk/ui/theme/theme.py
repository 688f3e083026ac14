"""Puts the look on an application, and changes it while it runs."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QDir, QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from vastdesk.ui.theme import active
from vastdesk.ui.theme.icons import icons_folder
from vastdesk.ui.theme.palette import palette_of
from vastdesk.ui.theme.scale import renew_fonts
from vastdesk.ui.theme.sheet import style_sheet
from vastdesk.ui.theme.tokens import DARK, LIGHT, Tokens

Mode = Literal["system", "light", "dark"]

_SCHEMES = {"system": Qt.ColorScheme.Unknown, "light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


class Theme(QObject):
    """The look of one application: Fusion, our palette, one style sheet. `changed` comes after a switch is complete;
    widgets of the kit need not listen, they ask for colours when they paint."""

    changed = Signal()

    def __init__(self, app: QApplication, mode: Mode = "system") -> None:
        super().__init__(app)
        self._app = app
        self._mode: Mode = mode
        QDir.setSearchPaths("icons", [str(icons_folder())])
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        app.installEventFilter(self)
        self.set_mode(mode)

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def tokens(self) -> Tokens:
        return active.tokens()

    def set_mode(self, mode: Mode) -> None:
        """`system` follows the desktop while it has a wish, and is light where it has none."""
        self._mode = mode
        self._app.styleHints().setColorScheme(_SCHEMES[mode])  # title bars and file dialogs of the system go along
        self._put_on()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._app and event.type() == QEvent.Type.ApplicationFontChange:
            renew_fonts()
            self._app.setStyleSheet(style_sheet(active.tokens()))
        return False

    def _on_scheme_changed(self, scheme: Qt.ColorScheme) -> None:
        if self._mode == "system":
            self._put_on()

    def _put_on(self) -> None:
        dark = self._mode == "dark" or (
            self._mode == "system" and self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        chosen = DARK if dark else LIGHT
        active.use(chosen)
        self._app.setPalette(palette_of(chosen))
        self._app.setStyleSheet(style_sheet(chosen))
        self.changed.emit()
