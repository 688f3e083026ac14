"""News of runs within this process: who stores an event tells it here, who shows or follows a run hears it here,
without asking the database again. What other processes store is found by looking."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

Event = Mapping[str, Any]
Listener = Callable[[str, Sequence[Event]], None]
"""Hears (run id, stored events); none: something of the run changed, look for yourself."""

KEPT = 512
"""Events of a run that are kept for those who follow it."""


class Bell:
    """Of one run. Counts rings, so that none is missed between a look and a wait. Held (`with`) by who listens."""

    def __init__(self) -> None:
        self.count = 0
        self.listeners = 0
        self._rung = asyncio.Event()
        self._recent: deque[Event] = deque(maxlen=KEPT)

    def ring(self, events: Sequence[Event] = ()) -> None:
        """Without events: what is known here is not complete any more."""
        if events and self.listeners:
            self._recent.extend(events)
        else:
            self._recent.clear()
        self.count += 1
        self._rung.set()

    def after(self, since: int) -> list[Event] | None:
        """The events after number `since`; None: only the store knows."""
        if not self._recent or self._recent[0]["rseq"] > since + 1:
            return None
        return [event for event in self._recent if event["rseq"] > since]

    async def wait(self, seen: int, timeout_s: float) -> None:
        """Returns when rung since `count` was `seen`, or after `timeout_s`: another process cannot ring."""
        if self.count != seen:
            return
        self._rung.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return

    def __enter__(self) -> Bell:
        self.listeners += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.listeners -= 1
        self._recent.clear()


class Bells:
    """Bells by run id; `run in bells` says whether somebody in this process follows the run."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        """Hear everything, of all runs."""
        self._bells: dict[str, Bell] = {}

    def of(self, run_id: str) -> Bell:
        return self._bells.setdefault(run_id, Bell())

    def ring(self, run_id: str, events: Sequence[Event] = ()) -> None:
        """These events were stored, one after the other; without events: something changed."""
        for listener in self.listeners:
            listener(run_id, events)
        bell = self._bells.get(run_id)
        if bell is not None:
            bell.ring(events)

    def __contains__(self, run_id: str) -> bool:
        bell = self._bells.get(run_id)
        return bell is not None and bell.listeners > 0
