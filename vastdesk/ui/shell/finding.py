"""What the palette offers: actions of the window and of the list of machines, machines, and the runs that are on."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QIcon, QKeySequence

from vastdesk.ui.kit.states import state_look
from vastdesk.ui.shell.palette import Entry
from vastdesk.ui.shell.summary import open_runs
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.ui.theme import icon

_NOT_OFFERED = ("palette", "other_pane")


def entries(window: MainWindow, state: State) -> list[Entry]:
    """In the order in which they stand while nothing is typed."""
    found = [_of_action(action, title) for title, action in _actions(window) if action.objectName() not in _NOT_OFFERED]
    machine = QCoreApplication.translate("Palette", "Machine")
    run = QCoreApplication.translate("Palette", "Run")
    runs = [
        Entry(each.text, run, icon(look.icon, look.colour), partial(window.show_run, each.run_id))
        for each in open_runs(state)
        for look in [state_look(each.state)]
    ]
    machines = [
        Entry(instance.name, machine, icon("machine", "muted"), partial(window.show_machine, instance.id))
        for instance in state.instances
    ]
    return [*runs, *machines, *found]


def _actions(window: MainWindow) -> list[tuple[str, QAction]]:
    found = [(title, action) for title, actions in window.actions_by_name.by_menu() for action in actions]
    if window.machines is not None and window.current_machine():
        title = QCoreApplication.translate("Palette", "Chosen machine")
        found += [(title, action) for action in window.machines.actions_by_name().values()]
    return found


def _of_action(action: QAction, title: str) -> Entry:
    keys = ""
    if action.shortcutContext() != Qt.ShortcutContext.WidgetShortcut:
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    text = action.text().replace("&", "")
    reason = "" if action.isEnabled() else action.statusTip() or QCoreApplication.translate("Palette", "not now")
    return Entry(text, title, QIcon(action.icon()), action.trigger, keys, reason)
