"""How the runs went, read only for the rows that are on the screen: ten thousand views would take a minute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from vastdesk.domain.counts import RunCounts, counts_of
from vastdesk.ui.runs.items import Item
from vastdesk.ui.runs.model import RunsModel
from vastdesk.ui.runs.table import RowTable
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine

_LOOK_MS = 80
"""After scrolling: numbers are read for the rows where it stopped."""
_AT_ONCE = 8
"""Runs that are read in one go, so that the first rows have theirs soon."""


class Numbers(QObject):
    """`look_soon()` whenever other rows may be seen; `stop()` when the page is hidden."""

    def __init__(self, table: RowTable, model: RunsModel, state: State, bridge: Bridge, tasks: ViewTasks) -> None:
        super().__init__(table)
        self._table = table
        self._model = model
        self._state = state
        self._bridge = bridge
        self._tasks = tasks
        self._unreadable: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        table.verticalScrollBar().valueChanged.connect(self.look_soon)

    def look_soon(self, *_: object) -> None:
        if self._table.isVisible():
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self._tasks.cancel("counts")

    def seen_rows(self) -> range:
        """The rows on the screen."""
        first, last = self._table.rowAt(0), self._table.rowAt(self._table.viewport().height() - 1)
        count = self._model.rowCount()
        return range(max(0, first), count if last < 0 else last + 1)

    def take_live(self, items: Sequence[Item]) -> None:
        """Runs whose pictures the window has anyway."""
        views = self._state.views
        ends = {item.id: item.head.ended_ts for item in items if item.id in views}
        if ends:
            self._model.take_counts({id: counts_of(views[id]) for id in ends}, ends)

    def _look(self) -> None:
        items = self._model.items
        seen = [items.shown[row] for row in self.seen_rows()]
        self.take_live(seen)
        missing = [item for item in seen if items.counts_of(item) is None and item.id not in self._unreadable]
        if missing:
            self._tasks.restart(self._read(missing), "counts")

    async def _read(self, missing: list[Item]) -> None:
        ends = {item.id: item.head.ended_ts for item in missing}
        ids = list(ends)

        async def read(engine: Engine) -> dict[str, RunCounts]:
            from vastdesk.workers.history import run_counts

            return await run_counts(engine, some)

        while ids:
            some, ids = ids[:_AT_ONCE], ids[_AT_ONCE:]
            found = await self._bridge.call(read)
            self._unreadable.update(id for id in some if id not in found)
            self._model.take_counts(found, ends)
