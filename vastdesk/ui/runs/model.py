"""The history as a table. Only rows that are seen are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from vastdesk.domain.counts import RunCounts
from vastdesk.domain.sentences import format_duration
from vastdesk.ui.kit import plain_tooltip, state_look
from vastdesk.ui.runs.items import SORTABLE, Column, Filter, Item, Items
from vastdesk.ui.runs.words import exact, relative
from vastdesk.ui.theme import ColourName, icon, tokens

if TYPE_CHECKING:
    from vastdesk.ui.state import State

Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_COLUMNS = len(Column)
_NUMBERS = frozenset({Column.TOOK, Column.DONE, Column.SUCCESS})


class RunsModel(QAbstractTableModel):
    """`take(state)` for a new history, `take_states` for what open runs became, `set_filter`, `sort`, `hide`."""

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._clock = clock
        self._items = Items()
        self._headers = (
            self.tr("State"),
            self.tr("Workflow"),
            self.tr("Machine"),
            self.tr("Started"),
            self.tr("Took"),
            self.tr("Done"),
            self.tr("Success"),
        )

    @property
    def items(self) -> Items:
        return self._items

    def item(self, row: int) -> Item:
        """The run in a row."""
        return self._items.shown[row]

    def row_of(self, run_id: str) -> int:
        """-1 when it is not shown."""
        return next((row for row, item in enumerate(self._items.shown) if item.id == run_id), -1)

    # -- changing ----------------------------------------------------------------------------------------------------

    def take(self, state: State) -> None:
        """The history of now."""
        names = {instance.id: instance.name for instance in state.instances}
        states = {id: view.state for id, view in state.views.items()}
        self.beginResetModel()
        self._items.take(state.history, names, states, self.tr("(removed)"))
        self.endResetModel()

    def take_states(self, states: Mapping[str, str]) -> None:
        """Of open runs, newer than the history."""
        before = self._items.shown
        known = {item.id: item.state for item in before}
        if all(known.get(id, state) == state for id, state in states.items()):
            return
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        ids = [before[index.row()].id for index in old]
        self._items.set_states(states)
        rows = {item.id: row for row, item in enumerate(self._items.shown)} if old else {}
        new = [
            self.index(rows[id], index.column()) if id in rows else QModelIndex()
            for id, index in zip(ids, old, strict=True)
        ]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def set_filter(self, wanted: Filter) -> None:
        if wanted != self._items.filter:
            self._items.filter = wanted
            self._rearrange()

    def hide(self, run_ids: Iterable[str]) -> None:
        """They are cleared, until `unhide` or until the history lacks them."""
        self._items.hidden.update(run_ids)
        self._rearrange()

    def unhide(self, run_ids: Iterable[str]) -> None:
        self._items.hidden.difference_update(run_ids)
        self._rearrange()

    def take_counts(self, counts: Mapping[str, RunCounts], ended: Mapping[str, float | None]) -> None:
        """Numbers that were read; `ended` by id tells of which end they are."""
        for id, found in counts.items():
            self._items.counts[(id, ended[id])] = found
        self.refresh(0, self.rowCount() - 1, Column.DONE, Column.SUCCESS)

    def refresh(self, first: int, last: int, left: Column = Column.STARTED, right: Column = Column.TOOK) -> None:
        """Rows to be painted again: clocks went on, numbers came."""
        last = min(last, self.rowCount() - 1)
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, left), self.index(last, right))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        descending = order == Qt.SortOrder.DescendingOrder
        chosen = Column(column) if 0 <= column < len(Column) else Column.STARTED
        if chosen in SORTABLE and (chosen, descending) != (self._items.column, self._items.descending):
            self._items.column, self._items.descending = chosen, descending
            self._rearrange()

    def _rearrange(self) -> None:
        self.beginResetModel()
        self._items.arrange()
        self.endResetModel()

    # -- Qt's questions ----------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._items.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else _COLUMNS

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == _Role.DisplayRole:
            return self._headers[section]
        if role == _Role.TextAlignmentRole:
            return _RIGHT if section in _NUMBERS else _LEFT
        return None

    def data(self, index: Index, role: int = _Role.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._items.shown):
            return None
        item, column = self._items.shown[index.row()], Column(index.column())
        if role == _Role.DisplayRole:
            return self.text(item, column)
        if role == _Role.TextAlignmentRole:
            return _RIGHT if column in _NUMBERS else _LEFT
        if role == _Role.DecorationRole and column == Column.STATE:
            look = state_look(item.state)
            return icon(look.icon, look.colour)
        if role == _Role.ForegroundRole:
            return tokens().colour(self._colour(item, column))
        if role == _Role.ToolTipRole:
            return self._tooltip(item, column)
        if role == _Role.AccessibleTextRole:
            return f"{self._headers[column]}: {self.text(item, column)}"
        return None

    def text(self, item: Item, column: Column) -> str:
        """What a cell says; the copied rows say the same."""
        match column:
            case Column.STATE:
                return state_look(item.state).word
            case Column.WORKFLOW:
                return item.workflow
            case Column.INSTANCE:
                return item.instance
            case Column.STARTED:
                return relative(item.head.created_ts, self._clock())
            case Column.TOOK:
                return format_duration(item.took_s(self._clock())) if item.state != "queued" else ""
        counts = self._items.counts_of(item)
        if counts is None or not counts.total:
            return ""
        if column == Column.SUCCESS:
            return f"{int(counts.success_percent or 0)} %" if item.is_over else ""
        form = self.tr("{ok} of {total} nodes") if counts.nodes else self.tr("{ok} of {total} steps")
        words = form.format(ok=counts.ok, total=counts.total)
        return self.tr("{done}, {count} failed").format(done=words, count=counts.failed) if counts.failed else words

    def as_text(self, rows: Iterable[int]) -> str:
        """Rows with their headers, for spreadsheets: columns are separated by tabs; times are exact."""
        lines = ["\t".join((*self._headers, self.tr("Id")))]
        for row in rows:
            item = self.item(row)
            cells = [exact(item.head.created_ts) if c == Column.STARTED else self.text(item, c) for c in Column]
            lines.append("\t".join((*cells, item.id)))
        return "\n".join(lines) + "\n"

    def _colour(self, item: Item, column: Column) -> ColourName:
        if column == Column.STATE:
            return state_look(item.state).colour
        counts = self._items.counts_of(item) if column == Column.DONE else None
        if counts is not None and counts.failed:
            return "failed"
        return "text" if column == Column.WORKFLOW else "muted"

    def _tooltip(self, item: Item, column: Column) -> str | None:
        if column == Column.STARTED:
            return exact(item.head.created_ts)
        if column == Column.TOOK and item.head.ended_ts is not None:
            return self.tr("ended {time}").format(time=exact(item.head.ended_ts))
        if column in (Column.WORKFLOW, Column.INSTANCE, Column.DONE):
            return plain_tooltip(self.text(item, column))
        return None
