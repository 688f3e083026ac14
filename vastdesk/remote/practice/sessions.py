"""One exec channel: a real `/bin/sh -c command` with pipes, binary safe, and never faster than the client reads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncssh

from vastdesk.remote.owned import TaskOwner

_CHUNK = 64 * 1024
_HANGUP_S = 0.5


class Session(asyncssh.SSHServerProcess[bytes]):
    """A session channel. asyncssh would hand over signals through stdin, where nobody hears them after its end."""

    def __init__(self, begin: Callable[[Session], None], sftp: Callable[..., asyncssh.SFTPServer]) -> None:
        super().__init__(lambda _: begin(self), sftp, 3, True)
        self.child: asyncio.subprocess.Process | None = None

    def signal_received(self, signal: str) -> None:
        send_signal(self.child, signal)


def send_signal(child: asyncio.subprocess.Process | None, name: str) -> None:
    """Signal the group of a command that still runs; a name nobody knows is ignored, as sshd does."""
    number = getattr(signal, f"SIG{name}", None)
    if number is None or child is None or child.returncode is not None:
        return
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass  # it ended just now


async def serve_command(session: Session, tasks: TaskOwner, home: Path, environment: Mapping[str, str]) -> None:
    """Run the command of the session to its end, and report how it ended.

    When the channel or the server goes away first, only the process group of the command is ended: what it started in
    sessions of its own (the jobs of the runner) goes on.
    """
    command = session.command
    argv = ["/bin/sh"] if command is None else ["/bin/sh", "-c", command]
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=home,
        env=dict(environment),
        start_new_session=True,
    )
    session.child = child
    assert child.stdout is not None and child.stderr is not None
    work = [
        tasks.spawn(_pump(child.stdout, session.stdout), "stdout"),
        tasks.spawn(_pump(child.stderr, session.stderr), "stderr"),
    ]
    feed = tasks.spawn(_feed(session, child), "stdin")
    closed = tasks.spawn(session.channel.wait_closed(), "channel")
    ended = tasks.spawn(_all(child, work), "end")
    try:
        await asyncio.wait({ended, closed}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not ended.cancelled() and ended.exception() is None:
            _report(session, child.returncode)
    finally:
        for task in (feed, closed, ended, *work):
            task.cancel()
        await _end_group(child)
        await asyncio.wait([feed, closed, ended, *work])
        _close_pipes(child)


async def _all(child: asyncio.subprocess.Process, work: list[asyncio.Task[None]]) -> None:
    # As sshd does: the command is over when it has ended and nothing holds its output any more.
    await asyncio.wait(work)
    await child.wait()


async def _pump(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Output to the client. `drain` waits for it, and the pipe in turn makes the command wait."""
    try:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    except (asyncssh.Error, OSError):
        return  # the channel is gone: serve_command sees that too


async def _feed(session: Session, child: asyncio.subprocess.Process) -> None:
    """Input from the client, to its end of file."""
    pipe = child.stdin
    assert pipe is not None
    try:
        while True:
            try:
                data = await session.stdin.read(_CHUNK)
            except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
                continue
            if not data:
                break
            pipe.write(data)
            await pipe.drain()
    except (asyncssh.Error, OSError):
        pass  # the command does not read any more, or the channel is gone
    finally:
        pipe.close()


def _report(session: Session, code: int | None) -> None:
    if session.channel.is_closing():
        return
    if code is not None and code < 0:
        session.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        session.exit(code or 0)


async def _end_group(child: asyncio.subprocess.Process) -> None:
    """Hang up, then kill. Only while the command itself lives: its process group is surely its own as long."""
    if child.returncode is not None:
        return
    send_signal(child, "HUP")
    try:
        await asyncio.wait_for(child.wait(), _HANGUP_S)
    except TimeoutError:
        send_signal(child, "KILL")
        await child.wait()


def _close_pipes(child: asyncio.subprocess.Process) -> None:
    # asyncio offers no public way to let go of pipes that a grandchild still holds open.
    transport = getattr(child, "_transport", None)
    if transport is not None:
        transport.close()
