"""A two-way stream to a process on the instance, and the framed lines in it."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from vastdesk.domain.errors import VastDeskError

READ_BYTES = 1 << 16
NOISE_LINES = 100
NOISE_WIDTH = 500
MAX_LINE_BYTES = 16 << 20

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


class Channel(Protocol):
    """What carries the bytes: an exec channel of SSH, or a socket of the rescue."""

    async def read(self, limit: int) -> bytes:
        """Some bytes, b"" at the end. Raises VastDeskError("connection_lost") when the connection died."""

    async def send(self, data: bytes) -> None:
        """Returns when the stream takes more. Raises VastDeskError("connection_lost")."""

    def send_eof(self) -> None:
        """Nothing more will be sent."""

    def close(self) -> None:
        """Ends it on our side; does not wait."""

    def ending(self) -> str:
        """How the far process ended, in words; "" while that is not known."""


class Noise:
    """What a shell printed and nobody asked for: the last lines, for diagnostics."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=NOISE_LINES)

    def add(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            text = "".join(char for char in _ANSI.sub("", line) if char.isprintable()).strip()
            if text:
                self._lines.append(text[:NOISE_WIDTH])

    def lines(self) -> list[str]:
        return list(self._lines)

    def last(self) -> str:
        """The last line, or "it said nothing"."""
        return self._lines[-1] if self._lines else "it said nothing"


class FramedReader:
    """Picks the lines that carry our token out of everything else. Reads blocks, not lines: it is the hot path."""

    def __init__(self, channel: Channel, token: str, noise: Noise, on_bytes: Callable[[], None] | None = None) -> None:
        self.channel = channel
        self.token = token
        self.noise = noise
        self.on_bytes = on_bytes
        self.damaged = 0
        """Framed lines that were not JSON."""
        self._mark = f"{token} ".encode("ascii")
        self._rest = bytearray()
        self._ready: deque[dict[str, Any]] = deque()

    async def batch(self) -> list[dict[str, Any]]:
        """The objects of the next blocks that hold any; [] at the end of the stream."""
        while not self._ready:
            data = await self.channel.read(READ_BYTES)
            if not data:
                return []
            if self.on_bytes is not None:
                self.on_bytes()
            self._feed(data)
        found = list(self._ready)
        self._ready.clear()
        return found

    async def one(self) -> dict[str, Any] | None:
        """The next object, None at the end."""
        if not self._ready:
            self._ready.extend(await self.batch())
        return self._ready.popleft() if self._ready else None

    def _feed(self, data: bytes) -> None:
        self._rest += data
        end = self._rest.rfind(b"\n")
        if end < 0:
            if len(self._rest) > MAX_LINE_BYTES:
                raise VastDeskError("protocol_error", host="the instance", detail="a line without an end")
            return
        lines = bytes(self._rest[:end]).split(b"\n")
        del self._rest[: end + 1]
        for line in lines:
            # The token may stand behind a prompt or a half line of somebody else.
            at = line.find(self._mark)
            if at < 0:
                self.noise.add(line)
                continue
            try:
                value = json.loads(line[at + len(self._mark) :])
            except ValueError:
                value = None
            if isinstance(value, dict):
                self._ready.append(value)
            else:
                self.damaged += 1
                self.noise.add(line)
