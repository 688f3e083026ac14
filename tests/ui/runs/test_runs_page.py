"""The page of the history on a bridge with a small store behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog

from tests.ui.fakes import FakeBridge, instance, state_of, until
from tests.ui.run import stories
from tests.ui.runs.test_history_model import heads
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView
from vastdesk.ui.runs.items import Column
from vastdesk.ui.runs.page import RunsPage
from vastdesk.workers.observer import Changes


class FakeStore:
    """Every third run went well, the others did not."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.forgotten: list[str] = []
        self._views = (stories.succeeded(bad=0).view(), stories.succeeded(bad=2).view(), stories.ended("lost").view())

    async def view(self, run_id: str) -> RunView:
        self.read.append(run_id)
        return self._views[int(run_id[1:]) % 3]

    async def find_run(self, run_id: str) -> Any:
        names = {"id": run_id, "instance_id": "i0", "workflow": {"name": "ComfyUI"}, "state": "succeeded"}
        return SimpleNamespace(**names, created_ts=0.0, retry_of=None)

    async def forget_runs(self, ids: Iterable[str]) -> int:
        self.forgotten += sorted(ids)
        return len(self.forgotten)


class World:
    def __init__(self, count: int = 60) -> None:
        self.store = FakeStore()
        self.retried: list[str] = []
        self.bridge = FakeBridge(SimpleNamespace(store=self.store, retry=self._retry))
        self.state = state_of((instance("i0", "oslo"), instance("i1", "berlin")), heads(count))
        self.page = RunsPage(self.state, cast(Any, self.bridge))
        self.page.resize(1280, 700)
        self.opened: list[str] = []
        self.page.opened.connect(self.opened.append)

    async def _retry(self, run_id: str) -> Any:
        self.retried.append(run_id)
        return SimpleNamespace(id="new")

    def choose(self, *rows: int) -> None:
        selection = self.page.table.selectionModel()
        selection.clear()
        flags = QItemSelectionModel.SelectionFlag
        for row in rows:
            selection.select(self.page.model.index(row, 0), flags.Select | flags.Rows)

    def ids(self) -> list[str]:
        return [item.id for item in self.page.model.items.shown]

    @property
    def rows(self) -> int:
        return self.page.model.rowCount()


@pytest.fixture
async def world(qapp, theme) -> AsyncIterator[World]:
    made = World()
    made.page.show()
    await until(lambda: made.store.read)
    await until(lambda: not made.page._tasks.is_running("counts"))
    yield made
    made.page.undo_bar.blockSignals(True)
    made.page.close()
    made.page.deleteLater()
    await asyncio.sleep(0)


async def test_numbers_are_read_only_for_the_rows_one_sees(world: World) -> None:
    seen = len(world.store.read)
    assert 0 < seen < 30
    assert str(world.page.model.index(2, Column.DONE).data()).startswith("3 of 12 nodes")
    world.page.table.scrollToBottom()
    await until(lambda: "r59" in world.store.read)
    await until(lambda: not world.page._tasks.is_running("counts"))
    assert len(world.store.read) == len(set(world.store.read)), "nothing is read twice"


async def test_a_hidden_page_reads_nothing(world: World) -> None:
    world.page.hide()
    before = len(world.store.read)
    world.state.take(Changes(history=heads(80)))
    await asyncio.sleep(0)
    assert world.rows == 60
    assert len(world.store.read) == before
    assert not world.page._clock.isActive()
    world.page.show()
    assert world.rows == 80


async def test_enter_and_double_click_open(world: World) -> None:
    world.choose(3)
    QTest.keyClick(world.page.table, Qt.Key.Key_Return)
    place = world.page.table.visualRect(world.page.model.index(5, 1)).center()
    QTest.mouseClick(world.page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(world.page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert world.opened == ["r3", "r5"]


async def test_typing_filters_and_the_count_is_said(world: World) -> None:
    field = world.page._bar.field
    QTest.keyClicks(field, "oslo")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert world.rows == 20
    assert field.count_text == "20 of 60"
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert world.rows == 60


async def test_state_and_machine_filters(world: World) -> None:
    states, machines = world.page._bar.findChildren(QComboBox)
    states.setCurrentIndex(states.findData("failed"))
    states.activated.emit(states.currentIndex())
    assert {item.state for item in world.page.model.items.shown} == {"failed", "lost", "interrupted"}
    machines.setCurrentIndex(machines.findData("i1"))
    machines.activated.emit(machines.currentIndex())
    assert {item.instance for item in world.page.model.items.shown} == {"berlin"}
    world.page._bar.clear()
    assert world.rows == 60


async def test_the_selection_survives_a_new_history(world: World) -> None:
    world.choose(4, 7)
    world.state.take(Changes(history=heads(61)[:1] + heads(60)[1:]))
    assert [item.id for item in world.page.chosen()] == ["r4", "r7"]
    world.page.table.sortByColumn(Column.WORKFLOW, Qt.SortOrder.AscendingOrder)
    assert sorted(item.id for item in world.page.chosen()) == ["r4", "r7"]


async def test_run_again_starts_a_new_run_and_opens_it(world: World) -> None:
    world.choose(0)
    assert not world.page.actions_of_runs.again.isEnabled()
    assert world.page.actions_of_runs.again.statusTip() == "The run is still on."
    world.choose(5)
    world.page.actions_of_runs.again.trigger()
    await until(lambda: world.opened)
    assert (world.retried, world.opened) == (["r5"], ["new"])


async def test_a_refusal_is_told_in_the_page(world: World) -> None:
    world.bridge.error = VastDeskError("instance_busy", run="r0", instance="oslo")
    world.choose(5)
    world.page.actions_of_runs.again.trigger()
    await until(lambda: world.page._failures.banner is not None)
    assert not world.opened


async def test_two_runs_are_compared(world: World) -> None:
    world.choose(4)
    assert not world.page.actions_of_runs.compare.isEnabled()
    world.choose(3, 5)
    world.page.actions_of_runs.compare.trigger()
    await until(world.page._compare.isVisible)
    shown = world.page._compare.model
    texts = [shown.index(row, column).data() for row in range(shown.rowCount()) for column in range(3)]
    assert any("ComfyUI-Node-5" in str(text) for text in texts)
    assert "Lost" in texts
    assert not world.page.grab().isNull()


async def test_runs_that_ended_the_same_say_so(world: World) -> None:
    world.choose(3, 6)
    world.page.actions_of_runs.compare.trigger()
    await until(world.page._compare.isVisible)
    assert world.page._compare.model.rowCount() == 0
    assert world.page._compare._same.isVisible()


async def test_clearing_hides_at_once_and_can_be_undone(world: World) -> None:
    world.page.actions_of_runs.clear.trigger()
    assert world.ids() == ["r0", "r1"]
    assert not world.store.forgotten
    world.page.undo_bar.undone.emit(tuple(f"r{at}" for at in range(2, 60)))
    assert world.rows == 60
    await asyncio.sleep(0)
    assert not world.store.forgotten


async def test_what_is_not_undone_is_forgotten(world: World) -> None:
    world.choose(2, 3)
    QTest.keyClick(world.page.table, Qt.Key.Key_Delete)
    assert world.rows == 58
    world.page.undo_bar.expire()
    await until(lambda: world.store.forgotten)
    assert world.store.forgotten == ["r2", "r3"]


async def test_closing_the_window_ends_the_wait(world: World) -> None:
    world.choose(2)
    world.page.actions_of_runs.remove.trigger()
    await world.page.finish()
    assert world.store.forgotten == ["r2"]
    await world.page.finish()
    assert world.store.forgotten == ["r2"]


async def test_what_cannot_be_forgotten_comes_back(world: World) -> None:
    world.bridge.error = VastDeskError("store_locked", path="vastdesk.db")
    world.choose(2)
    world.page.actions_of_runs.remove.trigger()
    world.page.undo_bar.expire()
    await until(lambda: world.page._failures.banner is not None)
    assert world.rows == 60


@pytest.mark.parametrize("as_json", [True, False])
async def test_exports(world: World, tmp_path: Path, as_json: bool) -> None:
    world.choose(3, 4)
    action = world.page.actions_of_runs.export_json if as_json else world.page.actions_of_runs.export_text
    action.trigger()
    await until(lambda: world.page.findChild(QFileDialog) is not None)
    dialog = world.page.findChild(QFileDialog)
    path = tmp_path / "runs.out"
    dialog.fileSelected.emit(str(path))
    dialog.accept() if dialog.result() else dialog.done(1)
    await until(lambda: world.page._failures.banner is not None)
    text = path.read_text("utf-8")
    if as_json:
        assert [run["type"] for run in json.loads(text)["runs"]] == ["show", "show"]
    else:
        assert text.count("workflow: Test") == 2


async def test_rows_are_copied(world: World) -> None:
    world.choose(3)
    QTest.keyClick(world.page.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().splitlines()[1].endswith("\tr3")


async def test_empty_says_what_it_is_for(qapp, theme) -> None:
    page = RunsPage(state_of(), cast(Any, FakeBridge()))
    page.show()
    assert page._none.isVisible()
    page.close()
    page.deleteLater()


async def test_every_control_has_a_name(world: World) -> None:
    world.choose(3)
    nameless = [
        type(button).__name__
        for button in world.page.findChildren(QAbstractButton)
        if not (button.text() or button.accessibleName()) and type(button) is not QAbstractButton
    ]
    assert not nameless
    assert all(box.accessibleName() for box in world.page.findChildren(QComboBox))


async def test_narrow_tables_give_up_columns_not_rows(world: World) -> None:
    table = world.page.table
    assert not table.isColumnHidden(Column.SUCCESS)
    world.page.resize(700, 500)
    await until(lambda: table.isColumnHidden(Column.SUCCESS))
    assert not table.isColumnHidden(Column.WORKFLOW)
    assert not table.isColumnHidden(Column.STATE)
    world.page.resize(1400, 500)
    await until(lambda: not table.isColumnHidden(Column.SUCCESS))
