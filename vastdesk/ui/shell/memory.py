"""What the window remembers of itself: sizes, the chosen page, light or dark. In an ini file in the data folder: it is
needed before the storage is open."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from vastdesk.ui.theme import Mode

FILE = "window.ini"
LANGUAGES = ("en", "de")
MODES: tuple[Mode, ...] = ("system", "light", "dark")
SMALLEST = (800, 560)
USUAL = (1280, 800)


class WindowMemory:
    """A `kit.split.Memory`. A file that is damaged or cannot be written is as good as none."""

    def __init__(self, folder: Path) -> None:
        self._settings = QSettings(str(folder / FILE), QSettings.Format.IniFormat)

    def read(self, key: str) -> str | None:
        value = self._settings.value(key)
        return value if isinstance(value, str) else None

    def write(self, key: str, value: str) -> None:
        if self.read(key) != value:
            self._settings.setValue(key, value)

    def sync(self) -> None:
        """To the disk; QSettings does it by itself now and then."""
        self._settings.sync()

    @property
    def mode(self) -> Mode:
        """Light, dark, or as the system says."""
        stored = self.read("appearance")
        return stored if stored in MODES else "system"

    @property
    def language(self) -> str:
        """Like `de`; empty: as the system says."""
        stored = self.read("language")
        return stored if stored in LANGUAGES else ""

    def flag(self, key: str) -> bool:
        return self.read(key) == "yes"

    def set_flag(self, key: str, value: bool) -> None:
        self.write(key, "yes" if value else "no")

    def restore(self, window: QMainWindow) -> None:
        """Where the window was, as far as that place still exists; else the usual size, as far as the screen has it."""
        stored = self._settings.value("geometry")
        if isinstance(stored, QByteArray) and window.restoreGeometry(stored):
            return
        screen = QGuiApplication.primaryScreen().availableGeometry()
        width = max(SMALLEST[0], min(USUAL[0], round(screen.width() * 0.95)))
        height = max(SMALLEST[1], min(USUAL[1], round(screen.height() * 0.92)))
        window.resize(width, height)
        window.move(screen.center().x() - width // 2, max(screen.top(), screen.center().y() - height // 2))

    def keep(self, window: QMainWindow) -> None:
        self._settings.setValue("geometry", window.saveGeometry())
