"""A channel in memory: the test plays the runner at the other end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from vastdesk.domain.errors import VastDeskError

TOKEN = "0123456789abcdef"


class ScriptedChannel:
    """Implements `vastdesk.remote.channel.Channel`. `say` and `raw` are what arrives, `asked` is what was sent."""

    def __init__(self) -> None:
        self.closed = False
        self._incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._rest = b""

    # -- the other end -------------------------------------------------------------------------------------------------

    def say(self, *messages: dict[str, Any]) -> None:
        """Framed lines, in one block."""
        self.raw("".join(f"{TOKEN} {json.dumps(message)}\n" for message in messages).encode())

    def raw(self, data: bytes) -> None:
        self._incoming.put_nowait(data)

    def break_off(self) -> None:
        self._incoming.put_nowait(VastDeskError("connection_lost", host="h", detail="reset"))

    def end(self) -> None:
        self._incoming.put_nowait(b"")

    async def asked(self, op: str | None = None) -> dict[str, Any]:
        """The next request (of that kind; others are passed over)."""
        while True:
            request = await asyncio.wait_for(self._asked.get(), 5)
            if op is None or request["op"] == op:
                return request

    async def answer(self, op: str, result: Any = None, *then: dict[str, Any]) -> dict[str, Any]:
        """Take the next request of that kind and grant it; `then` follows in the same block."""
        request = await self.asked(op)
        self.say({"id": request["id"], "ok": True, "result": result}, *then)
        return request

    # -- Channel -------------------------------------------------------------------------------------------------------

    async def read(self, limit: int) -> bytes:
        if not self._rest:
            item = await self._incoming.get()
            if isinstance(item, Exception):
                raise item
            self._rest = item
        data, self._rest = self._rest[:limit], self._rest[limit:]
        return data

    async def send(self, data: bytes) -> None:
        for line in data.decode().splitlines():
            self._asked.put_nowait(json.loads(line))

    def send_eof(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
        self._incoming.put_nowait(b"")

    def ending(self) -> str:
        return ""
