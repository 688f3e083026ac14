"""Commands over SSH: one exec channel each, without a terminal, stderr kept apart."""

from __future__ import annotations

import asyncio
from typing import cast

import asyncssh

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.channel import Noise
from vastdesk.remote.connection import Connection
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.quoting import remote_command

LOSSES = (OSError, asyncssh.Error)
"""What asyncssh raises from a read or a write when the connection is gone."""
REFUSED_WAITS_S = (0.02, 0.05, 0.1, 0.2)
"""sshd frees the place of a closed session late (docs/facts.md#sshd-ten-sessions)."""


class ExecOpener:
    """Opens exec channels on one connection; `owner` takes the tasks that read stderr."""

    def __init__(self, connection: Connection, owner: TaskOwner) -> None:
        self.host = str(connection.endpoint)
        self._connection = connection
        self._owner = owner

    async def open(self, argv: list[str], noise: Noise) -> ExecChannel:
        """Raises `channel_refused`, `connection_lost`."""
        for wait_s in REFUSED_WAITS_S:
            try:
                return await self._open(argv, noise)
            except VastDeskError as error:
                if error.kind != "channel_refused":
                    raise
            await asyncio.sleep(wait_s)
        return await self._open(argv, noise)

    async def _open(self, argv: list[str], noise: Noise) -> ExecChannel:
        try:
            stdin, stdout, stderr = await self._connection.ssh.open_session(remote_command(argv), encoding=None)
        except asyncssh.ChannelOpenError as error:
            kind = "channel_refused" if self._connection.open else "connection_lost"
            raise VastDeskError(kind, host=self.host, detail=error.reason) from error
        except LOSSES as error:
            raise VastDeskError("connection_lost", host=self.host, detail=str(error)) from error
        # Unread, stderr would fill the window that stdout shares with it.
        self._owner.spawn(_drain(stderr, noise), "stderr")
        return ExecChannel(self.host, stdin, stdout)


class ExecChannel:
    """A process on the instance; see `channel.Channel`."""

    def __init__(self, host: str, stdin: asyncssh.SSHWriter[bytes], stdout: asyncssh.SSHReader[bytes]) -> None:
        self._host = host
        self._stdin = stdin
        self._stdout = stdout

    async def read(self, limit: int) -> bytes:
        try:
            return await self._stdout.read(limit)
        except LOSSES as error:
            raise self._lost(error) from error

    async def send(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except LOSSES as error:
            raise self._lost(error) from error

    def send_eof(self) -> None:
        try:
            self._stdin.write_eof()
        except LOSSES:
            pass  # whoever reads will hear of it

    def close(self) -> None:
        self._stdin.channel.abort()

    def ending(self) -> str:
        """No status means that nobody knows: asyncssh gives none when the connection died."""
        channel = cast("asyncssh.SSHClientChannel[bytes]", self._stdin.channel)
        if (signal := channel.get_exit_signal()) is not None:
            return f"ended by signal {signal[0]}"
        status = channel.get_exit_status()
        return "" if status is None else f"ended with code {status}"

    def _lost(self, error: Exception) -> VastDeskError:
        return VastDeskError("connection_lost", host=self._host, detail=str(error) or type(error).__name__)


async def _drain(stderr: asyncssh.SSHReader[bytes], noise: Noise) -> None:
    try:
        while data := await stderr.read(1 << 16):
            noise.add(data)
    except (*LOSSES, asyncio.IncompleteReadError):
        pass  # the reader of stdout reports it
