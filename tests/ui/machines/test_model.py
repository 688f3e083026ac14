"""The rows of the list: what they say, and that they stay themselves."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from tests.ui.fakes import HOSTILE_NAMES, instance, state_of
from tests.ui.machines.fakes import head
from vastdesk.domain.views import RunView
from vastdesk.ui.machines.model import MachineModel
from vastdesk.ui.state import State
from vastdesk.workers.observer import Changes


def checked(state: State) -> MachineModel:
    model = MachineModel(state)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    return model


def names(model: MachineModel) -> list[str]:
    return [row.name for row in model.rows]


def test_a_row_tells_the_run_that_is_on_else_the_newest(qapp: QApplication) -> None:
    history = (head("r3", "a"), head("r2", "a", "running", None), head("r1", "b", "failed"))
    view = RunView(run="r2", state="running", progress_percent=42)
    model = checked(state_of((instance("a"), instance("b"), instance("c")), history, {"r2": view}))
    assert [(row.run, row.state, row.percent) for row in model.rows] == [
        ("r2", "running", 42),
        ("r1", "failed", None),
        ("", "", None),
    ]


def test_a_picture_that_changed_changes_only_its_row(qapp: QApplication) -> None:
    state = state_of((instance("a"), instance("b")), (head("r1", "b", "running", None),))
    model = checked(state)
    changed: list[int] = []
    model.dataChanged.connect(lambda first, last: changed.append(first.row()))
    state.take(Changes(views={"r1": RunView(run="r1", state="running", progress_percent=7)}))
    state.take(Changes(views={"other": RunView(run="other", state="running")}))
    assert changed == [1] and model.rows[1].percent == 7


def test_rows_stay_themselves_while_others_come_go_and_move(qapp: QApplication) -> None:
    rng = random.Random(3)
    state = state_of(tuple(instance(f"i{n}") for n in range(12)))
    model = checked(state)
    held = QPersistentModelIndex(model.index(5))
    for _ in range(60):
        ids = rng.sample([f"i{n}" for n in range(12)], rng.randrange(12))
        state.take(Changes(instances=tuple(instance(id) for id in ids)))
        assert names(model) == ids
        assert not held.isValid() or held.data() == "i5"


def test_the_filter_looks_at_name_address_and_state(qapp: QApplication) -> None:
    state = state_of(
        (instance("a", "Berlin"), instance("b", "box", host="198.51.100.9")), (head("r", "b", "running", None),)
    )
    model = checked(state)
    for text, shown in (("berl", ["Berlin"]), ("198.51", ["box"]), ("BOX running", ["box"]), ("nobody", [])):
        model.set_filter(text)
        assert names(model) == shown
    model.set_filter("running")
    state.take(Changes(views={"r": RunView(run="r", state="failed")}))
    assert names(model) == []
    assert model.total == 2


def test_a_new_name_stands_until_it_is_stored_or_refused(qapp: QApplication) -> None:
    state = state_of((instance("a", "old"), instance("b")))
    model = checked(state)
    asked: list[tuple[str, str]] = []
    model.renamed.connect(lambda id, name: asked.append((id, name)))
    assert model.setData(model.index(model.row_of("a")), "  new ")
    assert asked == [("a", "new")] and names(model) == ["b", "new"]
    model.refused("a")
    assert "old" in names(model)
    model.setData(model.index(model.row_of("a")), "new")
    model.carried_out("a")
    assert "new" in names(model)
    state.take(Changes(instances=(instance("a", "stored otherwise"), instance("b"))))
    assert "stored otherwise" in names(model)
    assert not model.setData(model.index(0), "   ") and len(asked) == 2


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_is_text_whatever_it_holds(qapp: QApplication, name: str) -> None:
    model = checked(state_of((instance("a", name),)))
    index = model.index(0)
    shown = index.data()
    assert "\n" not in shown and "\x1b" not in shown and "\u202e" not in shown and len(shown) <= 200
    assert "<b>" not in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "203.0.113.7" in index.data(Qt.ItemDataRole.AccessibleTextRole)
