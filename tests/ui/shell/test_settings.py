"""The settings page, the memory of the window, its language, and the dialogs of the help menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from tests.ui.fakes import until
from tests.ui.shell.conftest import Engine
from vastdesk.domain.settings import TABLE
from vastdesk.ui.shell.about import AboutDialog
from vastdesk.ui.shell.actions import TABLE as ACTIONS
from vastdesk.ui.shell.actions import Actions
from vastdesk.ui.shell.memory import WindowMemory
from vastdesk.ui.shell.passphrase import PassphraseDialog
from vastdesk.ui.shell.settings import SettingsPage
from vastdesk.ui.shell.shortcuts import ShortcutsDialog
from vastdesk.ui.shell.versions import PACKAGES, components, details


async def test_every_setting_of_the_table_is_there(
    theme: object, bridge: Any, engine: Engine, memory: WindowMemory, qtbot: QtBot
) -> None:
    engine.store.stored["step_delay"] = "7"
    page = SettingsPage(bridge, memory)
    qtbot.addWidget(page)
    page.show()
    await until(lambda: page.form("Workflows").value("step_delay") == 7.0)
    shown = {name for section in {each.section for each in TABLE} for name in page.form(section).names}
    assert shown == {each.name for each in TABLE}


async def test_a_change_is_stored_at_once_and_a_wrong_one_is_not(
    theme: object, bridge: Any, engine: Engine, memory: WindowMemory, qtbot: QtBot
) -> None:
    page = SettingsPage(bridge, memory)
    qtbot.addWidget(page)
    page.show()
    await until(lambda: bridge.calls)
    form = page.form("Workflows")
    editor = form.editor("step_delay")
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "soon")
    assert form.problems()
    editor.selectAll()
    qtbot.keyClicks(editor, "9")
    await until(lambda: engine.store.stored.get("step_delay") == "9")
    assert all(text != "soon" for _, text in engine.store.asked)


async def test_settings_can_be_found(theme: object, bridge: Any, memory: WindowMemory, qtbot: QtBot) -> None:
    page = SettingsPage(bridge, memory)
    qtbot.addWidget(page)
    page.show()
    page.search.setText("keep-alive")
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert page.form("Connection").isVisible() and not page.form("Workflows").isVisible()
    await until(lambda: bridge.calls)


async def test_colours_are_for_the_window(theme: object, bridge: Any, memory: WindowMemory, qtbot: QtBot) -> None:
    page = SettingsPage(bridge, memory)
    qtbot.addWidget(page)
    chosen: list[str] = []
    page.mode_chosen.connect(chosen.append)
    box = page.form("Look").editor("appearance")
    box.activated.emit(box.findText("Dark"))  # type: ignore[attr-defined]
    box.setCurrentIndex(box.findText("Dark"))  # type: ignore[attr-defined]
    box.activated.emit(box.findText("Dark"))  # type: ignore[attr-defined]
    assert chosen[-1] == "dark"


def test_a_damaged_memory_is_as_good_as_none(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "window.ini").write_bytes(b"\x00\xff[[[\nappearance=plaid\nlanguage=xx\ngeometry=@ByteArray(zzz)\n")
    memory = WindowMemory(tmp_path)
    assert (memory.mode, memory.language, memory.read("nothing")) == ("system", "", None)
    memory.write("machine", "m1")
    memory.sync()
    assert WindowMemory(tmp_path).read("machine") == "m1"


def test_no_two_actions_share_their_keys(qapp: object) -> None:
    parent = QAction()
    actions = Actions(parent)
    keys = [keys.toString() for spec in ACTIONS for keys in actions[spec.name].shortcuts()]
    assert len(keys) == len(set(keys))


def test_the_page_of_shortcuts_has_them_all(qtbot: QtBot, theme: object) -> None:
    parent = QAction()
    groups = list(Actions(parent).by_menu())
    dialog = ShortcutsDialog(groups)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    with_keys = [action for _, actions in groups for action in actions if action.shortcuts()]
    assert dialog.count >= len(with_keys)


def test_about_names_everything_it_is_made_of(qtbot: QtBot, theme: object, tmp_path: Path) -> None:
    dialog = AboutDialog(tmp_path, tmp_path / "logs")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert {part.name for part in components()} == set(PACKAGES)
    assert all(part.version and part.licence and len(part.licence) < 100 for part in components())
    assert "VastDesk" in details(tmp_path) and "Qt" in details(tmp_path)


def test_the_passphrase_is_masked_and_not_left_behind(qtbot: QtBot, theme: object) -> None:
    dialog = PassphraseDialog("Passphrase of <b>key</b>?")
    qtbot.addWidget(dialog)
    (field,) = dialog.findChildren(QLineEdit)
    assert field.echoMode() == QLineEdit.EchoMode.Password
    dialog.show()
    qtbot.keyClicks(field, "open sesame")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert dialog.answer == "open sesame"
    assert field.text() == ""
