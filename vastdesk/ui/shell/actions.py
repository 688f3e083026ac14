"""All actions of the window, as data: the menus, the palette and the page of shortcuts are made from this table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar

from vastdesk.ui.theme import icon

_Key = QKeySequence.StandardKey
_Role = QAction.MenuRole


@dataclass(frozen=True)
class Spec:
    """One action. `text` is marked for translation in the context `Actions`; `group` makes it one of a choice."""

    name: str
    text: str
    menu: str
    icon: str = ""
    keys: tuple[str | QKeySequence.StandardKey, ...] = ()
    role: QAction.MenuRole = _Role.NoRole
    group: str = ""
    begins_part: bool = False


MENUS: tuple[tuple[str, str], ...] = (
    ("file", str(QT_TRANSLATE_NOOP("Actions", "&File"))),
    ("machine", str(QT_TRANSLATE_NOOP("Actions", "&Machine"))),
    ("run", str(QT_TRANSLATE_NOOP("Actions", "&Run"))),
    ("view", str(QT_TRANSLATE_NOOP("Actions", "&View"))),
    ("help", str(QT_TRANSLATE_NOOP("Actions", "&Help"))),
)

TABLE: tuple[Spec, ...] = (
    Spec("add_machine", str(QT_TRANSLATE_NOOP("Actions", "&Add a machine…")), "file", "add", (_Key.New,)),
    Spec("practice", str(QT_TRANSLATE_NOOP("Actions", "&Try it on this computer")), "file", "practice"),
    Spec(
        "settings",
        str(QT_TRANSLATE_NOOP("Actions", "&Settings")),
        "file",
        "settings",
        ("Ctrl+,",),
        _Role.PreferencesRole,
        begins_part=True,
    ),
    Spec("close", str(QT_TRANSLATE_NOOP("Actions", "&Close the window")), "file", "close", (_Key.Close,)),
    Spec("quit", str(QT_TRANSLATE_NOOP("Actions", "&Quit VastDesk")), "file", "", ("Ctrl+Q",), _Role.QuitRole),
    Spec("overview", str(QT_TRANSLATE_NOOP("Actions", "&Overview")), "machine", "machine", ("Ctrl+1",)),
    Spec("workflows", str(QT_TRANSLATE_NOOP("Actions", "&Workflows")), "machine", "workflow", ("Ctrl+2",)),
    Spec("live", str(QT_TRANSLATE_NOOP("Actions", "Live &run")), "machine", "run", ("Ctrl+3",)),
    Spec(
        "next_machine",
        str(QT_TRANSLATE_NOOP("Actions", "&Next machine")),
        "machine",
        "chevron-down",
        ("Ctrl+PgDown",),
        begins_part=True,
    ),
    Spec(
        "previous_machine",
        str(QT_TRANSLATE_NOOP("Actions", "&Previous machine")),
        "machine",
        "chevron-up",
        ("Ctrl+PgUp",),
    ),
    Spec("cancel_run", str(QT_TRANSLATE_NOOP("Actions", "&Cancel the run")), "run", "stop", ("Ctrl+.",)),
    Spec("resume_run", str(QT_TRANSLATE_NOOP("Actions", "R&esume the run")), "run", "resume"),
    Spec("retry_failed", str(QT_TRANSLATE_NOOP("Actions", "Retry what &failed")), "run", "retry"),
    Spec("run_again", str(QT_TRANSLATE_NOOP("Actions", "Run it &again")), "run", "run"),
    Spec("runs", str(QT_TRANSLATE_NOOP("Actions", "All &runs")), "view", "history", ("Ctrl+4",)),
    Spec("palette", str(QT_TRANSLATE_NOOP("Actions", "&Find a command or a machine…")), "view", "command", ("Ctrl+K",)),
    Spec("find", str(QT_TRANSLATE_NOOP("Actions", "F&ilter what is shown")), "view", "search", (_Key.Find,)),
    Spec("other_pane", str(QT_TRANSLATE_NOOP("Actions", "&Go to the other pane")), "view", "", ("F6",)),
    Spec(
        "mode_system",
        str(QT_TRANSLATE_NOOP("Actions", "Colours as the &system has them")),
        "view",
        group="mode",
        begins_part=True,
    ),
    Spec("mode_light", str(QT_TRANSLATE_NOOP("Actions", "&Light colours")), "view", group="mode"),
    Spec("mode_dark", str(QT_TRANSLATE_NOOP("Actions", "&Dark colours")), "view", group="mode"),
    Spec("shortcuts", str(QT_TRANSLATE_NOOP("Actions", "&Keyboard shortcuts")), "help", "command", ("F1",)),
    Spec("data_folder", str(QT_TRANSLATE_NOOP("Actions", "Open the &data folder")), "help", "folder"),
    Spec("log_folder", str(QT_TRANSLATE_NOOP("Actions", "Open the &log folder")), "help", "log"),
    Spec("copy_details", str(QT_TRANSLATE_NOOP("Actions", "&Copy details for a report")), "help", "copy"),
    Spec(
        "about",
        str(QT_TRANSLATE_NOOP("Actions", "&About VastDesk")),
        "help",
        "info",
        (),
        _Role.AboutRole,
        begins_part=True,
    ),
)


class Actions(QObject):
    """The actions themselves: `actions["quit"].triggered.connect(self.on_quit)`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        for spec in TABLE:
            self._actions[spec.name] = self._made(spec)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def by_menu(self) -> Iterator[tuple[str, list[QAction]]]:
        """(title of the menu without its mark, its actions)."""
        for menu, title in MENUS:
            yield _plain(translated(title)), [self._actions[spec.name] for spec in TABLE if spec.menu == menu]

    def fill(self, bar: QMenuBar) -> None:
        """All menus, in their order."""
        for menu, title in MENUS:
            self._fill_menu(bar.addMenu(translated(title)), menu)

    def enable(self, name: str, reason: str = "") -> None:
        """A reason why not makes it unusable, and is its tooltip."""
        action = self._actions[name]
        action.setEnabled(not reason)
        action.setToolTip(reason or _plain(action.text()))
        action.setStatusTip(reason)

    def _fill_menu(self, menu: QMenu, name: str) -> None:
        menu.setToolTipsVisible(True)
        for spec in TABLE:
            if spec.menu == name:
                if spec.begins_part:
                    menu.addSeparator()
                menu.addAction(self._actions[spec.name])

    def _made(self, spec: Spec) -> QAction:
        action = QAction(translated(spec.text), self)
        action.setObjectName(spec.name)
        action.setMenuRole(spec.role)
        if spec.icon:
            action.setIcon(icon(spec.icon, "muted"))
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setToolTip(_plain(action.text()))
        if spec.group:
            action.setCheckable(True)
            self._groups.setdefault(spec.group, QActionGroup(self)).addAction(action)
        return action


def translated(text: str) -> str:
    """A text of the table in the language of the window."""
    return QCoreApplication.translate("Actions", text)


def _plain(text: str) -> str:
    return text.replace("&", "")
