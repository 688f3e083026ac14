"""The list of machines: choosing, commands, removing with undo."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.machines.fakes import FakeEngine, head, tell
from vastdesk.ui.machines.list import MachineList
from vastdesk.ui.state import State


class World:
    """A list on an engine in memory."""

    def __init__(self, qtbot: QtBot, *names: str, state: State | None = None) -> None:
        self.engine = FakeEngine(*(instance(name) for name in names))
        self.state = state or state_of(tuple(instance(name) for name in names))
        self.bridge = FakeBridge(self.engine)
        self.list = MachineList(self.state, self.bridge)  # type: ignore[arg-type]
        qtbot.addWidget(self.list)
        self.list.resize(280, 600)
        self.list.show()

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.list.view.setFocus()
        QTest.keyClick(self.list.view, key, modifier)

    def trigger(self, name: str) -> None:
        self.list.actions_by_name()[name].trigger()

    def names(self) -> list[str]:
        return [row.name for row in self.list.model.rows]


async def test_one_is_looked_at_and_several_are_chosen(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b", "c")
    looked: list[str] = []
    chosen: list[list[str]] = []
    world.list.selected.connect(looked.append)
    world.list.selection_changed.connect(chosen.append)
    world.list.select("b")
    world.list.view.selectAll()
    assert looked == ["b"] and chosen[-1] == ["a", "b", "c"] == world.list.ids
    actions = world.list.actions_by_name()
    assert actions["run"].isEnabled() and actions["remove"].isEnabled() and not actions["edit"].isEnabled()
    asked: list[list[str]] = []
    world.list.run_requested.connect(asked.append)
    world.trigger("run")
    assert asked == [["a", "b", "c"]]


async def test_a_removed_machine_is_gone_at_once_and_comes_back(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b", "c")
    world.list.select("b")
    world.trigger("remove")
    assert world.names() == ["a", "c"] and world.list.current == "c"
    assert world.bridge.calls == 0
    undo = next(button for button in world.list.undo.findChildren(QPushButton) if "Undo" in button.text())
    undo.click()
    assert world.names() == ["a", "b", "c"] and world.list.current == "b"
    assert "b" in world.engine.store.by_id


async def test_after_the_offer_it_is_really_removed(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b", "c")
    world.list.view.selectAll()
    world.trigger("remove")
    world.list.undo.expire()
    await until(lambda: not world.engine.store.by_id)
    await tell(world.state, world.engine)
    assert world.names() == []


async def test_closing_the_window_removes_what_could_still_be_undone(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b")
    world.list.select("a")
    world.trigger("remove")
    await world.list.aclose()
    assert list(world.engine.store.by_id) == ["b"]


async def test_a_machine_with_a_run_is_not_removed(qtbot: QtBot) -> None:
    state = state_of((instance("a"),), (head("r", "a", "running", None),))
    world = World(qtbot, "a", state=state)
    opened: list[str] = []
    world.list.run_opened.connect(opened.append)
    world.list.select("a")
    world.trigger("remove")
    assert world.names() == ["a"]
    show = next(button for button in world.list.findChildren(QPushButton) if button.text() == "Show the run")
    show.click()
    assert opened == ["r"]


async def test_a_name_is_edited_in_place(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b")
    world.list.select("a")
    world.trigger("rename")
    editor = world.list.view.findChild(QLineEdit)
    editor.setText("z")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    await until(lambda: world.names() == ["b", "z"])
    await until(lambda: world.engine.store.by_id["a"].name == "z")
    await tell(world.state, world.engine)
    assert world.names() == ["b", "z"]


async def test_a_name_that_is_taken_is_refused_in_place(qtbot: QtBot) -> None:
    world = World(qtbot, "a", "b")
    world.list.model.setData(world.list.model.index(0), "b")
    await until(lambda: world.list._failure.banner)
    assert world.names() == ["a", "b"]
    assert "exists already" in world.list._failure.banner.accessibleName()  # type: ignore[union-attr]


async def test_a_duplicate_is_chosen_once_it_is_there(qtbot: QtBot) -> None:
    world = World(qtbot, "a")
    world.list.select("a")
    world.trigger("duplicate")
    world.trigger("duplicate")  # clicked twice
    await until(lambda: len(world.engine.store.by_id) == 2)
    await tell(world.state, world.engine)
    assert world.names() == ["a", "a 2"]
    await until(lambda: world.list.current == "new1")


async def test_the_ssh_command_is_copied(qtbot: QtBot) -> None:
    world = World(qtbot, "a")
    world.list.select("a")
    world.trigger("copy")
    assert QGuiApplication.clipboard().text() == "ssh root@203.0.113.7"


async def test_enter_runs_or_shows_the_run(qtbot: QtBot) -> None:
    state = state_of((instance("a"), instance("b")), (head("r", "b", "running", None),))
    world = World(qtbot, "a", "b", state=state)
    asked: list[object] = []
    world.list.run_requested.connect(asked.append)
    world.list.run_opened.connect(asked.append)
    for name in ("a", "b"):
        world.list.select(name)
        world.key(Qt.Key.Key_Return)
    assert asked == [["a"], "r"]


async def test_nothing_there_and_nothing_found_say_what_to_do(qtbot: QtBot) -> None:
    world = World(qtbot)
    asked: list[str] = []
    world.list.add_requested.connect(lambda: asked.append("add"))
    add = next(button for button in world.list.findChildren(QPushButton) if button.text() == "Add a machine")
    assert add.isVisible()
    add.click()
    assert asked == ["add"]
    many = World(qtbot, "a", "b")
    many.list.search.setText("zzz")
    QTest.keyClick(many.list.search, Qt.Key.Key_Return)
    assert many.list.search.count_text == "0 of 2"
    clear = next(button for button in many.list.findChildren(QPushButton) if button.text() == "Clear the filter")
    clear.click()
    assert many.names() == ["a", "b"]


async def test_hostile_names_are_painted_and_spoken_as_text(qtbot: QtBot) -> None:
    state = state_of(tuple(instance(f"i{at}", name) for at, name in enumerate(HOSTILE_NAMES)))
    world = World(qtbot, state=state)
    world.list.view.selectAll()
    assert not world.list.grab().isNull()
    world.list.select("i0")
    world.trigger("remove")
    assert world.list.undo.accessibleName().startswith("Removed <b>")


async def test_the_list_lets_go_of_the_state(qapp: QApplication) -> None:
    state = state_of((instance("a"),))
    page = MachineList(state, FakeBridge(FakeEngine()))  # type: ignore[arg-type]
    shiboken6.delete(page)
    state.instances_changed.emit()
    state.runs_changed.emit(frozenset({"r"}))
