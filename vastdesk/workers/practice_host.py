"""The practice machine for as long as a window is open: begun when somebody wants it, ended with the window.

Everything here runs in the engine's thread (`await bridge.call(host.open)`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vastdesk.domain.workflow import Workflow, load_workflow
from vastdesk.remote.owned import TaskOwner
from vastdesk.store import RunRow
from vastdesk.store.resources import resource_path
from vastdesk.workers.engine import Engine
from vastdesk.workers.practice import FOLDER, NAME, Practice, practice_workflow, run_practice
from vastdesk.workers.requests import RunRequest
from vastdesk.workers.workflow_files import WorkflowFile

WORKFLOW = "comfyui-setup.yaml"


class PracticeHost:
    """At most one practice machine, whoever asks for it and how often."""

    def __init__(self, on_progress: Callable[[str, int, int], None] | None = None) -> None:
        """`on_progress` hears in the engine's thread which part is being made, and how many of how many are done."""
        self._on_progress = on_progress
        self._tasks: TaskOwner | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Practice] | None = None
        self._end: asyncio.Event | None = None

    async def open(self, engine: Engine) -> Practice:
        """The practice machine, started if it is not on. Raises as `run_practice` does; may be tried again then."""
        if self._ready is None or (self._serving is not None and self._serving.done()):
            self._tasks = self._tasks or TaskOwner("practice")
            self._ready = asyncio.get_running_loop().create_future()
            self._end = asyncio.Event()
            self._serving = self._tasks.spawn(self._serve(engine, self._ready, self._end), "serve")
        return await asyncio.shield(self._ready)

    async def open_again(self, engine: Engine) -> Practice | None:
        """The one that was used before, so that its runs are found again; None when there is none."""
        saved = any(
            instance.name == NAME and all(endpoint.host in ("127.0.0.1", "::1") for endpoint in instance.endpoints)
            for instance in await engine.store.instances()
        )
        if not saved or not await asyncio.to_thread((engine.store.data_dir / FOLDER).is_dir):
            return None
        return await self.open(engine)

    async def start_run(self, engine: Engine) -> RunRow:
        """The practice run: the one that is on, else a new one."""
        practice = await self.open(engine)
        rows = await engine.store.runs()
        own = (row for row in rows if row.instance_id == practice.instance.id and row.place == "active")
        row = next(own, None)
        if row is not None:
            await engine.drive(row.id)
            return row
        return await engine.start(RunRequest(self._workflow(engine, practice), practice.instance))

    async def close(self, engine: Engine | None = None) -> None:
        """Ends it. Jobs on it go on, and are found again the next time."""
        if self._end is not None:
            self._end.set()
        if self._serving is not None:
            await asyncio.wait([self._serving])
        if self._tasks is not None:
            await self._tasks.aclose()
        self._tasks = self._serving = self._ready = self._end = None

    async def _serve(self, engine: Engine, ready: asyncio.Future[Practice], end: asyncio.Event) -> None:
        try:
            async with run_practice(
                engine.store, engine.store.data_dir, on_progress=self._on_progress or _quiet
            ) as practice:
                if not ready.done():
                    ready.set_result(practice)
                await end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)
            ready.exception()  # whoever asked may have gone meanwhile: then nobody needs to hear of it
        finally:
            ready.cancel()

    @staticmethod
    def _workflow(engine: Engine, practice: Practice) -> Workflow:
        shipped = WorkflowFile(resource_path("workflows", WORKFLOW), shipped=True)
        text = practice_workflow(shipped.read().decode("utf-8"), practice.facts)
        return load_workflow(text, str(shipped.path), engine.catalogue)


def _quiet(part: str, done: int, total: int) -> None:
    """Nobody watches."""
