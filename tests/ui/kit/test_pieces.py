"""The small pieces: what they say, when they move, what they tell."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QAccessible, QEnterEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from tests.ui.kit.helpers import shown
from tests.ui.kit.texts import HOSTILE
from vastdesk.ui.kit import (
    Banner,
    CopyButton,
    ElidedLabel,
    EmptyState,
    Fact,
    KeyValueList,
    SearchField,
    SectionHeader,
    SplitView,
    TextLabel,
    UndoBar,
    plain_tooltip,
    unmarked,
)

pytestmark = pytest.mark.usefixtures("theme")


class Notes:
    """A memory for split views."""

    def __init__(self, **notes: str) -> None:
        self.notes = notes

    def read(self, key: str) -> str | None:
        return self.notes.get(key)

    def write(self, key: str, value: str) -> None:
        self.notes[key] = value


# Text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_text_everywhere(qtbot, text):
    box = QWidget()
    column = QVBoxLayout(box)
    banner = Banner("error", text)
    undo = UndoBar()
    pieces = [
        ElidedLabel(text),
        TextLabel(text),
        banner,
        undo,
        EmptyState("machine", text, text),
        SectionHeader(text, text),
        KeyValueList([Fact("Name", text, copyable=True)]),
        QPushButton(unmarked(text)),
    ]
    for piece in pieces:
        column.addWidget(piece)
    undo.offer(text)
    box.resize(500, 600)
    shown(qtbot, box)
    assert not box.grab().isNull()
    assert box.width() <= 1000, "it broke the layout"
    for label in box.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText or not label.text()
        assert not set(label.text()) & set("\x00\x07\x1b\x7f\u202e\u2066\u200f\x85")
        assert len(label.text().replace("\u200b", "")) <= 1000


def test_a_tooltip_is_never_taken_for_html():
    assert plain_tooltip("") == ""
    assert "&lt;b&gt;" in plain_tooltip("<b>x</b>")


def test_ampersands_stay_ampersands():
    assert unmarked("Rock & Roll") == "Rock && Roll"


def test_an_elided_label_shows_what_fits_and_tells_the_rest(qtbot):
    path = "/workspace/a/very/long/path/to/somewhere/ComfyUI"
    label = ElidedLabel(path)
    label.resize(120, 20)
    shown(qtbot, label)
    label.resize(120, 20)
    assert "…" in label.shown_text
    assert label.shown_text.startswith("/w")
    assert label.shown_text.endswith("UI")
    assert path in label.toolTip()
    label.resize(2000, 20)
    assert label.shown_text == path
    assert label.toolTip() == ""
    assert QAccessible.queryAccessibleInterface(label).text(QAccessible.Text.Name) == path


def test_a_word_without_end_is_broken_and_not_copied_broken(qtbot):
    label = shown(qtbot, TextLabel("see " + "a" * 200))
    label.resize(200, 300)
    assert label.minimumSizeHint().width() < 500
    assert label.textInteractionFlags() == Qt.TextInteractionFlag.NoTextInteraction
    label.setText("short")
    assert label.text() == "short"
    assert label.textInteractionFlags() == Qt.TextInteractionFlag.TextSelectableByMouse


# Buttons that say something


def test_copying_says_that_it_did_and_calms_down(qtbot):
    button = shown(qtbot, CopyButton("Copy the address", "ssh -p 1 <root>@h"))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "ssh -p 1 <root>@h"
    assert button.accessibleName() == "Copied"
    qtbot.waitUntil(lambda: button.accessibleName() == "Copy the address", timeout=3000)


def test_copying_asks_for_the_text_when_it_is_clicked(qtbot):
    texts = iter(["first", "second"])
    button = shown(qtbot, CopyButton("Copy", lambda: next(texts)))
    button.copy()
    button.copy()
    assert QGuiApplication.clipboard().text() == "second"
    button.hide()
    assert button.accessibleName() == "Copy", "a hidden button waits for nothing"


def test_a_banner_acts_and_closes(qtbot):
    clicked = []
    banner = shown(qtbot, Banner("warning", "Connection lost", closable=True))
    again = banner.add_action("Try again", lambda: clicked.append(1))
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    assert clicked == [1]
    banner.set_message("error", "Gone")
    assert (banner.kind, banner.accessibleName()) == ("error", "Gone")
    with qtbot.waitSignal(banner.dismissed):
        qtbot.mouseClick(banner.findChild(QToolButton), Qt.MouseButton.LeftButton)
    assert not banner.isVisible()


def test_an_empty_state_leads_on(qtbot):
    clicked = []
    empty = shown(qtbot, EmptyState("machine", "No machines yet", "Add one."))
    add = empty.add_action("Add a machine", lambda: clicked.append(1), "primary", "add")
    qtbot.mouseClick(add, Qt.MouseButton.LeftButton)
    assert clicked == [1]
    empty.set_message("Nothing found", "", "search")
    assert (empty.accessibleName(), empty.accessibleDescription()) == ("Nothing found", "")


# Undo


def test_undo_brings_back(qtbot):
    bar = UndoBar()
    box = QWidget()
    QVBoxLayout(box).addWidget(bar)
    shown(qtbot, box)
    ended = []
    bar.expired.connect(ended.append)
    bar.offer("Removed box-1", "box-1")
    assert bar.is_counting
    with qtbot.waitSignal(bar.undone) as told:
        qtbot.mouseClick(bar.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert told.args == ["box-1"]
    assert not bar.isVisible()
    assert not bar.is_counting
    assert ended == []


def test_an_offer_ends_by_itself_or_by_the_next_one(qtbot):
    bar = UndoBar(patience_s=0.2)
    box = QWidget()
    QVBoxLayout(box).addWidget(bar)
    shown(qtbot, box)
    ended = []
    bar.expired.connect(ended.append)
    bar.offer("Removed one", 1)
    bar.offer("Removed two", 2)
    assert ended == [1]
    qtbot.waitUntil(lambda: ended == [1, 2])
    bar.expire()
    assert ended == [1, 2], "once is enough"


def test_the_time_to_undo_stands_still_unseen_and_under_the_mouse(qtbot):
    bar = UndoBar()
    box = QWidget()
    QVBoxLayout(box).addWidget(bar)
    shown(qtbot, box)
    bar.offer("Removed", None)
    box.hide()
    assert not bar.is_counting
    box.show()
    assert bar.is_counting
    point = QPointF(1, 1)
    bar.event(QEnterEvent(point, point, point))
    assert not bar.is_counting
    bar.event(QEvent(QEvent.Type.Leave))
    assert bar.is_counting
    bar.expire()


# Search


def test_a_search_waits_until_one_stops_typing(qtbot):
    field = shown(qtbot, SearchField("Filter runs"))
    told = []
    field.searched.connect(told.append)
    qtbot.keyClicks(field, "comfy")
    assert told == []
    qtbot.waitUntil(lambda: told == ["comfy"])
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert told == ["comfy"], "the same is not searched twice"


def test_escape_clears_and_then_leaves(qtbot):
    field = shown(qtbot, SearchField("Filter runs"))
    told = []
    field.searched.connect(told.append)
    qtbot.keyClicks(field, "x")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert told == ["x", ""]
    with qtbot.waitSignal(field.escaped):
        qtbot.keyClick(field, Qt.Key.Key_Escape)


def test_a_search_says_how_much_is_left(qtbot):
    field = shown(qtbot, SearchField("Filter runs"))
    field.set_count(3, 12)
    assert field.count_text == field.accessibleDescription() == "3 of 12"
    field.set_count(7)
    assert field.count_text == "7"
    field.set_count(None)
    assert field.count_text == ""


def test_a_hidden_search_waits_for_nothing(qtbot):
    field = shown(qtbot, SearchField("Filter runs"))
    told = []
    field.searched.connect(told.append)
    qtbot.keyClicks(field, "x")
    field.hide()
    assert told == ["x"]


# Facts and panes


def test_facts_keep_their_rows(qtbot):
    facts = shown(qtbot, KeyValueList([Fact("Address", "a", copyable=True), Fact("State", "running")]))
    first = facts.findChildren(ElidedLabel)
    facts.set_facts([Fact("Address", "b", copyable=True), Fact("State", "")])
    assert facts.findChildren(ElidedLabel) == first
    assert facts.as_text() == "Address: b\nState: –"
    facts.findChild(CopyButton).copy()
    assert QGuiApplication.clipboard().text() == "b"
    facts.set_facts([Fact("Other", "c")])
    assert facts.as_text() == "Other: c"


def split_of(memory: Notes, **more) -> SplitView:
    split = SplitView("main", memory, (1, 3), **more)
    split.addWidget(QWidget())
    split.addWidget(QWidget())
    split.resize(801, 300)
    return split


def test_panes_come_back_as_they_were_left(qtbot):
    memory = Notes()
    split = shown(qtbot, split_of(memory))
    assert split.sizes() == [200, 600]
    split.handle(1).setFocus()
    for _ in range(5):
        qtbot.keyClick(split.handle(1), Qt.Key.Key_Right)
    left = split.sizes()
    assert left[0] == 280
    split.hide()
    assert memory.notes == {"main": "350,650"}
    again = shown(qtbot, split_of(memory))
    assert again.sizes() == left


@pytest.mark.parametrize("damaged", ["", "1", "1,2,3", "a,b", "-5,7", "0,0", "99999999999,1", "١,٢"])
def test_damaged_memories_are_forgotten(qtbot, damaged):
    assert shown(qtbot, split_of(Notes(main=damaged))).sizes() == [200, 600]
