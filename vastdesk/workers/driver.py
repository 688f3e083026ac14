"""Drives one run from where its events say it stands to its end: the only place that decides what comes next.

It holds no state of its own that could not be read again from the store, so that a killed process loses nothing: the
next driver of the run reads the events and goes on.
"""

from __future__ import annotations

import asyncio
import logging

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Instance
from vastdesk.domain.views import RunView, StepView
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.remote.client import JobStatus
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.runner.steps import load
from vastdesk.store import JobRow
from vastdesk.workers.cancellation import Abandoned, Cancellation, RunCancelled
from vastdesk.workers.jobfollower import JobFollower, Patience, Secrets
from vastdesk.workers.jobspec import job_spec
from vastdesk.workers.journal import Journal
from vastdesk.workers.links import LinkPool
from vastdesk.workers.segments import Segment, cut
from vastdesk.workers.steps import run_desktop_step

log = logging.getLogger(__name__)

HOST_KEY = ("host_key_unknown", "host_key_changed")
"""What blocks a run until the user has decided."""
ABANDONED = "cancelled, but the machine could not be reached: what runs there goes on until it ends by itself"
GONE = {
    "interrupted": "the machine was restarted while the job ran",
    "lost": "the runner on the machine was killed (out of memory?)",
    "absent": "the machine no longer knows the job: it was wiped",
}
"""Why a job that did not finish is over."""


class RunDriver:
    """Drives one run. `secrets` gives the value of a secret that a step may have."""

    def __init__(
        self,
        instance: Instance,
        workflow: Workflow,
        *,
        journal: Journal,
        links: LinkPool,
        secrets: Secrets,
        patience: Patience,
    ) -> None:
        self._instance = instance
        self._workflow = workflow
        self._journal = journal
        self._store = journal.store
        self._links = links
        self._tasks = TaskOwner(f"run {journal.run_id}")
        self._cancellation = Cancellation(self._tasks)
        self._follower = JobFollower(
            instance,
            journal=journal,
            cancellation=self._cancellation,
            links=links,
            secrets=secrets,
            tasks=self._tasks,
            patience=patience,
        )

    def cancel(self, reason: str | None) -> None:
        """Ask for the end; it is carried out in `drive`."""
        self._cancellation.ask(reason)

    async def drive(self) -> None:
        """Returns when the run is final or blocked. Cancelling this coroutine stops watching: the job goes on.

        Raises VastDeskError when not even the end could be stored.
        """
        say = self._journal.say
        try:
            await self._course()
        except RunCancelled:
            await say("cancelled", reason=self._cancellation.reason)
        except Abandoned:
            await say("lost", reason=ABANDONED)
        except VastDeskError as error:
            await self._refused(error)
        except Exception:
            log.exception("the driver of run %s broke off", self._journal.run_id)
            await say("failed", reason="VastDesk itself broke off; the log file has the details", kind="internal")
            raise
        finally:
            await self._tasks.aclose()

    async def _course(self) -> None:
        self._journal.state = (await self._journal.view()).state
        if self._journal.state == "cancelling":
            self._cancellation.ask(None)
        open_job = await self._open_job()
        if open_job is not None and not await self._finish_job(open_job):
            return
        while (segment := self._next_segment(await self._journal.view())) is not None:
            if self._cancellation.asked.is_set():
                raise RunCancelled
            done = await (self._on_desktop(segment) if segment.where == "desktop" else self._on_instance(segment))
            if not done:
                return
            if self._next_segment(await self._journal.view()) is not None:
                await self._cancellation.interruptible(asyncio.sleep(self._workflow.step_delay_s))
        await self._journal.say("succeeded")

    def _next_segment(self, view: RunView) -> Segment | None:
        """What comes next: the segment that begins at the first step that is not settled."""
        states = {step.id: step for step in view.steps}
        todo = [use for use in self._workflow.steps if use.enabled and not _settled(use, states.get(use.id))]
        # A desktop segment is taken step by step, so that a restart goes on after the last one that ended.
        return cut(todo)[0] if todo else None

    # -- steps on the desktop --------------------------------------------------------------------------------------

    async def _on_desktop(self, segment: Segment) -> bool:
        use = segment.steps[0]
        append = self._journal.append
        await self._journal.say("connecting" if use.use == "test_ssh" else "running")
        await append("step_started", step=use.id, limit_s=use.limit_s)
        work = run_desktop_step(
            use, run_id=self._journal.run_id, instance=self._instance, links=self._links, append=append
        )
        try:
            note = await self._cancellation.interruptible(work)
        except RunCancelled:
            await append("step_finished", step=use.id, state="cancelled", note="cancelled")
            raise
        except VastDeskError as error:
            if error.kind in HOST_KEY:
                raise
            await append("step_finished", step=use.id, state="failed", note=error.sentence)
            if use.on_failure == "continue":
                return True
            raise
        await append("step_finished", step=use.id, state="succeeded", note=note)
        return True

    # -- jobs on the instance --------------------------------------------------------------------------------------

    async def _on_instance(self, segment: Segment) -> bool:
        """True: the job succeeded and the run goes on."""
        run_id = self._journal.run_id
        spec = job_spec(new_id(), run_id, segment.steps, self._workflow, self._instance)
        shown = await self._show_first_row(segment.steps[0])
        # Written down before anything is sent: whoever finds the run later knows which job to ask for.
        await self._store.add_job(run_id, spec["job"], spec)
        job = (await self._store.jobs(run_id))[-1]
        try:
            return await self._finish_job(job)
        except VastDeskError as error:
            if shown and not await self._follower.is_sent(job):
                state = "interrupted" if error.kind in HOST_KEY else "failed"
                await self._journal.append("step_finished", step=segment.steps[0].id, state=state, note=error.sentence)
            raise

    async def _show_first_row(self, use: StepUse) -> bool:
        """A person who clicks sees the first row at once, not when the machine has answered."""
        first_row = load(use.use).first_row
        if first_row is None:
            return False
        row = first_row(use.params)
        append = self._journal.append
        await append("step_started", step=use.id, limit_s=use.limit_s)
        await append("plan", step=use.id, tasks=[dict(row)])
        await append("task", step=use.id, id=row["id"], state="running")
        return True

    async def _open_job(self) -> JobRow | None:
        """The last job, unless its end is known."""
        jobs = await self._store.jobs(self._journal.run_id)
        ended = {job.id for job in (await self._journal.view()).jobs if job.ended}
        return jobs[-1] if jobs and jobs[-1].id not in ended else None

    async def _finish_job(self, job: JobRow) -> bool:
        """Follows the job to its end; True when the run goes on behind it."""
        status = await self._follower.follow(job)
        await self._journal.append("job_ended", id=job.id, state=status.state)
        if status.state != "finished":
            await self._gone(status)
            return False
        outcome = (status.exit or {}).get("state", "failed")
        if outcome == "succeeded":
            return True
        reason = str((status.exit or {}).get("reason") or "")
        await self._journal.say("cancelled" if outcome == "cancelled" else "failed", reason=reason or None)
        return False

    # -- ends ------------------------------------------------------------------------------------------------------

    async def _refused(self, error: VastDeskError) -> None:
        """The run cannot go on: blocked by a host key, or failed with the sentence of the error."""
        if error.kind in HOST_KEY:
            block = {"kind": error.kind, **error.facts}
            await self._journal.say("blocked", reason=error.sentence, kind=error.kind, block=block)
        else:
            await self._journal.say("failed", reason=error.sentence, kind=error.kind, action=error.action)

    async def _gone(self, status: JobStatus) -> None:
        reason = str((status.exit or {}).get("reason") or "") or GONE.get(status.state, status.state)
        state = "interrupted" if status.state == "interrupted" else "lost"
        await self._journal.say(state, reason=reason, tail=list(status.tail)[-20:])


def _settled(use: StepUse, step: StepView | None) -> bool:
    """Nothing is left to do: done, switched off, or failed where the workflow allows it."""
    if step is None:
        return False
    return step.state in ("succeeded", "skipped") or (step.state == "failed" and use.on_failure == "continue")
