"""Tasks of a view: they end with it, and what breaks in them reaches a person."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.errors import VastDeskError
from vastdesk.workers.tasks import TaskOwner

T = TypeVar("T")


class ViewTasks(QObject):
    """`self._tasks = ViewTasks(self)`, then `self._tasks.spawn(self._save(), "save")` in a slot.

    `failed` brings the `VastDeskError` of a task: show its sentence, its action and a way to copy both. Anything else
    is a bug and goes to the crash dialog. When the view goes its tasks are cancelled, so that after an `await` it is
    always still there.
    """

    failed = Signal(object)

    def __init__(self, view: QObject) -> None:
        super().__init__(view)
        self._owned = _Owned(type(view).__name__, self.failed.emit)
        view.destroyed.connect(self._owned.end)

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Runs `coro` as a task of this view. The loop must run."""
        return self._owned.spawn(coro, name)

    def restart(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """The same, in place of those of that name that are still on: filter as you type, refresh."""
        self._owned.cancel(name)
        return self._owned.spawn(coro, name)

    def is_running(self, name: str) -> bool:
        """Whether a task of that name is on: a second click has nothing to do then."""
        return name in self._owned.running.values()

    def cancel(self, name: str) -> None:
        """Ends those of that name."""
        self._owned.cancel(name)

    def cancel_all(self) -> None:
        """Ends all; new ones may follow."""
        self._owned.cancel(None)


class _Owned:
    """No QObject: it is needed when the view's are half gone."""

    def __init__(self, name: str, tell: Callable[[VastDeskError], object]) -> None:
        self._owner = TaskOwner(name)
        self._tell: Callable[[VastDeskError], object] | None = tell
        self.running: dict[asyncio.Task[Any], str] = {}

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = self._owner.spawn(coro, name)
        self.running[task] = name
        task.add_done_callback(self._on_done)
        return task

    def cancel(self, name: str | None) -> None:
        for task, known in list(self.running.items()):
            if name in (None, known):
                task.cancel()
                del self.running[task]  # its end is no news any more

    def end(self) -> None:
        self._tell = None
        self.cancel(None)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self.running.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, VastDeskError):
            if self._tell is not None:
                self._tell(error)
        elif error is not None:
            sys.excepthook(type(error), error, error.__traceback__)
