"""`RunnerClient`: requests and event streams of all jobs of an instance over one channel (docs/protocol.md §5)."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.channel import FramedReader
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.status import JobStatus
from vastdesk.remote.watch import Watch

__all__ = ["JobStatus", "RunnerClient"]

PROBE_TIMEOUT_S = 90.0
"""nvidia-smi alone may take tens of seconds on a machine that has just started."""


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[Any]
    watch: Watch | None = None


class RunnerClient:
    """Every call raises VastDeskError("connection_lost") when the channel dies or is silent for `stale_after_s`,
    "no_answer" when only the answer stays out, "disk_full_remote" and else "runner_refused" (facts: `reason`, the
    runner's own kind) for a no."""

    def __init__(
        self,
        reader: FramedReader,
        host: str,
        *,
        stale_after_s: float = 8.0,
        request_timeout_s: float = 30.0,
    ) -> None:
        self.host = host
        self.lost = asyncio.Event()
        self._reader = reader
        self._stale_after_s = stale_after_s
        self._request_timeout_s = request_timeout_s
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._watches: dict[str, Watch] = {}
        self._lost_because: str | None = None
        self._heard = asyncio.get_running_loop().time()
        reader.on_bytes = self._on_bytes
        self._tasks = TaskOwner(f"runner client of {host}")
        self._tasks.spawn(self._read(), "reader")
        self._tasks.spawn(self._watch_silence(), "silence")

    # -- requests ------------------------------------------------------------------------------------------------------

    async def start(self, spec: Mapping[str, Any], secrets: Mapping[str, str]) -> JobStatus:
        """Start the job, or learn of it when it is there already."""
        return self._status(await self.request("start", spec=spec, secrets=secrets))

    async def status(self, job: str) -> JobStatus:
        return self._status(await self.request("status", job=job))

    async def cancel(self, job: str) -> JobStatus:
        """Ask for the end; the end itself comes through `watch`."""
        return self._status(await self.request("cancel", job=job))

    async def ack(self, job: str, seq: int) -> None:
        """Everything up to `seq` is stored here."""
        await self.request("ack", job=job, seq=seq)

    async def log(self, job: str, step: str, offset: int = 0, max_bytes: int = 1 << 16) -> dict[str, Any]:
        """Raw output of a step: `{"offset", "data", "next", "size", "eof"}`."""
        return self._object(await self.request("log", job=job, step=step, offset=offset, max=max_bytes))

    async def clean(self) -> list[str]:
        """Remove old jobs; which ones."""
        return list(self._object(await self.request("clean")).get("removed") or ())

    async def probe(self) -> dict[str, Any]:
        """Facts about the machine."""
        return self._object(await self.request("probe", timeout_s=PROBE_TIMEOUT_S))

    async def sweep(self, job: str) -> int:
        """Kill what a lost job left behind; how many."""
        return int(self._object(await self.request("sweep", job=job)).get("killed") or 0)

    async def request(self, op: str, *, timeout_s: float | None = None, **fields: Any) -> Any:
        """The result of any operation."""
        return await self._request(op, None, timeout_s or self._request_timeout_s, fields)

    async def _request(self, op: str, watch: Watch | None, timeout_s: float, fields: Mapping[str, Any]) -> Any:
        self._check_alive()
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = _Pending(answer, watch)
        try:
            async with asyncio.timeout(timeout_s):
                await self._say({"id": number, "op": op, **fields})
                message = await answer
        except TimeoutError:
            raise VastDeskError("no_answer", host=self.host, op=op, timeout_s=f"{timeout_s:g}") from None
        finally:
            self._pending.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at, even when the send failed first
        if message.get("ok") is not True:
            error = message.get("error") or {}
            if error.get("kind") == "disk_full":
                raise VastDeskError("disk_full_remote", host=self.host, path="~/.vastdesk")
            detail = str(error.get("message") or error.get("kind") or "it did not say why")
            raise VastDeskError("runner_refused", op=op, detail=detail, reason=error.get("kind"))
        return message.get("result")

    # -- streams -------------------------------------------------------------------------------------------------------

    async def watch(self, job: str, since: int) -> AsyncIterator[list[dict[str, Any]] | JobStatus]:
        """Batches of events from `since + 1` on, each once and in order; then the final status once.

        A new watch of a job takes the place of the one before, which then raises RuntimeError.
        """
        watch = Watch(job, since)
        if job in self._watches:
            self._watches[job].fail(RuntimeError(f"job {job} is watched anew by somebody else"))
        self._watches[job] = watch
        try:
            while True:
                fields = {"job": job, "since": watch.last}
                status = self._status(await self._request("watch", watch, self._request_timeout_s, fields))
                end = status if status.state == "absent" else None
                while end is None and (item := await watch.next()) is not None:
                    if isinstance(item, JobStatus):
                        end = item
                    else:
                        yield item
                if end is not None:
                    self._unwatch(watch)  # before the yield: who has got the end may never come back here
                    yield end
                    return
                await self.request("unwatch", job=job)
        finally:
            self._unwatch(watch)

    def _unwatch(self, watch: Watch) -> None:
        if self._watches.get(watch.job) is not watch:
            return
        del self._watches[watch.job]
        if watch.listening and not self.lost.is_set():
            self._tasks.spawn(self._say({"id": next(self._ids), "op": "unwatch", "job": watch.job}), "unwatch")

    # -- the channel ---------------------------------------------------------------------------------------------------

    async def check(self, patience_s: float = 10.0) -> bool:
        """After a sleep: whether the channel still lives. Says something and waits for any word; none means lost.

        Three seconds, as others have it, kill healthy connections: a network needs longer to come back.
        """
        if self.lost.is_set():
            return False
        begin = asyncio.get_running_loop().time()
        try:
            await self.request("status", job="-", timeout_s=patience_s)
        except VastDeskError as error:
            if error.kind == "no_answer" and self._heard < begin:
                self._fail(f"silent for {patience_s:g} s after this computer woke up")
        return not self.lost.is_set()

    async def aclose(self) -> None:
        """End the channel; calls that wait raise `connection_lost`. Jobs go on."""
        self._fail("closed")
        await self._tasks.aclose()

    @property
    def lost_because(self) -> str | None:
        """Why the channel is dead, None while it lives."""
        return self._lost_because

    async def _read(self) -> None:
        try:
            while messages := await self._reader.batch():
                for message in messages:
                    self._route(message)
            self._fail(self._reader.channel.ending() or "the channel ended")
        except VastDeskError as error:
            self._fail(str(error.facts.get("detail") or error))
        except Exception:
            self._fail("VastDesk could not read the channel")
            raise

    def _route(self, message: dict[str, Any]) -> None:
        """Answers by id, events by job. Beats and what a newer runner may say need no hand."""
        number, job = message.get("id"), message.get("job")
        if number is not None:
            pending = self._pending.get(number)
            if pending is None or pending.answer.done():
                return
            if pending.watch is not None and message.get("ok") is True:
                pending.watch.opened()  # here and now: its first events may be in the same block
            pending.answer.set_result(message)
        elif isinstance(job, str) and (watch := self._watches.get(job)) is not None:
            if isinstance(message.get("events"), list):
                watch.feed(message["events"])
            elif "end" in message:
                watch.finish(self._status(message["end"]))

    def _on_bytes(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    async def _watch_silence(self) -> None:
        loop = asyncio.get_running_loop()
        tick = min(self._stale_after_s / 8, 1.0)
        while not self.lost.is_set():
            before = loop.time()
            await asyncio.sleep(tick)
            late = loop.time() - before - tick
            if late > tick:
                self._heard += late  # this computer slept or was busy: that was not the peer's silence
            if loop.time() - self._heard > self._stale_after_s:
                self._fail(f"silent for {self._stale_after_s:g} s")

    def _fail(self, detail: str) -> None:
        if self.lost.is_set():
            return
        self._lost_because = detail
        self.lost.set()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(self._loss())
        for watch in self._watches.values():
            watch.fail(self._loss())
        self._reader.channel.close()

    def _check_alive(self) -> None:
        if self.lost.is_set():
            raise self._loss()

    def _loss(self) -> VastDeskError:
        return VastDeskError("connection_lost", host=self.host, detail=self._lost_because)

    async def _say(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":"), ensure_ascii=True) + "\n"
        await self._reader.channel.send(line.encode("ascii"))

    # -- what comes back -----------------------------------------------------------------------------------------------

    def _status(self, value: Any) -> JobStatus:
        try:
            return JobStatus.from_json(value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise VastDeskError("protocol_error", host=self.host, detail=f"no status: {str(value)[:200]}") from error

    def _object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise VastDeskError("protocol_error", host=self.host, detail=f"no object: {str(value)[:200]}")
        return value
