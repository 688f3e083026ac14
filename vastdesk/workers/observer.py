"""What a window or a panel shows, kept up to date from the store, whoever writes there: this process or another.

One observer per data folder and process. It reads only what is new, reduces it, and hands out frozen views; how often
they are drawn is the business of whoever gets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.views import RunView
from vastdesk.store import RunHead
from vastdesk.workers.engine import Engine

__all__ = ["Changes", "Observer", "RunHead", "merged"]

POLL_S = 0.25
"""How soon changes by another process are seen; changes of our own ring."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since the last one. None: unchanged. `views`: of the runs whose picture changed. `urgent`: one of
    them has ended or waits for a person."""

    instances: tuple[Instance, ...] | None = None
    history: tuple[RunHead, ...] | None = None
    """All runs, the newest first."""
    views: Mapping[str, RunView] = field(default_factory=lambda: MappingProxyType({}))
    urgent: bool = False

    @property
    def is_empty(self) -> bool:
        return self.instances is None and self.history is None and not self.views


def merged(older: Changes, newer: Changes) -> Changes:
    """Both in one, for whoever could not draw the older one yet."""
    return Changes(
        instances=older.instances if newer.instances is None else newer.instances,
        history=older.history if newer.history is None else newer.history,
        views=MappingProxyType({**older.views, **newer.views}),
        urgent=older.urgent or newer.urgent,
    )


class Observer:
    """Watches instances, the history, and the views of all open runs and of those asked for with `show`."""

    def __init__(self, engine: Engine, changed: Callable[[Changes], None]) -> None:
        self._engine = engine
        self._store = engine.store
        self._changed = changed
        self._reducers: dict[str, Reducer] = {}
        self._shown: set[str] = set()
        self._instances: tuple[Instance, ...] | None = None
        self._mark: object = None

    def show(self, run_id: str) -> None:
        """Keep the view of this run up to date, though it has ended long ago; the first one comes at once."""
        self._shown.add(run_id)
        self._reducers.pop(run_id, None)
        self._engine.bells.everything.ring()

    def hide(self, run_id: str) -> None:
        """Nobody looks at it any more."""
        self._shown.discard(run_id)

    async def observe(self) -> None:
        """Goes on until its task is cancelled. Raises VastDeskError when the store cannot be read."""
        seen = -1
        with self._engine.bells.everything as bell:
            rung = -1
            while True:
                count = await self._store.change_count()
                if count != seen or bell.count != rung:
                    seen, rung = count, bell.count
                    changes = await self._look()
                    if not changes.is_empty:
                        self._changed(changes)
                await bell.wait(rung, POLL_S)

    async def _look(self) -> Changes:
        instances = tuple(await self._store.instances())
        mark = await self._store.history_mark()
        views, urgent = await self._views()
        changes = Changes(
            instances=instances if instances != self._instances else None,
            history=tuple(await self._store.history()) if mark != self._mark else None,
            views=MappingProxyType(views),
            urgent=urgent,
        )
        self._instances, self._mark = instances, mark
        return changes

    async def _views(self) -> tuple[dict[str, RunView], bool]:
        """The views that changed; and whether a run got into a state that ends it or waits for a person."""
        rows = {row.id: row for row in await self._store.open_runs()}
        # A run that was open a moment ago has something to say yet: how it ended.
        wanted = {*rows, *self._shown, *self._reducers}
        views: dict[str, RunView] = {}
        urgent = False
        for run_id in wanted:
            known = self._reducers.get(run_id)
            before = None if known is None else (known.last_rseq, known.state)
            row = rows.get(run_id)
            if row is not None and before is not None and row.last_rseq == before[0]:
                continue
            view = await self._read(run_id)
            if view is not None and (before is None or view.last_rseq != before[0]):
                views[run_id] = view
                urgent = urgent or (before is not None and view.state != before[1] and _calls(view))
            if run_id not in rows and run_id not in self._shown:
                self._reducers.pop(run_id, None)
        return views, urgent

    async def _read(self, run_id: str) -> RunView | None:
        """The view of now; None when the run was forgotten."""
        try:
            reducer = self._reducers.get(run_id)
            if reducer is None:
                reducer = self._reducers[run_id] = await self._store.reducer(run_id)
            while events := await self._store.events(run_id, reducer.last_rseq):
                for event in events:
                    reducer.apply(event)
        except VastDeskError as error:
            if error.kind != "no_run":
                raise
            self._reducers.pop(run_id, None)
            self._shown.discard(run_id)
            return None
        return reducer.view()


def _calls(view: RunView) -> bool:
    return view.is_final or view.state == "blocked"
