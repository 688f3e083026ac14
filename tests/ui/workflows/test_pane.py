"""The form of a step: made from its declaration, judged while one types, never losing what was typed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from tests.ui.workflows.fakes import CATALOGUE
from vastdesk.ui.workflows.pane import LIMIT, StepPane
from vastdesk.ui.workflows.steps import DraftStep, draft_step
from vastdesk.workers.forms import declarations


def pane_of(qtbot: QtBot, name: str) -> tuple[StepPane, list[DraftStep]]:
    pane = StepPane()
    qtbot.addWidget(pane)
    pane.set_declarations(declarations())
    pane.show_step(draft_step(name, CATALOGUE, ()))
    edited: list[DraftStep] = []
    pane.edited.connect(edited.append)
    return pane, edited


def typed(pane: StepPane, name: str, text: str) -> None:
    assert pane.form is not None
    editor = pane.form.editor(name)
    if isinstance(editor, QPlainTextEdit):
        editor.setPlainText(text)
    else:
        assert isinstance(editor, QLineEdit)
        editor.setText(text)
        editor.textEdited.emit(text)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_step_has_a_form_with_all_it_takes(qtbot: QtBot, name: str) -> None:
    pane, _ = pane_of(qtbot, name)
    assert pane.form is not None and set(CATALOGUE[name].params) < set(pane.form.names)
    example = declarations()[name].example
    pane.form.set_values(example)
    assert pane.form.is_valid


def test_a_value_reaches_the_step_in_its_own_type(qtbot: QtBot) -> None:
    pane, edited = pane_of(qtbot, "wait")
    typed(pane, "seconds", "1m30s".replace("1m30s", "90s"))
    typed(pane, LIMIT, "5m")
    assert edited[-1].use.params == {"seconds": 90.0} and edited[-1].use.limit_s == 300.0
    assert not edited[-1].problem


def test_what_is_wrong_is_kept_as_typed_and_comes_back(qtbot: QtBot) -> None:
    pane, edited = pane_of(qtbot, "wait")
    typed(pane, "seconds", "soon")
    wrong = edited[-1]
    assert wrong.problem and wrong.use.params == {"seconds": 5.0}
    pane.show_step(None)
    pane.show_step(wrong)
    assert pane.form is not None
    editor = pane.form.editor("seconds")
    assert isinstance(editor, QLineEdit) and editor.text() == "soon" and not pane.form.is_valid
    typed(pane, "seconds", "7")
    assert edited[-1].problem == "" and edited[-1].use.params == {"seconds": 7.0} and not edited[-1].raw


def test_an_empty_limit_is_the_steps_own(qtbot: QtBot) -> None:
    pane, edited = pane_of(qtbot, "set_ui_home")
    typed(pane, LIMIT, "")
    assert not edited or edited[-1].use.limit_s == 30.0
    for text in ("0.2", "9999h", "never"):
        typed(pane, LIMIT, text)
        assert edited[-1].problem


def test_being_switched_off_elsewhere_leaves_the_fields_alone(qtbot: QtBot) -> None:
    pane, edited = pane_of(qtbot, "run_command")
    typed(pane, "script", "echo")
    form = pane.form
    pane.show_step(replace(edited[-1], use=replace(edited[-1].use, enabled=False)))
    assert pane.form is form
    typed(pane, "script", "echo 2")
    assert not edited[-1].use.enabled
