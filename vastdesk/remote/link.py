"""`Link`: the one connection to an instance and the served channel in it, made and closed together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.remote.bootstrap import Opener, Package, start_runner
from vastdesk.remote.channel import Noise
from vastdesk.remote.client import RunnerClient
from vastdesk.remote.command import run_framed
from vastdesk.remote.connection import Connection, open_connection
from vastdesk.remote.keys import KeySource
from vastdesk.remote.known import HostKeys
from vastdesk.remote.options import Options
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.rungs import Ladder, OnRung

if TYPE_CHECKING:
    import asyncssh

_ENDED_EARLY = ("shell_in_the_way", "runner_failed", "channel_refused")
GOING_DOWN_S = 1.0
"""A machine that goes down ends what runs in a session some moments before the connection itself."""


class Link:
    """Shared by all that needs the instance. After a loss the same link can connect again."""

    def __init__(
        self,
        instance: Instance,
        *,
        host_keys: HostKeys,
        keys: KeySource,
        options: Options | None = None,
        package: Package | None = None,
    ) -> None:
        """`options` is one object for the whole app. `package` is the runner to put there, by default our own."""
        self.instance = instance
        self.facts: dict[str, Any] = {}
        """What the runner said of itself and its machine: `runner version python pid time home boot_id`."""
        self._host_keys = host_keys
        self._keys = keys
        self._options = options or Options()
        self._package = package
        self._connection: Connection | None = None
        self._client: RunnerClient | None = None
        self._opener: Opener | None = None
        self._tasks: TaskOwner | None = None
        self._noise = Noise()
        self._commands = asyncio.Semaphore(self._options.exec_channels)

    @property
    def connected(self) -> bool:
        return self._client is not None and not self._client.lost.is_set()

    @property
    def diagnostics(self) -> dict[str, Any]:
        """For "copy details": endpoint, versions, banner, what the login shell printed. No secrets."""
        about = self._connection.diagnostics if self._connection is not None else {}
        return {**about, "runner": self.facts, "noise": self._noise.lines()}

    @property
    def client(self) -> RunnerClient:
        """Raises VastDeskError("connection_lost") when there is no living channel."""
        if self._client is None:
            raise VastDeskError("connection_lost", host=self.instance.name, detail="not connected")
        return self._client

    @property
    def ssh(self) -> asyncssh.SSHClientConnection:
        """For tunnels and transfers within `remote`. Raises VastDeskError("connection_lost")."""
        if self._connection is None or not self._connection.open:
            raise VastDeskError("connection_lost", host=self.instance.name, detail="not connected")
        return self._connection.ssh

    async def connect(self, on_rung: OnRung | None = None) -> None:
        """Climb all rungs, `key` to `runner`. Raises VastDeskError; nothing is left open then."""
        await self.close()
        self._tasks = TaskOwner(f"link to {self.instance.name}")
        try:
            self._connection = await open_connection(
                self.instance, host_keys=self._host_keys, keys=self._keys, options=self._options, on_rung=on_rung
            )
            async with Ladder(on_rung).rung("runner") as note:
                detour = await self._serve(self._connection, self._tasks)
                note.text = "; ".join(filter(None, (f"Python {self.facts.get('python', '?')}", detour)))
        except BaseException:
            await self.close()
            raise
        self._tasks.spawn(self._end_together(self._connection, self.client), "end together")

    async def _serve(self, connection: Connection, tasks: TaskOwner) -> str:
        """What had to be done on the way, "" as a rule."""
        try:
            return await self._start(connection, tasks)
        except VastDeskError as error:
            if error.kind not in _ENDED_EARLY or not await _ends(connection):
                raise
            raise VastDeskError("connection_lost", host=str(connection.endpoint), detail=error.sentence) from error

    async def _start(self, connection: Connection, tasks: TaskOwner) -> str:
        from vastdesk.remote.execchannel import ExecOpener

        options, detour = self._options, ""
        self._opener = opener = ExecOpener(connection, tasks)
        self._noise = noise = Noise()
        package = await self._runner()
        try:
            served = await start_runner(opener, package, noise, options.boot_timeout_s)
        except VastDeskError as error:
            if error.kind != "shell_in_the_way" or not options.rescue:
                raise
            from vastdesk.remote.rescue import rescue

            served, self._opener, detour = await rescue(connection, opener, package, noise, options.boot_timeout_s)
        self.facts = served.facts
        self._client = RunnerClient(
            served.reader,
            self._opener.host,
            stale_after_s=options.stale_after_s,
            request_timeout_s=options.request_timeout_s,
        )
        return detour

    async def _runner(self) -> Package:
        if self._package is None:
            from vastdesk.remote.package import runner_package

            self._package = await asyncio.to_thread(runner_package)
        return self._package

    async def _end_together(self, connection: Connection, client: RunnerClient) -> None:
        await client.lost.wait()
        await connection.close()

    async def lost(self) -> str:
        """Waits until the link has ended; why, in words."""
        await self.client.lost.wait()
        return self.client.lost_because or ""

    async def run(
        self, argv: Sequence[str], *, stdin: bytes | None = None, timeout_s: float = 60.0
    ) -> tuple[int, bytes]:
        """Exit code and stdout of a command. The code comes from the machine's own words, never from a channel that
        may have died. Raises `connection_lost`, `channel_refused`, `command_timeout`; after a timeout the command may
        live on there."""
        if self._opener is None or not self.connected:
            raise VastDeskError("connection_lost", host=self.instance.name, detail="not connected")
        async with self._commands:
            return await run_framed(self._opener, list(argv), stdin, timeout_s, secrets.token_hex(16))

    async def read_file(self, path: str, timeout_s: float = 60.0) -> bytes | None:
        """The whole of a small file; None when it is not there or not readable."""
        code, data = await self.run(["cat", "--", path], timeout_s=timeout_s)
        return data if code == 0 else None

    async def check(self, patience_s: float = 10.0) -> bool:
        """After this computer slept: whether the link still lives; a dead one is ended."""
        return self._client is not None and await self._client.check(patience_s)

    async def close(self) -> None:
        """End everything of this link. Jobs on the instance go on."""
        client, connection, tasks = self._client, self._connection, self._tasks
        self._client = self._connection = self._tasks = self._opener = None
        if client is not None:
            await client.aclose()
        if connection is not None:
            await connection.close()
        if tasks is not None:
            await tasks.aclose()


async def _ends(connection: Connection) -> bool:
    """Whether the connection ends as well. What had just begun on it is then no more than its first victim."""
    try:
        async with asyncio.timeout(GOING_DOWN_S):
            await connection.lost()
    except TimeoutError:
        return False
    return True
