"""The way in when the login shell lets no command through: a terminal, where a shell does appear, and keys typed there.

Some images start tmux in every shell and end the shell behind it (docs/facts.md#vast-auto-tmux). There exec and
SFTP give nothing at all, but a terminal shows a shell inside tmux. We make `~/.no_auto_tmux`; if commands still do not
come through, we start a doorman there and reach it through the connection without any shell.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from typing import cast

import asyncssh

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.bootstrap import FIND_PYTHON, Package, Served, packed_code, start_runner
from vastdesk.remote.channel import Noise
from vastdesk.remote.connection import Connection
from vastdesk.remote.execchannel import LOSSES, ExecChannel, ExecOpener
from vastdesk.remote.quoting import quote

log = logging.getLogger(__name__)

QUIET_S = 0.4
SETTLE_S = 5.0
ANSWER_S = 15.0
TMUX_NEW_WINDOW = b"\x02c"
# Wide, so that nothing we look for is broken into two lines.
SIZE = (500, 50)
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[@-Z\\^_=>78])|[\r\n\x0e\x0f]"
)


class Terminal:
    """A terminal session and what it has shown so far."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process
        self._shown = b""
        self.ended = False

    @property
    def in_tmux(self) -> bool:
        """Whether a program took the whole screen, as tmux does."""
        return b"\x1b[?1049h" in self._shown

    def keys(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
        except LOSSES:
            self.ended = True

    async def settle(self) -> None:
        """Until nothing new was shown for a moment."""
        try:
            async with asyncio.timeout(SETTLE_S):
                while await self._more(QUIET_S):
                    pass
        except TimeoutError:
            pass  # something prints all the time; it may be a job of the user

    async def answer(self, command: str, token: str) -> str | None:
        """Type a command; what it says as `@token@…@`. None when that does not come."""
        # A space in front keeps it out of the history of most shells.
        self.keys(f" {command}\r".encode())
        wanted = re.compile(b"@" + token.encode() + b"@([^@]+)@")
        begin = len(self._shown)
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    found = wanted.search(_ESCAPES.sub(b"", self._shown[begin:]))
                    if found is not None:
                        return found[1].decode("utf-8", "replace")
                    if self.ended:
                        return None
                    await self._more(ANSWER_S)
        except TimeoutError:
            return None

    async def _more(self, patience_s: float) -> bool:
        if self.ended:
            return False
        try:
            data = await asyncio.wait_for(self._process.stdout.read(1 << 16), patience_s)
        except TimeoutError:
            return False
        except LOSSES:
            data = b""
        self.ended = not data
        self._shown += data
        return bool(data)


class DoormanOpener:
    """Starts commands through the doorman; see `bootstrap.Opener`."""

    def __init__(self, connection: Connection, path: str) -> None:
        self.host = str(connection.endpoint)
        self._connection = connection
        self._path = path

    async def open(self, argv: list[str], noise: Noise) -> ExecChannel:
        """Raises `channel_refused`, `connection_lost`. What goes to stderr is lost."""
        try:
            reader, writer = await self._connection.ssh.open_unix_connection(self._path, encoding=None)
        except asyncssh.ChannelOpenError as error:
            raise VastDeskError("channel_refused", host=self.host, detail=error.reason) from error
        except LOSSES as error:
            raise VastDeskError("connection_lost", host=self.host, detail=str(error)) from error
        channel = DoormanChannel(self.host, writer, reader)
        await channel.send(json.dumps(argv).encode() + b"\n")
        return channel


class DoormanChannel(ExecChannel):
    def ending(self) -> str:
        return ""  # a socket has no exit code


async def rescue(
    connection: Connection, exec_opener: ExecOpener, package: Package, noise: Noise, timeout_s: float
) -> tuple[Served, ExecOpener | DoormanOpener, str]:
    """A served runner in spite of the login shell, what opens further commands, and what was done, for the user.

    Raises as `start_runner`.
    """
    try:
        process = await connection.ssh.create_process(term_type="xterm", term_size=SIZE, encoding=None)
    except LOSSES as error:
        raise VastDeskError("shell_in_the_way", host=exec_opener.host, detail=f"no terminal: {error}") from error
    terminal = Terminal(cast("asyncssh.SSHClientProcess[bytes]", process))
    try:
        await terminal.settle()
        if terminal.in_tmux:
            # Not into a session where something of the user's may be running: into a window of our own.
            terminal.keys(TMUX_NEW_WINDOW)
            await terminal.settle()
        token = secrets.token_hex(8)
        touched = await terminal.answer(f'touch ~/.no_auto_tmux; echo "@""{token}""@done@"', token)
        if touched is None:
            raise VastDeskError("shell_in_the_way", host=exec_opener.host, detail="not even a terminal answers")
        log.info("%s: made ~/.no_auto_tmux through a terminal", exec_opener.host)
        try:
            return await start_runner(exec_opener, package, noise, timeout_s), exec_opener, "made ~/.no_auto_tmux"
        except VastDeskError as error:
            if error.kind != "shell_in_the_way":
                raise
        opener = await _place_doorman(connection, terminal)
        return await start_runner(opener, package, noise, timeout_s), opener, "past the login shell"
    finally:
        if not terminal.ended:
            terminal.keys(b"exit\r")  # closes the window of our own; the terminal itself goes with the channel
            await terminal.settle()
        process.close()


async def _place_doorman(connection: Connection, terminal: Terminal) -> DoormanOpener:
    token = secrets.token_hex(8)
    argv = ["/bin/sh", "-c", FIND_PYTHON, "sh", packed_code("doorman.py"), token]
    path = await terminal.answer(" ".join(map(quote, argv)), token)
    if path is None:
        raise VastDeskError(
            "shell_in_the_way", host=str(connection.endpoint), detail="a terminal starts nothing either"
        )
    log.info("%s: reached through a socket, because the login shell lets no command through", connection.endpoint)
    return DoormanOpener(connection, path)
