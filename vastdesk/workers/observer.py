"""What a window or a panel shows, kept up to date from the store, whoever writes there: this process or another.

One observer per data folder and process. It reads only what is new, reduces it, and hands out frozen views; how often
they are drawn is the business of whoever gets them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.events import FINAL_RUN_STATES
from vastdesk.domain.instances import Instance
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.views import RunView
from vastdesk.store import RunHead
from vastdesk.workers.bells import Event
from vastdesk.workers.engine import Engine

__all__ = ["Changes", "Observer", "RunHead", "merged"]

POLL_S = 0.25
"""How soon changes by another process are seen; changes of our own ring."""
GATHER_S = 0.015
"""How long news waits for more: half of the time between two pictures."""


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
        self._dirty: set[str] = set()
        """Runs whose reducer has read more than was told."""
        self._told: dict[str, tuple[int, str]] = {}
        """Number of the newest event and state of each run, as told last."""
        self._look_again = True
        self._urgent = False
        self._news = asyncio.Event()
        self._instances: tuple[Instance, ...] | None = None
        self._mark: object = None
        self._new_instances: tuple[Instance, ...] | None = None
        self._new_history: tuple[RunHead, ...] | None = None
        self._forget_later: set[str] = set()
        """Runs that have ended, once their end is told."""

    def show(self, run_id: str) -> None:
        """Keep the view of this run up to date, though it has ended; the first one comes at once."""
        self._shown.add(run_id)
        self._told.pop(run_id, None)
        self._look_again = True
        self._news.set()

    def hide(self, run_id: str) -> None:
        """Nobody looks at it any more."""
        self._shown.discard(run_id)

    async def observe(self) -> None:
        """Goes on until its task is cancelled. Raises VastDeskError when the store cannot be read."""
        self._engine.bells.listeners.append(self._hear)
        try:
            seen, looked = -1, 0.0
            while True:
                now = time.monotonic()
                if self._look_again or self._urgent or now - looked >= POLL_S:
                    looked = now
                    count = await self._store.change_count()
                    if count != seen or self._look_again or self._urgent:
                        seen, self._look_again = count, False
                        await self._look()
                self._tell()
                await self._wait(POLL_S - (time.monotonic() - looked))
        finally:
            self._engine.bells.listeners.remove(self._hear)

    async def _wait(self, at_most_s: float) -> None:
        """For news of this process, and a little longer, so that more of it comes together; what is urgent is not kept
        waiting. Other processes are looked at after `at_most_s`."""
        try:
            async with asyncio.timeout(max(0.0, at_most_s)):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()
        if not self._urgent and not self._look_again:
            await asyncio.sleep(GATHER_S)

    def _hear(self, run_id: str, events: Sequence[Event]) -> None:
        """What this process stored needs no look at the store."""
        reducer = self._reducers.get(run_id)
        if reducer is None or not events or reducer.last_rseq + 1 != events[0]["rseq"]:
            self._look_again = True
        else:
            before = reducer.state
            for event in events:
                reducer.apply(event)
            self._dirty.add(run_id)
            self._urgent = self._urgent or (reducer.state != before and _calls(reducer.state))
        self._news.set()

    async def _look(self) -> None:
        """What any process stored."""
        numbers = await self._store.open_numbers()
        # A run that was open a moment ago has something to say yet: how it ended.
        for run_id in {*numbers, *self._shown, *self._reducers}:
            reducer = self._reducers.get(run_id)
            # What was heard meanwhile may be ahead of the numbers; how a run ended is always read.
            if reducer is None or numbers.get(run_id, reducer.last_rseq + 1) > reducer.last_rseq:
                await self._read(run_id)
            if run_id not in numbers and run_id not in self._shown:
                self._forget_later.add(run_id)
        instances = tuple(await self._store.instances())
        if instances != self._instances:
            self._instances = self._new_instances = instances
        mark = await self._store.history_mark()
        if mark != self._mark:
            self._mark = mark
            self._new_history = tuple(await self._store.history())

    async def _read(self, run_id: str) -> None:
        try:
            reducer = self._reducers.get(run_id)
            if reducer is None:
                reducer = self._reducers[run_id] = await self._store.reducer(run_id)
            while events := await self._store.events(run_id, reducer.last_rseq):
                for event in events:
                    reducer.apply(event)
            self._dirty.add(run_id)
        except VastDeskError as error:
            if error.kind != "no_run":  # it was forgotten
                raise
            self._reducers.pop(run_id, None)
            self._shown.discard(run_id)

    def _tell(self) -> None:
        views: dict[str, RunView] = {}
        urgent = False
        for run_id in self._dirty & self._reducers.keys():
            reducer = self._reducers[run_id]
            told, now = self._told.get(run_id), (reducer.last_rseq, reducer.state)
            if told != now:
                self._told[run_id] = now
                views[run_id] = reducer.view()
                urgent = urgent or (told is not None and told[1] != now[1] and _calls(reducer.state))
        for run_id in self._forget_later:
            self._reducers.pop(run_id, None)
            self._told.pop(run_id, None)
        changes = Changes(self._new_instances, self._new_history, MappingProxyType(views), urgent)
        self._dirty, self._forget_later, self._urgent = set(), set(), False
        self._new_instances = self._new_history = None
        if not changes.is_empty:
            self._changed(changes)


def _calls(state: str) -> bool:
    """A person should see it at once: it ended, or waits for one."""
    return state in FINAL_RUN_STATES or state == "blocked"
