"""One watched job on a served channel: every event once and in order, whatever the channel does to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from vastdesk.remote.status import JobStatus

log = logging.getLogger(__name__)

QUEUE_EVENTS = 10_000
"""What waits for a slow reader at most (some 10 MB); what comes beyond is dropped and asked for again."""
BATCH_EVENTS = 1_000

Event = dict[str, Any]


class Watch:
    """Between the channel's reader, which calls `opened`, `feed`, `finish`, `fail`, and a consumer, which calls `next`.

    While `listening` is False everything for this job is let go: it belongs to an earlier request, and the consumer
    asks again from the last good sequence number once it has taken what is queued.
    """

    def __init__(self, job: str, since: int) -> None:
        self.job = job
        self.last = since
        self.listening = False
        self.repeats = 0
        """How often the stream had to be asked for again."""
        self._queue: list[Event] = []
        self._hole_at: int | None = None
        self._end: JobStatus | None = None
        self._error: Exception | None = None
        self._changed = asyncio.Event()

    def opened(self) -> None:
        """The answer to a `watch` request went by: what follows is ours."""
        self.listening = True

    def feed(self, events: Sequence[Event]) -> None:
        if not self.listening:
            return
        for event in events:
            seq = event.get("seq") if isinstance(event, dict) else None
            if not isinstance(seq, int) or not self._accept(seq):
                self._stop()
                break
            self._queue.append(event)
            self.last = seq
        if len(self._queue) > QUEUE_EVENTS:
            self._stop()
        self._changed.set()

    def _accept(self, seq: int) -> bool:
        if seq == self.last + 1:
            return True
        if seq > self.last and self._hole_at == self.last:
            # Asked again, and the same is missing: the log itself has a hole (a damaged line). It will not heal.
            log.warning("job %s: events %d to %d are missing on the instance", self.job, self.last + 1, seq - 1)
            return True
        self._hole_at = self.last
        return False

    def _stop(self) -> None:
        self.listening = False
        self.repeats += 1

    def finish(self, status: JobStatus) -> None:
        if self.listening:
            self._end = status
            self.listening = False
            self._changed.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._changed.set()

    async def next(self) -> list[Event] | JobStatus | None:
        """A batch, the final status, or None: everything queued is taken and the stream has to be asked for again.

        What is queued comes before an error is raised.
        """
        while True:
            self._changed.clear()
            if self._queue:
                batch, self._queue = self._queue[:BATCH_EVENTS], self._queue[BATCH_EVENTS:]
                return batch
            if self._end is not None:
                return self._end
            if self._error is not None:
                raise self._error
            if not self.listening:
                return None
            await self._changed.wait()
