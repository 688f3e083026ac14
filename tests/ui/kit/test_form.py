"""Forms made from what steps and settings declare of themselves."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QToolButton

from tests.ui.kit.texts import HOSTILE
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import SETTINGS, TABLE
from vastdesk.remote.runner.step import PARAM_TYPES, Param, check_value
from vastdesk.remote.runner.steps import all_steps
from vastdesk.ui.kit import FormView, param_fields, setting_fields
from vastdesk.ui.kit.fields import FIELD_TYPES

pytestmark = pytest.mark.usefixtures("theme")

PARAMS = (
    Param("name", "text", "Name", "ComfyUI", help="What it is called."),
    Param("folder", "path", "Folder", None, help="Found by itself."),
    Param("parallel", "int", "At once", 4, minimum=1, maximum=4),
    Param("update", "bool", "Update & check", True),
    Param("source", "choice", "Source", "list", choices=("list", "repository")),
    Param("only", "list", "Only these", []),
    Param("pause", "duration", "Pause", 90.0),
    Param("script", "script", "Script", required=True),
    Param("nodes", "node_list", "Node list", "default"),
)


def make_form(qtbot, params=PARAMS) -> FormView:
    form = FormView(param_fields(params, check_value))
    qtbot.addWidget(form)
    with qtbot.waitExposed(form):
        form.show()
    return form


def messages(form: FormView) -> list[str]:
    return [
        label.text()
        for label in form.findChildren(QLabel)
        if label.property("kind") == "problem" and label.text() and label.isVisible()
    ]


def test_the_form_knows_every_type_a_step_can_declare():
    assert set(FIELD_TYPES) == set(PARAM_TYPES)


def test_a_form_begins_with_the_defaults_and_without_reproach(qtbot):
    form = make_form(qtbot)
    assert messages(form) == []
    assert not form.is_valid, "the script is still needed"
    assert list(form.problems()) == ["script"]
    form.set_value("script", "true\n")
    assert form.is_valid
    assert form.values() == {
        "name": "ComfyUI",
        "folder": None,
        "parallel": 4,
        "update": True,
        "source": "list",
        "only": [],
        "pause": 90.0,
        "script": "true\n",
        "nodes": "default",
    }
    assert form.changed_names() == ("script",)


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("name", "other <b>", "other <b>"),
        ("folder", "/workspace", "/workspace"),
        ("parallel", "2", 2),
        ("pause", "5m", 300.0),
        ("nodes", "git+https://example.org/list.csv", "git+https://example.org/list.csv"),
    ],
)
def test_what_is_typed_becomes_a_value(qtbot, name, typed, value):
    form = make_form(qtbot)
    told = []
    form.changed.connect(told.append)
    line = form.editor(name)
    line = getattr(line, "stops")[0]  # noqa: B009
    line.selectAll()
    qtbot.keyClicks(line, typed)
    assert form.value(name) == value
    assert set(told) == {name}
    assert name in form.changed_names()
    form.reset(name)
    assert name not in form.changed_names()


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("folder", "relative", "Folder is an absolute path"),
        ("parallel", "9", "At once is at most 4, not 9"),
        ("parallel", "four", "At once is a whole number"),
        ("pause", "soon", "Pause 'soon' is not a duration"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_at_once(qtbot, name, typed, words):
    form = make_form(qtbot)
    form.set_value("script", "true")
    validity = []
    form.validity_changed.connect(validity.append)
    line = form.editor(name)
    line.selectAll()
    qtbot.keyClicks(line, typed)
    assert len(messages(form)) == 1
    assert messages(form)[0].startswith(words)
    assert messages(form)[0] in line.accessibleDescription()
    assert line.property("invalid") is True
    with pytest.raises(ValueError):
        form.value(name)
    form.reset(name)
    assert messages(form) == []
    assert line.property("invalid") is False
    assert validity == [False, True]


def test_a_script_and_a_list_are_edited_in_lines(qtbot):
    form = make_form(qtbot)
    qtbot.keyClicks(form.editor("script"), "echo <hello>")
    qtbot.keyClick(form.editor("script"), Qt.Key.Key_Return)
    qtbot.keyClicks(form.editor("script"), "true")
    qtbot.keyClicks(form.editor("only"), "a, with comma")
    qtbot.keyClick(form.editor("only"), Qt.Key.Key_Return)
    qtbot.keyClicks(form.editor("only"), " b ")
    assert form.value("script") == "echo <hello>\ntrue"
    assert form.value("only") == ["a, with comma", "b"]


def test_a_switch_and_a_choice_are_clicked(qtbot):
    form = make_form(qtbot)
    update, source = form.editor("update"), form.editor("source")
    assert update.text() == "Update && check"
    update.click()
    assert form.value("update") is False
    qtbot.keyClick(source, Qt.Key.Key_Down)
    assert form.value("source") == "repository"
    assert set(form.changed_names()) == {"update", "source", "script"}


def test_scrolling_past_a_choice_changes_nothing(qtbot):
    form = make_form(qtbot)
    source = form.editor("source")
    assert isinstance(source, QComboBox)
    form.editor("name").setFocus()
    down = QWheelEvent(
        QPointF(5, 5),
        source.mapToGlobal(QPointF(5, 5)),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(source, down)
    assert form.value("source") == "list"


def test_arrow_keys_count_within_the_bounds(qtbot):
    form = make_form(qtbot)
    line = form.editor("parallel")
    qtbot.keyClick(line, Qt.Key.Key_Up)
    assert form.value("parallel") == 4
    for _ in range(9):
        qtbot.keyClick(line, Qt.Key.Key_Down)
    assert form.value("parallel") == 1


def test_a_stored_value_that_is_wrong_is_shown_and_not_changed(qtbot):
    form = make_form(qtbot)
    told = []
    form.changed.connect(told.append)
    form.set_values({"parallel": 99, "source": "elsewhere", "unknown": 1, "script": "x"})
    assert form.editor("parallel").text() == "99"
    assert form.editor("source").currentText() == "elsewhere"
    assert set(form.problems()) == {"parallel", "source"}
    assert told == [], "a person did not do that"


@pytest.mark.parametrize("value", ["two\nlines\there", "x" * 50_000, "tab\there"])
def test_a_value_that_one_line_cannot_show_comes_back_whole(qtbot, value):
    form = make_form(qtbot)
    form.set_value("name", value)
    assert form.value("name") == value


def test_what_is_missing_is_said_when_it_is_asked_for(qtbot):
    form = make_form(qtbot)
    with qtbot.waitActive(form):
        form.activateWindow()
    form.focus_first_problem()
    assert messages(form)[0].startswith("Script is needed")
    assert form.editor("script").hasFocus()


def test_others_can_say_what_is_wrong(qtbot):
    form = make_form(qtbot)
    form.show_problem("nodes", "Node list has no column Name")
    assert messages(form) == ["Node list has no column Name"]
    qtbot.keyClicks(form.editor("nodes").stops[0], "x")
    assert messages(form) == []


def test_a_node_list_can_be_chosen_from_this_computer(qtbot, tmp_path):
    form = make_form(qtbot)
    chosen = tmp_path / "nodes.csv"
    chosen.write_text("Name\n")
    qtbot.mouseClick(form.editor("nodes").findChild(QToolButton), Qt.MouseButton.LeftButton)
    dialog = form.findChild(QFileDialog)
    assert dialog.isVisible()
    dialog.fileSelected.emit(str(chosen))
    dialog.close()
    assert form.value("nodes") == str(chosen)


def test_the_tab_key_goes_from_top_to_bottom(qtbot):
    form = make_form(qtbot)
    with qtbot.waitActive(form):
        form.activateWindow()
    form.editor("name").setFocus()
    order = []
    for _ in range(len(PARAMS) + 1):
        order.append(QApplication.focusWidget().accessibleName())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert order == [param.label for param in PARAMS] + ["Choose a file for Node list"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_declarations_and_values_are_text(qtbot, text):
    kinds = [Param(f"p{at}", kind, text, None, help=text, choices=(text,)) for at, kind in enumerate(PARAM_TYPES)]
    form = make_form(qtbot, kinds)
    for param in kinds:
        form.set_value(param.name, text)
    form.resize(600, 900)
    assert not form.grab().isNull()
    for label in form.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText or not label.text()
        assert "\x1b" not in label.text()


def test_every_step_there_is_has_a_form(qtbot):
    for step in all_steps():
        form = FormView(param_fields(step.params, check_value))
        qtbot.addWidget(form)
        form.set_values(step.example)
        assert form.names == tuple(param.name for param in step.params)
        assert not form.problems(), step.name


def test_the_settings_have_a_form(qtbot):
    form = FormView(setting_fields(TABLE))
    qtbot.addWidget(form)
    assert form.is_valid
    assert form.values() == {name: setting.default for name, setting in SETTINGS.items()}
    form.set_value("keepalive_count", "99")
    assert form.problems() == {"keepalive_count": "Keep-alive tries is from 1 to 20, not '99'"}
    with pytest.raises(VastDeskError):
        form.value("keepalive_count")
    form.set_value("keepalive_count", "")
    assert form.value("keepalive_count") == 3
