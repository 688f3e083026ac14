"""A cancel of a run: asked for from any process, heard wherever the run is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from vastdesk.remote.owned import TaskOwner

T = TypeVar("T")


class RunCancelled(Exception):
    """Cancel was asked for while nothing ran on the instance."""


class Abandoned(Exception):
    """Cancel was asked for, and the instance could not be reached for it."""


class Cancellation:
    """Of one run. `tasks` owns what is started here."""

    def __init__(self, tasks: TaskOwner) -> None:
        self.asked = asyncio.Event()
        self.reason = "asked for"
        self._asked_at = 0.0
        self._tasks = tasks

    def ask(self, reason: str | None) -> None:
        """The first reason stays."""
        if not self.asked.is_set():
            self._asked_at = asyncio.get_running_loop().time()
            self.reason = reason or self.reason
            self.asked.set()

    def asked_for_s(self) -> float:
        """Seconds since it was asked for."""
        return asyncio.get_running_loop().time() - self._asked_at

    async def interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or RunCancelled as soon as a cancel is asked for."""
        task = self._tasks.spawn(work, "interruptible work")
        waiting = self._tasks.spawn(self.asked.wait(), "cancel")
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise RunCancelled
        finally:
            await self._tasks.cancel(task)
            await self._tasks.cancel(waiting)
