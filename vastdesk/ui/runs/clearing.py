"""Clearing runs from the history with a way back: hidden at once, forgotten in the store when nobody wanted them back.

Until then they are only hidden: a window that is killed in those ten seconds lists them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from vastdesk.domain.errors import VastDeskError
from vastdesk.ui.kit import UndoBar
from vastdesk.ui.runs.model import RunsModel
from vastdesk.ui.tasks import ViewTasks

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine


class Clearing(QObject):
    """`clear(ids)`; `bar` offers the way back. `await finish()` before the bridge is closed."""

    def __init__(self, model: RunsModel, bridge: Bridge, tasks: ViewTasks, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._bridge = bridge
        self._tasks = tasks
        self._waiting: set[str] = set()
        """Offered, or being forgotten."""
        self.bar = UndoBar()
        self.bar.undone.connect(self._on_undone)
        self.bar.expired.connect(self._on_expired)

    def clear(self, run_ids: list[str]) -> None:
        """An older offer ends with that."""
        if run_ids:
            words = self.tr("Cleared one run.") if len(run_ids) == 1 else self.tr("Cleared {count} runs.")
            self.bar.offer(words.format(count=f"{len(run_ids):,}"), tuple(run_ids))
            self._waiting.update(run_ids)
            self._model.hide(run_ids)

    async def finish(self) -> None:
        """The window closes: what was cleared stays cleared."""
        self.bar.expired.disconnect(self._on_expired)
        self.bar.expire()
        self.bar.expired.connect(self._on_expired)
        self._tasks.cancel("forget")
        if self._waiting:
            await self._forget(set(self._waiting))

    def _on_undone(self, run_ids: tuple[str, ...]) -> None:
        self._waiting.difference_update(run_ids)
        self._model.unhide(run_ids)

    def _on_expired(self, run_ids: tuple[str, ...]) -> None:
        self._tasks.spawn(self._forget(set(run_ids)), "forget")

    async def _forget(self, run_ids: set[str]) -> None:
        async def forget(engine: Engine) -> int:
            from vastdesk.workers.history import forget_runs

            return await forget_runs(engine, run_ids)

        try:
            await self._bridge.call(forget)
        except VastDeskError:
            self._model.unhide(run_ids)
            raise
        finally:
            self._waiting -= run_ids
