"""One exec channel: a real `/bin/sh -c command` with pipes, binary safe, and never faster than the client reads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import asyncssh

from vastdesk.remote.owned import TaskOwner

_CHUNK = 64 * 1024
_HANGUP_S = 0.5
_CANNOT_START = 126
_OUTPUTS = frozenset((1, 2))


class Child(asyncio.SubprocessProtocol):
    """The command of a channel. Not `asyncio.subprocess.Process`: its `wait` also waits for pipes that something the
    command left behind may hold open for ever."""

    def __init__(self, session: Session) -> None:
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        """Nothing holds its stdout and stderr any more."""
        self._session = session
        self._open = set(_OUTPUTS)
        self._input_ready = asyncio.Event()
        self._input_ready.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        try:
            (self._session.stdout if fd == 1 else self._session.stderr).write(data)
        except OSError:
            pass  # the channel is closed: serve_command sees that too

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open & _OUTPUTS:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()

    def pause_writing(self) -> None:
        self._input_ready.clear()

    def resume_writing(self) -> None:
        self._input_ready.set()

    def let_output_flow(self, flowing: bool) -> None:
        """The client has room for output, or has none: then the pipe fills, and the command waits."""
        for fd in self._open:
            pipe = cast("asyncio.ReadTransport | None", self.transport.get_pipe_transport(fd))
            if pipe is not None and not pipe.is_closing():
                if flowing:
                    pipe.resume_reading()
                else:
                    pipe.pause_reading()

    async def feed(self) -> None:
        """Input from the client, to its end of file."""
        pipe = cast(asyncio.WriteTransport, self.transport.get_pipe_transport(0))
        try:
            while not pipe.is_closing() and (data := await self._read_input()):
                pipe.write(data)
                await self._input_ready.wait()
        except (asyncssh.Error, OSError):
            pass  # the channel is gone
        finally:
            pipe.close()

    async def _read_input(self) -> bytes:
        while True:
            try:
                return await self._session.stdin.read(_CHUNK)
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue

    def send_signal(self, name: str) -> None:
        """Signal its process group, as long as it lives and the group is surely its own. Unknown names are ignored,
        as sshd does."""
        number = getattr(signal, f"SIG{name}", None)
        if number is None or self.exited.is_set():
            return
        try:
            os.killpg(self.transport.get_pid(), number)
        except ProcessLookupError:
            pass  # it ended just now

    async def end(self) -> None:
        """Hang up, then kill, if it still runs; and let go of the pipes."""
        if not self.exited.is_set():
            self.send_signal("HUP")
            try:
                await asyncio.wait_for(self.exited.wait(), _HANGUP_S)
            except TimeoutError:
                self.send_signal("KILL")
                await self.exited.wait()
        self.transport.close()


class Session(asyncssh.SSHServerProcess[bytes]):
    """A session channel of the server."""

    def __init__(self, begin: Callable[[Session], None], sftp: Callable[..., asyncssh.SFTPServer]) -> None:
        super().__init__(lambda _: begin(self), sftp, 3, True)
        self.child: Child | None = None

    def signal_received(self, signal: str) -> None:
        # asyncssh would hand it over through stdin, where nobody hears it after the end of the input.
        if self.child is not None:
            self.child.send_signal(signal)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.child is not None:
            self.child.let_output_flow(False)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.child is not None:
            self.child.let_output_flow(True)


async def serve_command(session: Session, tasks: TaskOwner, home: Path, environment: Mapping[str, str]) -> None:
    """Run the command of the session to its end, and report how it ended.

    When the channel or the server goes away first, only the process group of the command is ended: what it started in
    sessions of its own (the jobs of the runner) goes on.
    """
    try:
        child = await _spawn(session, home, environment)
    except OSError as error:  # no home any more, no processes left
        session.stderr.write(f"practice: {error}\n".encode())
        session.exit(_CANNOT_START)
        return
    session.child = child
    feed = tasks.spawn(child.feed(), "input")
    ended = tasks.spawn(_ended(child), "end")
    closed = tasks.spawn(session.channel.wait_closed(), "channel")
    try:
        await asyncio.wait({ended, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not closed.done():
            _report(session, child.transport.get_returncode())
    finally:
        for task in (feed, ended, closed):
            task.cancel()
        await child.end()
        await asyncio.wait([feed, ended, closed])


async def _spawn(session: Session, home: Path, environment: Mapping[str, str]) -> Child:
    argv = ["/bin/sh"] if session.command is None else ["/bin/sh", "-c", session.command]
    _, child = await asyncio.get_running_loop().subprocess_exec(
        lambda: Child(session),
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=home,
        env=dict(environment),
        start_new_session=True,
    )
    return child


async def _ended(child: Child) -> None:
    # As sshd does: the command is over when it has ended and nothing holds its output any more.
    await child.exited.wait()
    await child.silent.wait()


def _report(session: Session, code: int | None) -> None:
    if session.channel.is_closing():
        return
    if code is not None and code < 0:
        session.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        session.exit(code or 0)
