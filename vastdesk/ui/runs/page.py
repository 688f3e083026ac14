"""The history of all machines: find a run, open it, run it again, compare two, export, clear."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHeaderView, QMenu, QStackedLayout, QVBoxLayout, QWidget

from vastdesk.domain.views import RunView
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import EmptyState, Memory, SectionHeader, SplitView, UndoBar, choose_file
from vastdesk.ui.run.page import Forgetful
from vastdesk.ui.runs.bar import RunsActions, RunsBar
from vastdesk.ui.runs.clearing import Clearing
from vastdesk.ui.runs.compare import ComparePane
from vastdesk.ui.runs.items import SORTABLE, Column, Filter, Item
from vastdesk.ui.runs.model import RunsModel
from vastdesk.ui.runs.numbers import Numbers
from vastdesk.ui.runs.table import RowTable
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine

_TICK_MS = 1000
_CALM_TICK_MS = 30_000
_WIDTHS = {
    Column.STATE: 36,
    Column.WORKFLOW: 60,
    Column.INSTANCE: 44,
    Column.STARTED: 36,
    Column.TOOK: 22,
    Column.DONE: 48,
    Column.SUCCESS: 22,
}


class RunsPage(QWidget):
    """`opened(run_id)`: the window shows that run. Before the bridge is closed: `await finish()`."""

    opened = Signal(str)

    def __init__(
        self, state: State, bridge: Bridge, parent: QWidget | None = None, *, memory: Memory | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self._stale = True
        self._tasks = ViewTasks(self)
        self._model = RunsModel(self)
        self._chosen_ids: list[str] = []
        self._changed_ids: set[str] = set()
        self.actions_of_runs = RunsActions(self)
        self._clock = QTimer(self)
        self._build(memory or Forgetful())
        self._connect()
        self._show_history()

    @property
    def table(self) -> RowTable:
        return self._table

    @property
    def model(self) -> RunsModel:
        return self._model

    @property
    def undo_bar(self) -> UndoBar:
        return self._clearing.bar

    def focus_search(self) -> None:
        """For Ctrl+F."""
        self._bar.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._bar.field.selectAll()

    async def finish(self) -> None:
        """What was cleared stays cleared: the window closes."""
        await self._clearing.finish()

    def chosen(self) -> list[Item]:
        """The runs of the chosen rows, from the top."""
        return [self._model.item(row) for row in self._table.chosen_rows()]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._show_history()
        self._numbers.look_soon()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._numbers.stop()
        self._clock.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._numbers.look_soon()

    # -- building ----------------------------------------------------------------------------------------------------

    def _build(self, memory: Memory) -> None:
        self._header = SectionHeader(self.tr("Runs"), role="headline")
        self._bar = RunsBar(self.actions_of_runs)
        self._failures = FailurePlace()
        self._table = RowTable(self.tr("All runs"))
        self._table.setModel(self._model)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._table.setSortingEnabled(True)
        self._table.sortByColumn(Column.STARTED, Qt.SortOrder.DescendingOrder)
        for section, units in _WIDTHS.items():
            self._table.setColumnWidth(section, space(units))
        self._table.horizontalHeader().setSectionResizeMode(Column.WORKFLOW, QHeaderView.ResizeMode.Stretch)
        self._table.set_yielding((Column.SUCCESS, Column.TOOK, Column.DONE, Column.STARTED))
        self._none = EmptyState(
            "history",
            self.tr("No runs yet"),
            self.tr("Every run of every machine is listed here, as long as you keep it."),
        )
        self._no_hits = EmptyState("search", self.tr("No run matches"))
        self._no_hits.add_action(self.tr("Show all runs"), self._bar.clear)
        self._compare = ComparePane()
        self._compare.hide()
        self._clearing = Clearing(self._model, self._bridge, self._tasks, self)
        self._numbers = Numbers(self._table, self._model, self._state, self._bridge, self._tasks)
        lists = QWidget()
        lists.setBackgroundRole(QPalette.ColorRole.Base)
        lists.setAutoFillBackground(True)
        self._stack = QStackedLayout()
        inner = QVBoxLayout(lists)
        inner.setContentsMargins(space(3), 0, 0, 0)
        inner.addLayout(self._stack)
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._none)
        self._stack.addWidget(self._no_hits)
        self._split = SplitView("runs", memory, (55, 45))
        self._split.addWidget(lists)
        self._split.addWidget(self._compare)
        top = QVBoxLayout()
        top.setContentsMargins(space(5), space(4), space(4), space(3))
        top.setSpacing(space(3))
        for widget in (self._header, self._failures, self._bar):
            top.addWidget(widget)
        bottom = QVBoxLayout()
        bottom.setContentsMargins(space(5), space(1), space(4), space(1))
        bottom.addWidget(self._clearing.bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._split, 1)
        column.addLayout(bottom)
        self.setFocusProxy(self._table)

    def _connect(self) -> None:
        actions, table = self.actions_of_runs, self._table
        actions.open.triggered.connect(self._on_open)
        actions.again.triggered.connect(self._on_again)
        actions.compare.triggered.connect(self._on_compare)
        actions.copy.triggered.connect(self._on_copy)
        actions.export_text.triggered.connect(self._on_export_text)
        actions.export_json.triggered.connect(self._on_export_json)
        actions.remove.triggered.connect(self._on_remove)
        actions.clear.triggered.connect(self._on_clear)
        table.opened.connect(self._on_open)
        table.copied.connect(self._on_copy)
        table.deleted.connect(self._on_remove)
        table.customContextMenuRequested.connect(self._on_menu)
        table.selectionModel().selectionChanged.connect(self._on_chosen)
        table.horizontalHeader().sortIndicatorChanged.connect(self._on_sort_indicator)
        self._model.modelAboutToBeReset.connect(self._on_about_to_reset)
        self._model.modelReset.connect(self._on_reset)
        self._bar.narrowed.connect(self._on_narrowed)
        self._bar.field.escaped.connect(table.setFocus)
        self._compare.closed.connect(self._compare.hide)
        self._tasks.failed.connect(self._failures.show_error)
        self._clock.timeout.connect(self._on_tick)
        self._state.history_changed.connect(self._on_history_changed)
        self._state.instances_changed.connect(self._on_history_changed)
        self._state.runs_changed.connect(self._on_runs_changed)

    # -- showing -----------------------------------------------------------------------------------------------------

    def _on_history_changed(self) -> None:
        if self.isVisible():
            self._show_history()
        else:
            self._stale = True

    def _show_history(self) -> None:
        self._stale = False
        self._bar.show_instances(self._state.instances)
        self._model.take(self._state)
        on = any(head.ended_ts is None for head in self._state.history)
        self._clock.setInterval(_TICK_MS if on else _CALM_TICK_MS)

    def _on_runs_changed(self, changed: frozenset[str]) -> None:
        """Many a second while something runs; the list follows once a second."""
        self._changed_ids |= changed

    def _on_tick(self) -> None:
        views, changed = self._state.views, self._changed_ids
        if changed:
            self._model.take_states({id: views[id].state for id in changed if id in views})
            self._numbers.take_live([item for item in self._model.items.shown if item.id in changed])
            changed.clear()
        seen = self._numbers.seen_rows()
        self._model.refresh(seen.start, seen.stop - 1)

    def _on_narrowed(self, wanted: Filter) -> None:
        self._model.set_filter(wanted)
        self._table.scrollToTop()

    def _on_sort_indicator(self, column: int, order: Qt.SortOrder) -> None:
        """Numbers that are read only for what one sees cannot be sorted by: the arrow goes back."""
        if Column(column) not in SORTABLE:
            items = self._model.items
            back = Qt.SortOrder.DescendingOrder if items.descending else Qt.SortOrder.AscendingOrder
            self._table.horizontalHeader().setSortIndicator(items.column, back)

    def _on_about_to_reset(self) -> None:
        self._chosen_ids = [item.id for item in self.chosen()]

    def _on_reset(self) -> None:
        self._choose(self._chosen_ids)
        items = self._model.items
        shown, total = len(items.shown), items.total
        self._stack.setCurrentIndex(0 if shown else 1 if not total else 2)
        self._header.set_note(self.tr("{count} in all").format(count=f"{total:,}") if total else "")
        self._bar.field.set_count(None if items.filter.is_open else shown, total)
        self._look_at_actions()
        self._numbers.look_soon()

    def _choose(self, run_ids: list[str]) -> None:
        """Those of them that are shown."""
        wanted = set(run_ids)
        if wanted:
            self._table.choose_rows([row for row, item in enumerate(self._model.items.shown) if item.id in wanted])

    def _on_chosen(self, *_: object) -> None:
        self._look_at_actions()

    def _look_at_actions(self) -> None:
        items = self._model.items
        over = any(item.is_over for item in items.shown)
        busy = self._tasks.is_running("command")
        self.actions_of_runs.update(self.chosen(), len(items.shown), int(over), busy=busy)

    # -- what can be done --------------------------------------------------------------------------------------------

    def _on_open(self) -> None:
        chosen = self.chosen()
        if len(chosen) == 1:
            self.opened.emit(chosen[0].id)

    def _on_again(self) -> None:
        chosen = self.chosen()
        if len(chosen) == 1 and not self._tasks.is_running("command"):
            self._failures.clear()
            self._tasks.spawn(self._run_again(chosen[0].id), "command")

    async def _run_again(self, run_id: str) -> None:
        row = await self._bridge.call(lambda engine: engine.retry(run_id))
        self.opened.emit(row.id)

    def _on_compare(self) -> None:
        chosen = self.chosen()
        if len(chosen) == 2:
            self._failures.clear()
            # The older one stands at the left, however the list is sorted.
            left, right = sorted(chosen, key=lambda item: item.head.created_ts)
            self._tasks.restart(self._show_comparison(left.id, right.id), "compare")

    async def _show_comparison(self, left: str, right: str) -> None:
        async def read(engine: Engine) -> Mapping[str, RunView]:
            from vastdesk.workers.history import run_views

            return await run_views(engine, (left, right))

        views = await self._bridge.call(read)
        if left in views and right in views:
            self._compare.compare(views[left], views[right])
            self._compare.show()

    def _on_copy(self) -> None:
        rows = self._table.chosen_rows()
        QGuiApplication.clipboard().setText(self._model.as_text(rows or range(self._model.rowCount())))

    def _on_menu(self, place: QPoint) -> None:
        actions = self.actions_of_runs
        menu = QMenu(self._table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions((actions.open, actions.again, actions.compare))
        menu.addSeparator()
        menu.addActions((actions.copy, actions.export_text, actions.export_json, actions.remove))
        menu.popup(self._table.viewport().mapToGlobal(place))

    def _on_export_text(self) -> None:
        self._tasks.restart(self._export(as_json=False), "export")

    def _on_export_json(self) -> None:
        self._tasks.restart(self._export(as_json=True), "export")

    async def _export(self, *, as_json: bool) -> None:
        """The chosen runs, or all on the list."""
        ids = [item.id for item in self.chosen() or self._model.items.shown]
        name = self.tr("JSON (*.json)") if as_json else self.tr("Text (*.txt)")
        suggested = "runs.json" if as_json else "runs.txt"
        path = await choose_file(self, self.tr("Export runs"), (name,), suggested=suggested, save=True)
        if path is None:
            return

        async def write(engine: Engine) -> int:
            from vastdesk.workers.history import export_runs

            return await export_runs(engine, ids, Path(path), as_json=as_json)

        count = await self._bridge.call(write)
        self._failures.show_message("info", self.tr("{count} runs written to {path}").format(count=count, path=path))

    def _on_remove(self) -> None:
        self._clearing.clear([item.id for item in self.chosen() if item.is_over])

    def _on_clear(self) -> None:
        self._clearing.clear(self._model.items.finished())
