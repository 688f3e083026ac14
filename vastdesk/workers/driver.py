"""Drives one run from where its events say it stands to its end: the only place that decides what comes next.

It holds no state of its own that could not be read again from the store, so that a killed process loses nothing: the
next driver of the run reads the events and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Instance
from vastdesk.domain.views import RunView, StepView
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.remote.client import JobStatus
from vastdesk.remote.connection import is_passing
from vastdesk.remote.link import Link
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.runner.steps import load
from vastdesk.store import JobRow, Store
from vastdesk.workers.backoff import backoff
from vastdesk.workers.jobspec import job_spec
from vastdesk.workers.links import LinkPool
from vastdesk.workers.segments import Segment, cut
from vastdesk.workers.steps import run_desktop_step

log = logging.getLogger(__name__)
T = TypeVar("T")

HOST_KEY = ("host_key_unknown", "host_key_changed")
"""What blocks a run until the user has decided."""
COMMAND_POLL_S = 0.2
"""How soon a command from another process (`vastdesk cancel`) is seen."""
ACK_EVERY_S = 1.0
ABANDONED = "cancelled, but the machine could not be reached: what runs there goes on until it ends by itself"
FIRST_CONNECT_TRIES = 3
"""Passing faults (a full MaxStartups, a dropped handshake) before a run that has sent nothing yet gives up."""


class RunCancelled(Exception):
    """Cancel was asked for while nothing ran on the instance."""


class Abandoned(Exception):
    """Cancel was asked for, and the instance could not be reached for it."""


@dataclass(frozen=True, slots=True)
class DriverOptions:
    """Seconds; from the settings."""

    reconnect_initial_s: float = 0.5
    reconnect_max_s: float = 30.0
    cancel_patience_s: float = 60.0
    """A cancel that reaches nobody for so long ends the run here; on a machine that is gone there is nothing to end."""


class RunDriver:
    """Drives one run. `secrets` gives the value of a secret a step may have, `published` rings after each event."""

    def __init__(
        self,
        run_id: str,
        instance: Instance,
        workflow: Workflow,
        *,
        store: Store,
        links: LinkPool,
        secrets: Callable[[str], Awaitable[str | None]],
        published: Callable[[str], None],
        options: DriverOptions,
    ) -> None:
        self.run_id = run_id
        self._instance = instance
        self._workflow = workflow
        self._store = store
        self._links = links
        self._secrets = secrets
        self._published = published
        self._options = options
        self._cancelled = asyncio.Event()
        self._cancel_reason = "asked for"
        self._cancelled_at = 0.0
        self._state: str | None = None
        self._tasks = TaskOwner(f"run {run_id}")

    # -- the course of a run ---------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Returns when the run is final or blocked. Cancelling this coroutine stops watching: the job goes on."""
        self._tasks.spawn(self._listen(), "commands")
        try:
            await self._course()
        except RunCancelled:
            await self._finish("cancelled", reason=self._cancel_reason)
        except Abandoned:
            await self._finish("lost", reason=ABANDONED)
        except VastDeskError as error:
            await self._finish_refused(error)
        except Exception:
            log.exception("the driver of run %s broke off", self.run_id)
            await self._finish(
                "failed", reason="VastDesk itself broke off; the log file has the details", kind="internal"
            )
            raise
        finally:
            await self._tasks.aclose()

    async def _course(self) -> None:
        self._state = (await self._view()).state
        if self._state == "cancelling":
            self._ask_to_cancel(None)
        open_job = await self._open_job()
        if open_job is not None and not await self._follow_job(open_job):
            return
        while (segment := self._next_segment(await self._view())) is not None:
            if self._cancelled.is_set():
                raise RunCancelled
            done = await (self._on_desktop(segment) if segment.where == "desktop" else self._on_instance(segment))
            if not done:
                return
            if self._next_segment(await self._view()) is not None:
                await self._interruptible(asyncio.sleep(self._workflow.step_delay_s))
        await self._finish("succeeded")

    def _next_segment(self, view: RunView) -> Segment | None:
        """What comes next: the segment that begins at the first step that is not settled."""
        states = {step.id: step for step in view.steps}
        todo = [use for use in self._workflow.steps if use.enabled and not _settled(use, states.get(use.id))]
        # A desktop segment is taken step by step, so that a restart goes on after the last one that ended.
        return cut(todo)[0] if todo else None

    # -- steps on the desktop --------------------------------------------------------------------------------------

    async def _on_desktop(self, segment: Segment) -> bool:
        use = segment.steps[0]
        await self._say("connecting" if use.use == "test_ssh" else "running")
        await self._append("step_started", step=use.id, limit_s=use.limit_s)
        try:
            note = await self._interruptible(
                run_desktop_step(
                    use, run_id=self.run_id, instance=self._instance, links=self._links, append=self._append
                )
            )
        except RunCancelled:
            await self._append("step_finished", step=use.id, state="cancelled", note="cancelled")
            raise
        except VastDeskError as error:
            if error.kind in HOST_KEY:
                raise
            await self._append("step_finished", step=use.id, state="failed", note=error.sentence)
            if use.on_failure == "continue":
                return True
            raise
        await self._append("step_finished", step=use.id, state="succeeded", note=note)
        return True

    # -- jobs on the instance --------------------------------------------------------------------------------------

    async def _on_instance(self, segment: Segment) -> bool:
        """True: the job succeeded and the run goes on."""
        spec = job_spec(new_id(), self.run_id, segment.steps, self._workflow, self._instance)
        shown = await self._show_first_row(segment.steps[0])
        # Written down before anything is sent: whoever finds the run later knows which job to ask for.
        await self._store.add_job(self.run_id, spec["job"], spec)
        job = (await self._store.jobs(self.run_id))[-1]
        try:
            return await self._follow_job(job)
        except VastDeskError as error:
            if shown and not await self._is_sent(job):
                state = "interrupted" if error.kind in HOST_KEY else "failed"
                await self._append("step_finished", step=segment.steps[0].id, state=state, note=error.sentence)
            raise

    async def _show_first_row(self, use: StepUse) -> bool:
        """A person who clicks sees the first row at once, not when the machine has answered."""
        first_row = load(use.use).first_row
        if first_row is None:
            return False
        row = first_row(use.params)
        await self._append("step_started", step=use.id, limit_s=use.limit_s)
        await self._append("plan", step=use.id, tasks=[dict(row)])
        await self._append("task", step=use.id, id=row["id"], state="running")
        return True

    async def _open_job(self) -> JobRow | None:
        """The last job, unless its end is known."""
        jobs = await self._store.jobs(self.run_id)
        ended = {job.id for job in (await self._view()).jobs if job.ended}
        return jobs[-1] if jobs and jobs[-1].id not in ended else None

    async def _follow_job(self, job: JobRow) -> bool:
        status = await self._watch_to_the_end(job)
        await self._append("job_ended", id=job.id, state=status.state)
        if status.state == "finished":
            outcome = (status.exit or {}).get("state", "failed")
            reason = str((status.exit or {}).get("reason") or "")
            if outcome == "succeeded":
                return True
            await self._finish("cancelled" if outcome == "cancelled" else "failed", reason=reason)
            return False
        await self._finish_gone(status)
        return False

    async def _watch_to_the_end(self, job: JobRow) -> JobStatus:
        tries = 0
        waits = self._new_waits()
        while True:
            try:
                async with self._linked(job) as link:
                    waits = self._new_waits()
                    tries = 0
                    return await self._watch(link, job)
            except VastDeskError as error:
                if not is_passing(error):
                    raise
                tries += 1
                await self._unreachable(job, error, tries)
                await asyncio.sleep(next(waits))

    async def _unreachable(self, job: JobRow, error: VastDeskError, tries: int) -> None:
        """Decides whether to try again: for a job that may be there as long as the user wants, else a few times."""
        if not await self._is_sent(job):
            if self._cancelled.is_set():
                raise RunCancelled from error
            if tries >= FIRST_CONNECT_TRIES:
                raise error
        elif not self._cancelled.is_set():
            await self._say("reconnecting", reason=error.sentence)
        else:
            await self._say("cancelling", reason=self._cancel_reason)
            if self._cancelled_for_s() > self._options.cancel_patience_s:
                raise Abandoned from error

    def _cancelled_for_s(self) -> float:
        return asyncio.get_running_loop().time() - self._cancelled_at

    def _new_waits(self) -> Any:
        return backoff(self._options.reconnect_initial_s, self._options.reconnect_max_s)

    @contextlib.asynccontextmanager
    async def _linked(self, job: JobRow) -> AsyncIterator[Link]:
        if self._state not in ("reconnecting", "cancelling", "running"):
            await self._say("connecting")
        connect = self._links.connected(self._instance)
        # Once the job may be there, a cancel has to reach it: then connecting goes on in spite of it.
        yield await (connect if await self._is_sent(job) else self._interruptible(connect))

    async def _is_sent(self, job: JobRow) -> bool:
        """The job may be on the instance: said before it is sent, so a crash between the two errs on the safe side."""
        return any(known.id == job.id and known.sent for known in (await self._view()).jobs)

    async def _watch(self, link: Link, job: JobRow) -> JobStatus:
        """Start (or find) the job, store what it says, hand on how it ended."""
        client = link.client
        since = await self._store.last_seq(self.run_id, job.id)
        if since == 0:
            assert job.spec is not None, "a job of ours is stored with its spec"
            secrets = await self._secret_values(job.spec)
            if not await self._is_sent(job):
                await self._append("job_sent", id=job.id)
            await client.start(job.spec, secrets)
        if not self._cancelled.is_set():
            await self._say("running")
        canceller = self._tasks.spawn(self._pass_on_cancel(link, job.id), "cancel")
        acks = _Acks(self._tasks, link, job.id)
        try:
            async for item in client.watch(job.id, since):
                if isinstance(item, JobStatus):
                    await acks.flush(await self._store.last_seq(self.run_id, job.id))
                    with contextlib.suppress(VastDeskError):
                        await client.clean()  # of jobs whose time is over: nobody else comes by to ask
                    return item
                stored = await self._store.append(self.run_id, job.id, item)
                if stored:
                    self._published(self.run_id)
                    acks.stored(int(stored[-1]["seq"]))
        finally:
            await self._tasks.cancel(canceller)
        raise VastDeskError("connection_lost", host=str(self._instance.endpoints[0]), detail="the stream ended")

    async def _secret_values(self, spec: Mapping[str, Any]) -> dict[str, str]:
        names = {name for step in spec["steps"] for name in step.get("secrets", ())}
        values = {name: await self._secrets(name) for name in sorted(names)}
        return {name: value for name, value in values.items() if value}

    async def _pass_on_cancel(self, link: Link, job_id: str) -> None:
        await self._cancelled.wait()
        await self._say("cancelling", reason=self._cancel_reason)
        with contextlib.suppress(VastDeskError):  # the link died: the next one asks again
            await link.client.cancel(job_id)

    # -- commands --------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Commands reach a run through the store, from whichever process they come."""
        seen = -1
        while True:
            count = await self._store.change_count()
            if count != seen:
                seen = count
                for command in await self._store.take_commands(self.run_id):
                    if command.kind == "cancel":
                        self._ask_to_cancel(command.reason)
            await asyncio.sleep(COMMAND_POLL_S)

    def _ask_to_cancel(self, reason: str | None) -> None:
        if not self._cancelled.is_set():
            self._cancelled_at = asyncio.get_running_loop().time()
            self._cancel_reason = reason or self._cancel_reason
            self._cancelled.set()

    async def _interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, or RunCancelled as soon as a cancel is asked for."""
        task = self._tasks.spawn(work, "interruptible work")
        waiting = self._tasks.spawn(self._cancelled.wait(), "cancel")
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise RunCancelled
        finally:
            await self._tasks.cancel(task)
            await self._tasks.cancel(waiting)

    # -- facts of our own ------------------------------------------------------------------------------------------

    async def _append(self, type_: str, **fields: Any) -> None:
        await self._store.append_desktop(self.run_id, type_, **fields)
        self._published(self.run_id)

    async def _say(self, state: str, **fields: Any) -> None:
        if self._state != state:
            self._state = state
            await self._append("run_state", state=state, **fields)

    async def _view(self) -> RunView:
        return await self._store.view(self.run_id)

    async def _finish(self, state: str, **fields: Any) -> None:
        await self._say(state, **{name: value for name, value in fields.items() if value})

    async def _finish_refused(self, error: VastDeskError) -> None:
        """The run cannot go on: blocked by a host key, or failed with the sentence of the error."""
        if error.kind in HOST_KEY:
            await self._say(
                "blocked", reason=error.sentence, kind=error.kind, block={"kind": error.kind, **error.facts}
            )
            return
        await self._finish("failed", reason=error.sentence, kind=error.kind, action=error.action)

    async def _finish_gone(self, status: JobStatus) -> None:
        reasons = {
            "interrupted": "the machine was restarted while the job ran",
            "lost": "the runner on the machine was killed (out of memory?)",
            "absent": "the machine no longer knows the job: it was wiped",
        }
        state = "interrupted" if status.state == "interrupted" else "lost"
        await self._finish(state, reason=reasons.get(status.state, status.state), tail=list(status.tail)[-20:])


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


def _settled(use: StepUse, step: StepView | None) -> bool:
    """Nothing is left to do: done, switched off, or failed where the workflow allows it."""
    if step is None:
        return False
    return step.state in ("succeeded", "skipped") or (step.state == "failed" and use.on_failure == "continue")
