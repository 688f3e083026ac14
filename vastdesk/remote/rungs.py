"""The ladder from an address to a served channel, as it is climbed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from vastdesk.domain.errors import VastDeskError

RungState = Literal["running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: `key resolve tcp kex login runner`; those of a jump host begin with `jump `.

    The same rung comes again for the next endpoint, when an instance has several. `duration_s` counts from `running`.
    """

    name: str
    state: RungState
    note: str = ""
    duration_s: float = 0.0


OnRung = Callable[[Rung], Awaitable[None]]


class Ladder:
    """Reports rungs to whoever asked for them."""

    def __init__(self, on_rung: OnRung | None, prefix: str = "") -> None:
        self._on_rung = on_rung
        self._prefix = prefix

    def beside(self, prefix: str) -> Ladder:
        """The same listener, with names that begin differently."""
        return Ladder(self._on_rung, prefix)

    async def say(self, name: str, state: RungState, note: str = "", duration_s: float = 0.0) -> None:
        if self._on_rung is not None:
            await self._on_rung(Rung(self._prefix + name, state, note, duration_s))

    @asynccontextmanager
    async def rung(self, name: str, note: str = "") -> AsyncIterator[Note]:
        """Running, then succeeded with the note the body leaves, or failed with the sentence of its VastDeskError."""
        begin = time.monotonic()
        result = Note(note)
        await self.say(name, "running", note)
        try:
            yield result
        except VastDeskError as error:
            await self.say(name, "failed", error.sentence, time.monotonic() - begin)
            raise
        await self.say(name, "succeeded", result.text, time.monotonic() - begin)


@dataclass(slots=True)
class Note:
    """What a rung says when it is done."""

    text: str = ""
