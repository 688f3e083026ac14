"""Tasks with an owner that ends them. The only place that makes tasks: asyncio keeps no strong reference to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from vastdesk.domain.errors import VastDeskError

T = TypeVar("T")
log = logging.getLogger(__name__)


class TaskOwner:
    """Owns the tasks it spawned: keeps them alive, logs what breaks in them, ends them in `aclose`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `coro` as a task. Its failure is logged whether or not somebody awaits it."""
        if self._closed:
            coro.close()
            raise RuntimeError(f"{self.name} is closed")
        task = asyncio.create_task(coro, name=f"{self.name}: {name}")  # noqa: TID251 - this is the one place
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel one task and wait until it has ended. Whatever it ends with is logged, not raised."""
        task.cancel()
        await asyncio.wait([task])

    async def aclose(self) -> None:
        """Cancel all tasks and wait for their end, except the task that calls this. Nothing can be spawned after."""
        self._closed = True
        here = asyncio.current_task()
        while tasks := [task for task in self._tasks if task is not here]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, VastDeskError):
            log.debug("%s: %s", task.get_name(), error)  # a failure with a name reaches the user by its own way
        elif error is not None:
            log.error("%s broke off", task.get_name(), exc_info=error)
