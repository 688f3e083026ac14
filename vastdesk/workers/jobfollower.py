"""Follows one job on an instance to its end, over as many connections as that takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.remote.client import JobStatus
from vastdesk.remote.connection import is_passing
from vastdesk.remote.link import Link
from vastdesk.remote.owned import TaskOwner
from vastdesk.store import JobRow
from vastdesk.workers.backoff import backoff
from vastdesk.workers.cancellation import Abandoned, Cancellation, RunCancelled
from vastdesk.workers.journal import Journal
from vastdesk.workers.links import LinkPool

ACK_EVERY_S = 5.0
FIRST_CONNECT_TRIES = 3
"""Passing faults (a full MaxStartups, a dropped handshake) before a run that has sent nothing yet gives up."""

BOOTING = ("auth_refused", "shell_in_the_way", "runner_failed", "no_python", "home_not_writable")
"""What a machine may answer while it boots, and what ends a run that has not begun there."""
BOOT_PATIENCE_S = 180.0

Secrets = Callable[[str], Awaitable[str | None]]
"""The value of a secret by its name, None when there is none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds; from the settings."""

    reconnect_initial_s: float = 0.5
    reconnect_max_s: float = 30.0
    cancel_patience_s: float = 60.0
    """A cancel that reaches nobody for so long ends the run here; on a machine that is gone there is nothing to end."""


class JobFollower:
    """Starts a job (or finds it started), stores every event of it once, and gives its last status."""

    def __init__(
        self,
        instance: Instance,
        *,
        journal: Journal,
        cancellation: Cancellation,
        links: LinkPool,
        secrets: Secrets,
        tasks: TaskOwner,
        patience: Patience,
    ) -> None:
        self._instance = instance
        self._journal = journal
        self._cancellation = cancellation
        self._links = links
        self._secrets = secrets
        self._tasks = tasks
        self._patience = patience
        self._refused_since: float | None = None

    async def follow(self, job: JobRow) -> JobStatus:
        """Returns when the job has ended, in whatever way. Raises what does not pass by itself (VastDeskError),
        RunCancelled when it was cancelled before it was sent, Abandoned."""
        tries = 0
        waits = self._new_waits()
        while True:
            try:
                link = await self._linked(job)
                waits, tries, self._refused_since = self._new_waits(), 0, None
                return await self._watch(link, job)
            except VastDeskError as error:
                if not is_passing(error) and not await self._may_pass(job, error):
                    raise
                tries += 1
                await self._unreachable(job, error, tries)
                await asyncio.sleep(next(waits))

    async def _may_pass(self, job: JobRow, error: VastDeskError) -> bool:
        """A machine that boots refuses logins for a while, and a job of ours may be going on there all the same."""
        now = asyncio.get_running_loop().time()
        if error.kind not in BOOTING or not await self.is_sent(job):
            return False
        self._refused_since = self._refused_since or now
        return now - self._refused_since < BOOT_PATIENCE_S

    async def is_sent(self, job: JobRow) -> bool:
        """The job may be on the instance: said before it is sent, so a crash between the two errs on the safe side."""
        return any(known.id == job.id and known.sent for known in (await self._journal.view()).jobs)

    def _new_waits(self) -> Any:
        return backoff(self._patience.reconnect_initial_s, self._patience.reconnect_max_s)

    async def _linked(self, job: JobRow) -> Link:
        if self._journal.state not in ("reconnecting", "cancelling", "running"):
            await self._journal.say("connecting")
        connect = self._links.connected(self._instance)
        # Once the job may be there, a cancel has to reach it: then connecting goes on in spite of it.
        return await (connect if await self.is_sent(job) else self._cancellation.interruptible(connect))

    async def _unreachable(self, job: JobRow, error: VastDeskError, tries: int) -> None:
        """Decides whether to try again: for a job that may be there as long as the user wants, else a few times."""
        cancelled = self._cancellation.asked.is_set()
        if not await self.is_sent(job):
            if cancelled:
                raise RunCancelled from error
            if tries >= FIRST_CONNECT_TRIES:
                raise error
        elif not cancelled:
            await self._journal.say("reconnecting", reason=error.sentence)
        else:
            await self._journal.say("cancelling", reason=self._cancellation.reason)
            if self._cancellation.asked_for_s() > self._patience.cancel_patience_s:
                raise Abandoned from error

    async def _watch(self, link: Link, job: JobRow) -> JobStatus:
        """Start (or find) the job, store what it says, hand on how it ended."""
        since = await self._journal.store.last_seq(self._journal.run_id, job.id)
        if since == 0:
            await self._start(link, job)
        if not self._cancellation.asked.is_set():
            await self._journal.say("running")
        canceller = self._tasks.spawn(self._pass_on_cancel(link, job.id), "cancel")
        acks = _Acks(self._tasks, link, job.id)
        try:
            async for item in link.client.watch(job.id, since):
                if isinstance(item, JobStatus):
                    await acks.flush(await self._journal.store.last_seq(self._journal.run_id, job.id))
                    with contextlib.suppress(VastDeskError):
                        await link.client.clean()  # of jobs whose time is over: nobody else comes by to ask
                    return item
                stored = await self._journal.store.append(self._journal.run_id, job.id, item)
                if stored:
                    self._journal.publish(stored)
                    acks.stored(int(stored[-1]["seq"]))
        finally:
            await self._tasks.cancel(canceller)
        raise VastDeskError("connection_lost", host=str(self._instance.endpoints[0]), detail="the stream ended")

    async def _start(self, link: Link, job: JobRow) -> None:
        assert job.spec is not None, "a job of ours is stored with its spec"
        secrets = await self._secret_values(job.spec)
        if not await self.is_sent(job):
            await self._journal.append("job_sent", id=job.id)
        await link.client.start(job.spec, secrets)

    async def _secret_values(self, spec: Mapping[str, Any]) -> dict[str, str]:
        names = {name for step in spec["steps"] for name in step.get("secrets", ())}
        values = {name: await self._secrets(name) for name in sorted(names)}
        return {name: value for name, value in values.items() if value}

    async def _pass_on_cancel(self, link: Link, job_id: str) -> None:
        await self._cancellation.asked.wait()
        await self._journal.say("cancelling", reason=self._cancellation.reason)
        with contextlib.suppress(VastDeskError):  # the link died: the next one asks again
            await link.client.cancel(job_id)


class _Acks:
    """Tells the instance now and then what is stored here. Late acks cost nothing: they only decide what is cleaned."""

    def __init__(self, tasks: TaskOwner, link: Link, job: str) -> None:
        self._tasks = tasks
        self._link = link
        self._job = job
        self._pending = 0
        self._task: asyncio.Task[None] | None = None

    def stored(self, seq: int) -> None:
        self._pending = seq
        if self._task is None or self._task.done():
            self._task = self._tasks.spawn(self._later(), "ack")

    async def _later(self) -> None:
        await asyncio.sleep(ACK_EVERY_S)
        await self._send(self._pending)

    async def flush(self, seq: int) -> None:
        if self._task is not None:
            await self._tasks.cancel(self._task)
        await self._send(seq)

    async def _send(self, seq: int) -> None:
        with contextlib.suppress(VastDeskError):
            await self._link.client.ack(self._job, seq)
