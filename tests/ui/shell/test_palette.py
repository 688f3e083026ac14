"""Ctrl+K: what is typed, what fits, what happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QAbstractItemModel, QCoreApplication, QEvent, Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES
from vastdesk.ui.shell.matching import fit, folded
from vastdesk.ui.shell.palette import Entry, EntryModel, Palette


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("set", "Settings", "Reset the window"),
        ("run", "All runs", "Quit, interrupted unknown"),
        ("box-2", "box-2", "a box-shaped 2"),
        ("add", "Add a machine", "Keyboard and more"),
        ("uber", "Über VastDesk", "xuxbxexr"),
    ],
)
def test_the_better_match_wins(typed: str, better: str, worse: str) -> None:
    good, bad = fit(folded(typed), folded(better)), fit(folded(typed), folded(worse))
    assert good is not None
    assert bad is None or good > bad


@pytest.mark.parametrize(("typed", "text"), [("xyz", "Settings"), ("qqq", "Quit quietly"), ("run zzz", "run")])
def test_what_does_not_fit(typed: str, text: str) -> None:
    assert fit(folded(typed), folded(text)) is None


def test_nothing_typed_fits_everything() -> None:
    assert fit("", "anything") == 0


@pytest.fixture
def parent(qtbot: QtBot, theme: object) -> Iterator[QWidget]:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(900, 700)
    widget.show()
    yield widget
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def entries(done: list[str]) -> list[Entry]:
    def entry(text: str, reason: str = "") -> Entry:
        def act() -> None:
            done.append(text)

        return Entry(text, "File", QIcon(), act, "Ctrl+A", reason)

    return [entry("Cancel the run", "No run is open."), entry("Settings"), entry("Quit"), *map(entry, HOSTILE_NAMES)]


def test_the_model_keeps_the_rules_of_models(qapp: object) -> None:
    model = EntryModel(entries([]))
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.QtTest)
    assert isinstance(model, QAbstractItemModel)
    for typed in ("", "set", "zzzz", "q"):
        model.search(typed)
    assert model.rowCount() == 1


def test_what_cannot_be_done_now_stands_last_and_says_why(qapp: object) -> None:
    model = EntryModel(entries([]))
    last = model.index(model.rowCount() - 1)
    assert last.data() == "Cancel the run"
    assert "No run is open." in last.data(Qt.ItemDataRole.AccessibleTextRole)
    assert not model.flags(last) & Qt.ItemFlag.ItemIsEnabled


def test_enter_does_what_is_chosen_and_closes(qtbot: QtBot, parent: QWidget) -> None:
    done: list[str] = []
    palette = Palette(entries(done), parent)
    palette.show()
    field = palette.focusWidget() or palette
    qtbot.keyClicks(field, "quit")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert done == ["Quit"]
    assert not palette.isVisible()


def test_the_arrows_step_over_what_cannot_be_done(qtbot: QtBot, parent: QWidget) -> None:
    done: list[str] = []
    palette = Palette(entries(done)[:3], parent)
    palette.show()
    field = palette.focusWidget() or palette
    qtbot.keyClick(field, Qt.Key.Key_Up)  # from the first over the end: to the last that can be done
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert done == ["Quit"]
    again = Palette(entries(done), parent)
    again.show()
    qtbot.keyClicks(again.focusWidget() or again, "zzzz")
    qtbot.keyClick(again.focusWidget() or again, Qt.Key.Key_Return)
    assert done == ["Quit"]
    again.close()
