"""The steps of a workflow as they are edited, and how they are switched and moved in the list."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES
from tests.ui.workflows.fakes import CATALOGUE
from vastdesk.ui.workflows.delegate import switch_rect
from vastdesk.ui.workflows.editor import StepsEditor
from vastdesk.ui.workflows.library import Draft
from vastdesk.ui.workflows.steps import STEP, SUMMARY, DraftStep, StepModel, draft_step
from vastdesk.workers.forms import declarations

NAMES = ("test_ssh", "wait", "configure_links")


def steps(*names: str) -> Iterator[DraftStep]:
    taken: list[str] = []
    for name in names:
        step = draft_step(name, CATALOGUE, taken)
        taken.append(step.use.id)
        yield step


def model_of(*names: str) -> StepModel:
    model = StepModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    model.set_words(CATALOGUE, {"wait": "Waits."}, {"wait": {"seconds": "How long"}})
    model.set_steps(steps(*names))
    return model


def ids(model: StepModel) -> list[str]:
    return [step.use.id for step in model.steps]


def drop(model: StepModel, at: int, row: int) -> bool:
    data = model.mimeData([model.index(at)])
    return model.dropMimeData(data, Qt.DropAction.MoveAction, row, 0, QModelIndex())


def test_a_new_step_has_an_id_of_its_own_and_says_what_it_needs(qapp: QApplication) -> None:
    assert [step.use.id for step in steps("wait", "wait", "WAIT".lower())] == ["wait", "wait-2", "wait-3"]
    script = draft_step("run_command", CATALOGUE, ())
    assert "script" in script.problem and script.use.params["folder"] == "~"


def test_steps_move_where_they_are_dropped(qapp: QApplication) -> None:
    model = model_of(*NAMES)
    assert drop(model, 0, 2) is False  # True would make the view remove the row
    assert ids(model) == ["wait", "test_ssh", "configure_links"]
    drop(model, 2, 0)
    assert ids(model) == ["configure_links", "wait", "test_ssh"]
    drop(model, 0, -1)
    assert ids(model) == ["wait", "test_ssh", "configure_links"]
    drop(model, 1, 1)
    drop(model, 1, 2)
    assert ids(model) == ["wait", "test_ssh", "configure_links"]


def test_any_sequence_of_moves_keeps_every_step(qapp: QApplication) -> None:
    model = model_of(*NAMES, *NAMES)
    rng = random.Random(5)
    known = sorted(ids(model))
    for _ in range(200):
        model.move(rng.randrange(-1, 7), rng.randrange(-1, 7))
        assert sorted(ids(model)) == known


def test_each_change_is_told_once_and_none_that_changes_nothing(qapp: QApplication) -> None:
    model = model_of(*NAMES)
    told: list[int] = []
    model.edited.connect(lambda: told.append(1))
    model.move(1, 1)
    model.change(0, model.steps[0])
    assert not told
    model.setData(model.index(0), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert told == [1] and not model.steps[0].use.enabled
    model.set_steps(())
    assert told == [1]


def test_a_row_says_what_differs_and_is_spoken(qapp: QApplication) -> None:
    model = model_of("wait")
    index = model.index(0)
    assert index.data(SUMMARY) == "Waits."
    step = model.steps[0]
    model.change(0, DraftStep(replace(step.use, params={"seconds": 90.0}, enabled=False)))
    assert index.data(SUMMARY) == "How long: 90.0"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "Wait, switched off, step 1 of 1"


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_hostile_values_are_text(qtbot: QtBot, text: str) -> None:
    editor = StepsEditor()
    qtbot.addWidget(editor)
    use = replace(next(steps("run_command")).use, title=text, params={"script": text, text: [text]})
    editor.show_draft("p", Draft((DraftStep(use, problem=text),), 5.0))
    editor.show()
    assert not editor.grab().isNull()
    assert len(editor.model.index(0).data(SUMMARY)) < 1000


class Edited:
    """An editor on the screen."""

    def __init__(self, qtbot: QtBot, *names: str) -> None:
        self.editor = StepsEditor()
        qtbot.addWidget(self.editor)
        self.editor.set_catalogue(CATALOGUE, declarations())
        self.editor.resize(400, 500)
        self.editor.show_draft("p", Draft(tuple(steps(*names)), 5.0))
        self.editor.show()
        self.view = self.editor.view
        self.view.setFocus()

    def ids(self) -> list[str]:
        return ids(self.editor.model)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.view, key, modifier)


def test_steps_are_ordered_switched_and_removed_by_keyboard(qtbot: QtBot) -> None:
    world = Edited(qtbot, *NAMES)
    world.editor.activateWindow()
    qtbot.waitUntil(world.editor.isActiveWindow)
    world.view.setFocus()
    world.editor.select(0)
    world.key(Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert world.ids() == ["wait", "test_ssh", "configure_links"]
    assert world.view.currentIndex().row() == 1
    world.key(Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    world.key(Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert world.ids() == list(NAMES)
    world.key(Qt.Key.Key_Space)
    assert not world.editor.model.steps[0].use.enabled
    removed: list[object] = []
    world.editor.removed.connect(lambda at, step: removed.append((at, step.use.id)))
    world.key(Qt.Key.Key_Delete)
    assert removed == [(0, "test_ssh")] and world.ids() == ["wait", "configure_links"]


def test_a_click_on_the_switch_switches_and_elsewhere_does_not(qtbot: QtBot) -> None:
    world = Edited(qtbot, *NAMES)
    rect = world.view.visualRect(world.editor.model.index(1))
    QTest.mouseClick(world.view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert world.editor.model.steps[1].use.enabled
    QTest.mouseClick(world.view.viewport(), Qt.MouseButton.LeftButton, pos=switch_rect(rect).center())
    assert not world.editor.model.steps[1].use.enabled
    assert world.editor.model.steps[0].use.enabled


def test_a_step_is_added_after_the_one_that_is_looked_at(qtbot: QtBot) -> None:
    world = Edited(qtbot, *NAMES)
    world.editor.select(0)
    menu = world.editor.add.menu()
    assert len(menu.actions()) == len(CATALOGUE)
    next(action for action in menu.actions() if action.text() == "Wait").trigger()
    assert world.ids() == ["test_ssh", "wait-2", "wait", "configure_links"]
    assert world.view.currentIndex().data(STEP).use.id == "wait-2"


def test_a_pause_that_is_none_is_kept_and_found_wrong(qtbot: QtBot) -> None:
    world = Edited(qtbot, *NAMES)
    world.editor.delay.set_value("step_delay", "soon")
    assert world.editor.delay_s is None and world.editor.draft().delay == "soon"
    world.editor.delay.set_value("step_delay", "2h")
    assert world.editor.delay_s is None
    world.editor.delay.set_value("step_delay", "1m")
    assert world.editor.delay_s == 60.0


def test_only_one_step_or_all_can_be_switched_on(qtbot: QtBot) -> None:
    world = Edited(qtbot, *NAMES)
    world.editor.select(1)
    actions = {action.text(): action for action in world.view.actions()}
    actions["Only this step"].trigger()
    assert [step.use.enabled for step in world.editor.model.steps] == [False, True, False]
    actions["Switch all on"].trigger()
    assert all(step.use.enabled for step in world.editor.model.steps)
