"""Starting runs: each is asked for under an id made before, so that clicking twice starts once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Instance
from vastdesk.domain.workflow import Workflow
from vastdesk.ui.tasks import ViewTasks
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.engine import Engine
from vastdesk.workers.requests import RunRequest

SAME_CLICK_S = 1.0
"""Within this time after a start the same wish is the same run: the second half of a double click."""


@dataclass(frozen=True, slots=True)
class Launched:
    """How a start went. `started` are (instance, run id), `busy` are (instance, the run that is on there)."""

    queued: bool
    started: tuple[tuple[Instance, str], ...]
    busy: tuple[tuple[Instance, str], ...]
    failed: tuple[tuple[Instance, VastDeskError], ...]


class Launcher(QObject):
    """`start(…)`, then `launched(Launched)`. What is asked for while a start is under way is not asked again."""

    launched = Signal(object)
    state_changed = Signal()
    """`is_starting` did."""

    def __init__(
        self, bridge: Bridge, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._clock = clock
        self._tasks = ViewTasks(self)
        self._workflow: Workflow | None = None
        self._ids: dict[str, str] = {}
        self._done: dict[str, float] = {}
        self.is_starting = False

    def start(self, workflow: Workflow, instances: Sequence[Instance], *, queue: bool = False) -> bool:
        """False: the last start is still under way."""
        if self.is_starting:
            return False
        if workflow != self._workflow:
            self._workflow = workflow
            self._ids.clear()
            self._done.clear()
        self.is_starting = True
        self.state_changed.emit()
        self._tasks.spawn(self._start(workflow, tuple(instances), queue), "start")
        return True

    async def _start(self, workflow: Workflow, instances: tuple[Instance, ...], queue: bool) -> None:
        requests = [RunRequest(workflow, each, run_id=self._id_for(each.id), queue=queue) for each in instances]
        try:
            results = await asyncio.gather(*(self._one(request) for request in requests))
        finally:
            self.is_starting = False
            self.state_changed.emit()
        busy: list[tuple[Instance, str]] = []
        failed: list[tuple[Instance, VastDeskError]] = []
        started: list[tuple[Instance, str]] = []
        for request, error in zip(requests, results, strict=True):
            if error is None:
                assert request.run_id is not None
                self._done[request.instance.id] = self._clock()
                started.append((request.instance, request.run_id))
            elif error.kind == "instance_busy":
                busy.append((request.instance, str(error.facts["run"])))
            else:
                if error.kind == "run_differs":  # the node list it names has changed since
                    self._ids.pop(request.instance.id, None)
                failed.append((request.instance, error))
        self.launched.emit(Launched(queue, tuple(started), tuple(busy), tuple(failed)))

    async def _one(self, request: RunRequest) -> VastDeskError | None:
        try:
            await self._bridge.call(_starting(request))
        except VastDeskError as error:
            return error
        return None

    def _id_for(self, instance_id: str) -> str:
        """The id of the last wish while it may have been carried out without our knowing, or a moment ago."""
        done = self._done.get(instance_id)
        if instance_id not in self._ids or (done is not None and self._clock() - done > SAME_CLICK_S):
            self._ids[instance_id] = new_id()
            self._done.pop(instance_id, None)
        return self._ids[instance_id]


def _starting(request: RunRequest) -> Callable[[Engine], Awaitable[object]]:
    return lambda engine: engine.start(request)
