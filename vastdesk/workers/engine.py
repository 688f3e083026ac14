"""The engine: takes commands, drives runs, and lets anyone follow what is stored. No Qt.

Several processes may have an engine on one data folder. Each run is driven by at most one of them (store/owners.py);
commands and events go through the store, so it does not matter which.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.events import FINAL_RUN_STATES
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import HostKey, Instance
from vastdesk.domain.workflow import StepInfo, Workflow
from vastdesk.remote.link import Link
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.wake import wake_ups
from vastdesk.store import NewRun, RunRow, Store
from vastdesk.store.secrets import Secrets
from vastdesk.workers.bells import Bells
from vastdesk.workers.catalogue import catalogue
from vastdesk.workers.driver import RunDriver
from vastdesk.workers.journal import Journal
from vastdesk.workers.linking import link_maker, patience_of
from vastdesk.workers.links import LinkPool
from vastdesk.workers.nodelists import resolve_node_lists
from vastdesk.workers.requests import RunRequest
from vastdesk.workers.retry import failed_parts

log = logging.getLogger(__name__)

Ask = Callable[[str], Awaitable[str | None]]
"""Asks the user for a passphrase; the argument says for what. None: the user gave up."""

COMMAND_POLL_S = 0.2
"""How soon a command from another process (`vastdesk cancel`) is seen."""
FOLLOW_POLL_S = 0.25
"""How soon events stored by another process are seen."""
TAKE_OVER_EVERY_S = 2.0
"""How often a follower looks whether the driver of its run has died."""
QUEUE_POLL_S = 0.5


class Engine:
    """See the module. Every method raises VastDeskError."""

    def __init__(self, store: Store, secrets: Secrets, settings: Mapping[str, str], *, ask: Ask | None = None) -> None:
        """`settings` as `Store.settings` gives them: those of connections hold until the engine is closed."""
        self.store = store
        self.secrets = secrets
        self.catalogue: Mapping[str, StepInfo] = catalogue()
        self.bells = Bells()
        self._tasks = TaskOwner("engine")
        self.new_link = link_maker(store, secrets, ask, settings)
        """Makes an unconnected link of its own to an instance; `link` gives the shared one."""
        self._links = LinkPool(self.new_link)
        self._tasks.spawn(store.forget_expired_runs(), "forget expired runs")
        self._tasks.spawn(self._wake(), "wake")
        self._tasks.spawn(self._hear_commands(), "commands")
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._steered: dict[str, RunDriver] = {}
        """Those of them whose turn has come."""
        self._broken: dict[str, VastDeskError] = {}
        """Why a run could not be driven on, when not even that could be stored: told to whoever follows it."""

    # -- commands --------------------------------------------------------------------------------------------------

    async def start(self, request: RunRequest) -> RunRow:
        """Stores the run and drives it in the background. Node lists are read here, so that a bad one is refused before
        anything is stored. Raises VastDeskError: instance_busy, run_differs, bad_node_list …"""
        workflow = resolve_node_lists(request.workflow)
        new = NewRun(
            id=request.run_id or new_id(),
            instance_id=request.instance.id,
            workflow=workflow.to_json(),
            retry_of=request.retry_of,
            queue=request.queue,
        )
        try:
            row = await self.store.create_run(new)
        except VastDeskError as error:
            if error.kind != "instance_busy" or not await self._replace_blocked(str(error.facts["run"]), new.id):
                raise
            row = await self.store.create_run(new)
        # Of several that ask for one id at once, its maker introduces it; a run that waits has no maker yet.
        if row.last_rseq == 0 and row.owner in (None, self.store.owner):
            await self._announce(row, workflow, request)
        await self.drive(row.id)
        return await self.store.find_run(row.id)

    async def _replace_blocked(self, run_id: str, by: str) -> bool:
        """A run that waits for a host key, watched by nobody, does not stand in the way of a new one."""
        row = await self.store.find_run(run_id)
        if row.state != "blocked" or await self.store.is_driven(run_id) or run_id in self.bells:
            return False
        await self.store.append_desktop(run_id, "run_state", state="cancelled", reason=f"replaced by run {by}")
        return True

    async def _announce(self, row: RunRow, workflow: Workflow, request: RunRequest) -> None:
        await self.store.append_desktop(
            row.id,
            "run_state",
            state="queued",
            workflow=workflow.name,
            instance=request.instance.name,
            steps=[{"id": use.id, "use": use.use, "title": use.title} for use in workflow.steps],
            **({"retry_of": request.retry_of} if request.retry_of else {}),
        )
        for use in workflow.steps:
            if not use.enabled:
                await self.store.append_desktop(
                    row.id, "step_finished", step=use.id, state="skipped", note="switched off"
                )

    async def cancel(self, run_id: str, reason: str = "asked for") -> None:
        """Written down first; whoever drives the run carries it out, else this engine does. Raises `run_ended`."""
        row = await self.store.find_run(run_id)
        if row.state in FINAL_RUN_STATES:
            raise VastDeskError("run_ended", run=row.id, state=row.state)
        await self.store.add_command(row.id, "cancel", reason)
        await self.drive(row.id)

    async def resume(self, run_id: str) -> RunRow:
        """Goes on with a run that ended early or is blocked, at its first unfinished step: done steps stay done."""
        row = await self.store.find_run(run_id)
        if row.state == "succeeded":
            raise VastDeskError("nothing_to_resume", run=row.id)
        if row.state in FINAL_RUN_STATES:
            await self.store.append_desktop(row.id, "run_state", state="queued", reason="resumed")
            self.bells.ring(row.id)
        await self.drive(row.id)
        return await self.store.find_run(row.id)

    async def retry(self, run_id: str, failed_only: bool = False) -> RunRow:
        """A new run with `retry_of`: the whole workflow again, or only its failed steps and nodes."""
        row = await self.store.find_run(run_id)
        if row.state not in FINAL_RUN_STATES:
            raise VastDeskError("run_goes_on", run=row.id, state=row.state)
        workflow = Workflow.from_json(row.workflow)
        if failed_only:
            workflow = failed_parts(workflow, await self.store.view(row.id), run=row.id)
        instance = await self.store.find_instance(row.instance_id)
        return await self.start(RunRequest(workflow, instance, retry_of=row.id))

    async def trust(self, instance_id: str, fingerprint: str) -> HostKey:
        """Pins exactly the key that was shown; runs that were blocked by it go on, if this process is to watch them."""
        key = await self.store.trust_host_key(instance_id, fingerprint)
        for row in await self.store.runs():
            if row.instance_id == instance_id and row.state == "blocked" and row.id in self.bells:
                await self.drive(row.id)
        return key

    async def probe(self, instance: Instance) -> dict[str, Any]:
        """What the machine says of itself; see runner/probe.py."""
        link = await self._links.connected(instance)
        facts: dict[str, Any] = await link.client.probe()
        return facts

    async def link(self, instance: Instance) -> Link:
        """The shared connection to an instance."""
        return await self._links.connected(instance)

    # -- driving ---------------------------------------------------------------------------------------------------

    async def drive(self, run_id: str) -> bool:
        """Go on with a run that nobody drives. False: somebody does, or it has ended."""
        if run_id in self._drivers:
            return False
        row = await self.store.find_run(run_id)
        if row.place == "ended" or (row.place == "active" and not await self.store.claim_run(run_id)):
            return False
        if run_id in self._drivers:  # claimed by a second call of ours while we waited
            return False
        self._drivers[run_id] = self._tasks.spawn(self._drive(row), f"drive {run_id}")
        return True

    async def _drive(self, row: RunRow) -> None:
        try:
            if not await self._its_turn(row):
                return
            driver = RunDriver(
                await self.store.find_instance(row.instance_id),
                Workflow.from_json(row.workflow),
                journal=Journal(row.id, self.store, self.bells.ring),
                links=self._links,
                secrets=self._secret,
                patience=await patience_of(self.store),
            )
            self._steered[row.id] = driver
            await self._hand_on_commands(row.id)
            await driver.drive()
        except VastDeskError as error:
            self._broken[row.id] = error
        finally:
            self._drivers.pop(row.id, None)
            self._steered.pop(row.id, None)
            self.bells.ring(row.id)
            await self.store.release_run(row.id)
        await self._next_in_queue(row.instance_id)

    async def _its_turn(self, row: RunRow) -> bool:
        """Waits until a queued run is the first one and its instance is free. False: it was cancelled meanwhile."""
        while not await self.store.claim_run(row.id):
            for command in await self.store.take_commands(row.id):
                if command.kind == "cancel":
                    await self.store.append_desktop(row.id, "run_state", state="cancelled", reason=command.reason)
                    return False
            await asyncio.sleep(QUEUE_POLL_S)
        return True

    async def _hear_commands(self) -> None:
        """Commands reach a run through the store, from whichever process they come: one look for all runs."""
        seen = -1
        while True:
            if self._steered and (count := await self.store.change_count()) != seen:
                seen = count
                for run_id in await self.store.runs_with_commands():
                    if run_id in self._steered:
                        await self._hand_on_commands(run_id)
            await asyncio.sleep(COMMAND_POLL_S)

    async def _hand_on_commands(self, run_id: str) -> None:
        for command in await self.store.take_commands(run_id):
            driver = self._steered.get(run_id)
            if driver is not None and command.kind == "cancel":
                driver.cancel(command.reason)

    async def _next_in_queue(self, instance_id: str) -> None:
        """The next queued run may have been asked for by a process that has gone."""
        row = await self.store.next_queued(instance_id)
        if row is not None:
            await self.drive(row.id)

    async def _wake(self) -> None:
        """After a sleep connections may be dead without a sign: each is asked, and a dead one is replaced at once."""
        async for slept_s in wake_ups():
            log.info("this computer slept for %.0f s", slept_s)
            for link in self._links.all():
                self._tasks.spawn(link.check(), "check after sleep")

    async def _secret(self, name: str) -> str | None:
        """A token of the user's for a step. A computer without any keyring has none; one that is locked is said."""
        try:
            value: str | None = await self.secrets.get("token", name)
            return value
        except VastDeskError as error:
            if error.kind != "keyring_missing":
                raise
            return None

    # -- following -------------------------------------------------------------------------------------------------

    async def follow(self, run_id: str, since: int = 0) -> AsyncIterator[list[dict[str, Any]]]:
        """Stored events after `since` (an rseq), live, whoever drives. Ends when the run is final or blocked and
        everything was given out. Goes on driving the run itself when its driver has died. Raises what keeps this engine
        from driving the run and from storing it (a full disk); the job goes on."""
        run_id = (await self.store.find_run(run_id)).id
        loop = asyncio.get_running_loop()
        looked = loop.time()
        with self.bells.of(run_id) as bell:
            while True:
                rung = bell.count
                # What this process stores it also tells; only the store knows what others do.
                events = bell.after(since) if run_id in self._drivers else None
                if events is None:
                    events = [*await self.store.events(run_id, since)]
                if events:
                    since = int(events[-1]["rseq"])
                    yield [dict(event) for event in events]
                    continue
                if await self._is_over(run_id, since):
                    return
                if loop.time() - looked > TAKE_OVER_EVERY_S:
                    looked = loop.time()
                    await self.drive(run_id)
                await bell.wait(rung, FOLLOW_POLL_S)

    async def _is_over(self, run_id: str, since: int) -> bool:
        """Nothing comes after event `since` without somebody doing something. Raises why the run cannot be driven."""
        if (broken := self._broken.pop(run_id, None)) is not None:
            raise broken
        if run_id in self._drivers:
            return False
        row = await self.store.find_run(run_id)
        return row.last_rseq <= since and (row.state in FINAL_RUN_STATES or row.state == "blocked")

    # -- the end ---------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Stops watching. What runs on instances goes on; the next engine finds it."""
        await self._tasks.aclose()
        await self._links.aclose()


@contextlib.asynccontextmanager
async def open_engine(data_dir: Path, ask: Ask | None = None) -> AsyncIterator[Engine]:
    """Store, secrets and engine of a data folder, closed together."""
    store = await Store.open(data_dir)
    try:
        engine = Engine(store, Secrets(data_dir), await store.settings(), ask=ask)
        try:
            yield engine
        finally:
            await engine.aclose()
    finally:
        await store.close()
