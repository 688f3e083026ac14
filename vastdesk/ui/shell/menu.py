"""What the menus do that is not about machines and runs: settings, palette, help, colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from vastdesk.ui.shell.memory import MODES, WindowMemory
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.ui.theme import Theme

if TYPE_CHECKING:
    from vastdesk.ui.shell.crashdialog import CrashDialog
    from vastdesk.ui.shell.settings import SettingsPage
    from vastdesk.workers.bridge import Bridge


@dataclass(frozen=True)
class Places:
    """Where things are kept, and what takes secrets out of a text."""

    data_dir: Path
    log_folder: Path | None
    redact: Callable[[str], str]


class MenuCommands(QObject):
    """Everything is imported when it is first asked for."""

    def __init__(self, window: MainWindow, state: State, theme: Theme, memory: WindowMemory, places: Places) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._theme = theme
        self._memory = memory
        self._places = places
        self._bridge: Bridge | None = None
        self._settings_page: SettingsPage | None = None
        self._crash_dialog: CrashDialog | None = None
        actions = window.actions_by_name
        window.settings_wanted.connect(self._on_settings)
        actions["settings"].triggered.connect(self._on_settings)
        actions["palette"].triggered.connect(self._on_palette)
        actions["shortcuts"].triggered.connect(self._on_shortcuts)
        actions["about"].triggered.connect(self._on_about)
        actions["data_folder"].triggered.connect(self._on_data_folder)
        actions["log_folder"].triggered.connect(self._on_log_folder)
        actions["copy_details"].triggered.connect(self._on_copy_details)
        for mode in MODES:
            actions[f"mode_{mode}"].triggered.connect(self._on_mode_action)
        actions[f"mode_{memory.mode}"].setChecked(True)

    def use(self, bridge: Bridge) -> None:
        """The storage is open: there are settings."""
        self._bridge = bridge

    def show_crash(self, report: str) -> None:
        """A bug; one dialog for all that are not closed yet."""
        from vastdesk.ui.shell.crashdialog import CrashDialog

        if self._crash_dialog is None:
            self._crash_dialog = CrashDialog(self._details(), self._places.log_folder, self._window)
        self._crash_dialog.add(report)

    def _on_settings(self) -> None:
        if self._settings_page is None and self._bridge is not None:
            from vastdesk.ui.shell.settings import SettingsPage

            self._settings_page = SettingsPage(self._bridge, self._memory)
            self._settings_page.mode_chosen.connect(self._set_mode)
        if self._settings_page is not None:
            self._window.show_settings(self._settings_page)

    def _on_mode_action(self) -> None:
        chosen = next(mode for mode in MODES if self._window.actions_by_name[f"mode_{mode}"].isChecked())
        self._set_mode(chosen)
        if self._settings_page is not None:
            self._settings_page.show_look()

    def _set_mode(self, mode: str) -> None:
        self._memory.write("appearance", mode)
        self._theme.set_mode(self._memory.mode)
        self._window.actions_by_name[f"mode_{self._memory.mode}"].setChecked(True)

    def _on_palette(self) -> None:
        from vastdesk.ui.shell.finding import entries
        from vastdesk.ui.shell.palette import Palette

        Palette(entries(self._window, self._state), self._window).show()

    def _on_shortcuts(self) -> None:
        from vastdesk.ui.shell.shortcuts import ShortcutsDialog

        groups = list(self._window.actions_by_name.by_menu())
        if self._window.machines is not None:
            groups.append((self.tr("List of machines"), list(self._window.machines.actions_by_name().values())))
        ShortcutsDialog(groups, self._window).open()

    def _on_about(self) -> None:
        from vastdesk.ui.shell.about import AboutDialog

        AboutDialog(self._places.data_dir, self._places.log_folder, self._window).open()

    def _on_data_folder(self) -> None:
        from vastdesk.ui.shell.about import open_folder

        open_folder(self._places.data_dir)

    def _on_log_folder(self) -> None:
        from vastdesk.ui.shell.about import open_folder

        open_folder(self._places.log_folder or self._places.data_dir)

    def _on_copy_details(self) -> None:
        QGuiApplication.clipboard().setText(self._details())
        self._window.say(self.tr("Copied."))

    def _details(self) -> str:
        from vastdesk.ui.shell.versions import details

        return self._places.redact(details(self._places.data_dir))
