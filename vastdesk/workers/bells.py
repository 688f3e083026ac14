"""A bell per run: who stores something rings it, who shows something waits for it."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Bell:
    """Counts rings, so that none is missed between a look and a wait. Held (`with`) while somebody listens."""

    def __init__(self) -> None:
        self.count = 0
        self.listeners = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self.count += 1
        self._rung.set()

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


class Bells:
    """Bells by run id; `run in bells` says whether somebody in this process listens."""

    def __init__(self) -> None:
        self.everything = Bell()
        """Rings with each of them."""
        self._bells: dict[str, Bell] = {}

    def of(self, run_id: str) -> Bell:
        return self._bells.setdefault(run_id, Bell())

    def ring(self, run_id: str) -> None:
        self.everything.ring()
        bell = self._bells.get(run_id)
        if bell is not None:
            bell.ring()

    def __contains__(self, run_id: str) -> bool:
        bell = self._bells.get(run_id)
        return bell is not None and bell.listeners > 0
