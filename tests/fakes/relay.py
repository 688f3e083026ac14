"""A TCP relay in user space that makes a loopback connection as bad as the real world's.

    async with Relay("127.0.0.1", sshd.port) as relay:
        relay.delay_s = 0.04            # one way: 80 ms round trip
        ... connect to relay.host, relay.port ...
        relay.silent = True             # nothing passes and nobody is told: a pulled cable, a sleeping laptop
        relay.cut()                     # every connection is reset

All settings may change at any time and hold for both directions. Bytes stay in order, as TCP's do: loss is what TCP
makes of it, a stall of one retransmission time.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import Self

CHUNK_BYTES = 1 << 14
BACKLOG_CHUNKS = 256
"""What a direction holds at most while it waits (4 MiB); then the sender's window closes."""


@dataclass(eq=False)
class Relay:
    """Listens on `host:port` and passes everything on to the target. Belongs to the loop it was started in."""

    target_host: str
    target_port: int
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Added to the delay, uniformly from 0 to this."""
    loss: float = 0.0
    """Share of chunks (≤ 16 KiB) that arrive `retransmit_s` late, and everything behind them."""
    retransmit_s: float = 0.2
    bandwidth_bytes_s: float = 0.0
    """Per direction and connection; 0 is no limit."""
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    """Accepted so far."""
    passed_bytes: int = 0
    _server: asyncio.Server | None = field(default=None, repr=False)
    _pairs: set[_Pair] = field(default_factory=set, repr=False)
    _loud: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._loud.set()

    async def start(self) -> Self:
        """Listen; the port stays the same after `refuse()` and another `start()`."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port, limit=CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def silent(self) -> bool:
        """True: bytes, ends and resets are held back until it is False; new connections are taken and get nothing."""
        return not self._loud.is_set()

    @silent.setter
    def silent(self, value: bool) -> None:
        if value:
            self._loud.clear()
        else:
            self._loud.set()

    @property
    def open_connections(self) -> int:
        return len(self._pairs)

    def cut(self) -> int:
        """Reset every connection on both sides (RST). Returns how many."""
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cut()
        return len(pairs)

    async def refuse(self) -> None:
        """Stop listening: new connections are refused. Open ones live on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        await self.refuse()
        tasks = [pair.task for pair in self._pairs if pair.task is not None]
        self.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pair = _Pair(self, reader, writer)
        pair.task = asyncio.current_task()
        self._pairs.add(pair)
        try:
            await pair.run()
        except asyncio.CancelledError:
            pass  # start_server's own callback would report it as an error
        finally:
            self._pairs.discard(pair)
            pair.cut()


@dataclass(eq=False)
class _Pair:
    relay: Relay
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: asyncio.Task[None] | None = None
    far: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        try:
            far_reader, self.far = await asyncio.open_connection(
                self.relay.target_host, self.relay.target_port, limit=CHUNK_BYTES
            )
        except OSError:
            return
        for writer in (self.writer, self.far):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.TaskGroup() as group:
                for reader, writer in ((self.reader, self.far), (far_reader, self.writer)):
                    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(BACKLOG_CHUNKS)
                    group.create_task(self._take(reader, queue))
                    group.create_task(self._give(queue, writer))
        except* OSError:
            await self.relay._loud.wait()  # a reset is not heard through silence either

    async def _take(self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        relay, loop = self.relay, asyncio.get_running_loop()
        free = 0.0  # when the line has sent what it was given
        while True:
            data = await reader.read(CHUNK_BYTES)
            now = loop.time()
            if relay.bandwidth_bytes_s:
                free = max(free, now) + len(data) / relay.bandwidth_bytes_s
                now = free
            due = now + relay.delay_s + relay.random.random() * relay.jitter_s
            if relay.loss and relay.random.random() < relay.loss:
                due += relay.retransmit_s
            await queue.put((due, data))
            if not data:
                return

    async def _give(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        relay, loop = self.relay, asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await relay._loud.wait()
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            relay.passed_bytes += len(data)

    def cut(self) -> None:
        for writer in (self.writer, self.far):
            if writer is None or writer.transport.is_closing():
                continue
            sock = writer.get_extra_info("socket")
            # Linger 0: the kernel sends a reset instead of a polite end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
