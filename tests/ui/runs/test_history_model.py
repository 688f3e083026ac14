"""The history as a table: filtered and sorted in Python, whole after every change, fast with ten thousand runs."""

from __future__ import annotations

import random
import time

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from tests.ui.fakes import HOSTILE_NAMES, instance, state_of
from vastdesk.domain.counts import RunCounts
from vastdesk.ui.runs.items import GROUPS, SORTABLE, Column, Filter
from vastdesk.ui.runs.model import RunsModel
from vastdesk.ui.runs.words import relative
from vastdesk.ui.state import State
from vastdesk.workers.observer import Changes, RunHead

NOW = 1_750_000_000.0
ENDS = ("succeeded", "failed", "cancelled", "lost", "interrupted")


def heads(count: int, name: str = "ComfyUI") -> tuple[RunHead, ...]:
    """Newest first, the first two are on."""
    chance = random.Random(5)
    made = []
    for at in range(count):
        state = ("running", "blocked")[at] if at < 2 else ENDS[at % len(ENDS)]
        start = NOW - at * 100
        end = None if at < 2 else start + chance.randint(1, 5000)
        made.append(RunHead(f"r{at}", f"i{at % 3}", f"{name} {at % 7}", state, start, end, None, 1))
    return tuple(made)


def history(count: int, name: str = "ComfyUI") -> State:
    return state_of((instance("i0", "oslo"), instance("i1", "berlin")), heads(count, name))


@pytest.fixture
def model(qapp) -> RunsModel:
    model = RunsModel(clock=lambda: NOW)
    model._tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.take(history(50))
    return model


def ids(model: RunsModel) -> list[str]:
    return [item.id for item in model.items.shown]


def cell(model: RunsModel, row: int, column: Column) -> str:
    return str(model.index(row, column).data())


def test_a_row_says_what_a_run_was(model: RunsModel) -> None:
    assert cell(model, 0, Column.STATE) == "Running"
    assert cell(model, 5, Column.WORKFLOW) == "ComfyUI 5"
    assert cell(model, 1, Column.INSTANCE) == "berlin"
    assert cell(model, 2, Column.INSTANCE) == "(removed)"
    assert cell(model, 4, Column.STARTED) == "6 min ago"
    assert "20" in str(model.index(4, Column.STARTED).data(Qt.ItemDataRole.ToolTipRole))
    assert cell(model, 3, Column.DONE) == ""


@pytest.mark.parametrize(
    ("ago_s", "words"), [(0, "just now"), (59, "just now"), (60, "1 min ago"), (3599, "59 min ago")]
)
def test_when_it_was_in_words(ago_s: float, words: str) -> None:
    assert relative(NOW - ago_s, NOW) == words


def test_filters_work_together(model: RunsModel) -> None:
    model.set_filter(Filter("comfyui", "failed", "i0"))
    shown = [(item.state, item.head.instance_id) for item in model.items.shown]
    assert shown
    assert all(state in GROUPS["failed"] and machine == "i0" for state, machine in shown)
    model.set_filter(Filter("OSLO comfyui"))
    assert {item.instance for item in model.items.shown} == {"oslo"}
    model.set_filter(Filter("nothing like it"))
    assert not ids(model)
    model.set_filter(Filter())
    assert len(ids(model)) == 50


@pytest.mark.parametrize("column", sorted(SORTABLE))
def test_sorting_both_ways(model: RunsModel, column: Column) -> None:
    model.sort(column, Qt.SortOrder.AscendingOrder)
    up = ids(model)
    model.sort(column, Qt.SortOrder.DescendingOrder)
    assert sorted(up) == sorted(ids(model))
    assert up != ids(model)


def test_what_is_read_only_for_seen_rows_is_not_sorted_by(model: RunsModel) -> None:
    before = ids(model)
    model.sort(Column.SUCCESS, Qt.SortOrder.AscendingOrder)
    assert ids(model) == before


def test_numbers_appear_when_they_were_read(model: RunsModel) -> None:
    item = model.item(3)
    model.take_counts({item.id: RunCounts(34, 2, 36, nodes=True)}, {item.id: item.head.ended_ts})
    assert cell(model, 3, Column.DONE) == "34 of 36 nodes, 2 failed"
    assert cell(model, 3, Column.SUCCESS) == "94 %"


def test_a_new_end_makes_old_numbers_worthless(model: RunsModel) -> None:
    """A run that was resumed and ended again is read again."""
    item = model.item(3)
    model.take_counts({item.id: RunCounts(1, 2, 3, nodes=True)}, {item.id: item.head.ended_ts})
    state = history(50)
    changed = [head if head.id != item.id else RunHead(*_later(head)) for head in state.history]
    state.take(Changes(history=tuple(changed)))
    model.take(state)
    assert cell(model, 3, Column.DONE) == ""


def _later(head: RunHead) -> tuple[object, ...]:
    fields = {name: getattr(head, name) for name in RunHead.__slots__}
    return tuple({**fields, "ended_ts": fields["ended_ts"] + 500}.values())


def test_open_runs_change_their_state_where_they_stand(model: RunsModel) -> None:
    kept = QPersistentModelIndex(model.index(4, 0))
    model.take_states({"r0": "reconnecting"})
    assert cell(model, 0, Column.STATE) == "Reconnecting"
    assert kept.row() == 4
    model.set_filter(Filter(group="on"))
    kept = QPersistentModelIndex(model.index(0, 0))
    model.take_states({"r0": "blocked"})
    assert ids(model) == []
    assert not kept.isValid()


def test_hidden_runs_come_back_and_vanish_with_the_history(model: RunsModel) -> None:
    model.hide(["r5", "r6"])
    assert len(ids(model)) == 48
    assert model.items.total == 48
    model.unhide(["r5"])
    assert "r5" in ids(model) and "r6" not in ids(model)
    state = history(50)
    state.take(Changes(history=tuple(head for head in state.history if head.id != "r6")))
    model.take(state)
    assert not model.items.hidden


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_text(model: RunsModel, name: str) -> None:
    model.take(history(10, name))
    shown, tip = cell(model, 3, Column.WORKFLOW), model.index(3, Column.WORKFLOW).data(Qt.ItemDataRole.ToolTipRole)
    assert "\n" not in shown and "\u202e" not in shown and len(shown) <= 200
    assert "<img" not in str(tip)


def test_copied_rows_can_be_pasted_into_a_spreadsheet(model: RunsModel) -> None:
    header, row = model.as_text([3]).splitlines()
    assert header.split("\t")[0] == "State"
    assert row.split("\t")[-1] == "r3"
    assert len(row.split("\t")) == len(header.split("\t"))


def test_ten_thousand_runs_cost_little(qapp) -> None:
    """Nothing the list does takes the window away for 50 ms; here with room for a busy machine."""
    state = history(10_000)
    model = RunsModel(clock=lambda: NOW)
    took: dict[str, float] = {}

    def timed(name: str, what: object) -> None:
        begin = time.process_time()
        what()  # type: ignore[operator]
        took[name] = time.process_time() - begin

    timed("take", lambda: model.take(state))
    timed("take again", lambda: model.take(state))
    timed("filter", lambda: model.set_filter(Filter("comfyui 3 oslo", "failed")))
    timed("all", lambda: model.set_filter(Filter()))
    for column in SORTABLE:
        timed(column.name, lambda column=column: model.sort(column, Qt.SortOrder.AscendingOrder))
    timed("states", lambda: model.take_states({"r0": "reconnecting"}))
    assert max(took.values()) < 0.25, took
