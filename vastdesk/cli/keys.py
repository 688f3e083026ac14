"""Keys from the terminal, without blocking the event loop and without a thread that would outlive the question.

`getpass` in a thread would keep the program from ending and leave the terminal without echo after Ctrl+C.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vastdesk.remote.owned import TaskOwner

END = ""
"""What the queue gives when stdin has ended."""
_ENTER, _ERASE, _CLEAR, _END_OF_INPUT = "\r\n", "\x7f\b", "\x15", "\x04"


@asynccontextmanager
async def typed_keys() -> AsyncIterator[asyncio.Queue[str]]:
    """Inside the block, characters typed on stdin arrive one by one, unechoed. Ctrl+C stays a signal."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    if sys.platform == "win32":
        tasks = TaskOwner("keys")
        tasks.spawn(_poll_console(keys), "console")
        try:
            yield keys
        finally:
            await tasks.aclose()
        return
    import termios
    import tty

    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(stdin)
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def read() -> None:
        try:
            data = os.read(stdin, 1024)
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(stdin)
            keys.put_nowait(END)
        for char in decoder.decode(data):
            keys.put_nowait(char)

    tty.setcbreak(stdin, termios.TCSANOW)
    loop.add_reader(stdin, read)
    try:
        yield keys
    finally:
        loop.remove_reader(stdin)
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


async def read_secret(prompt: str) -> str | None:
    """A line typed without echo, the prompt on stderr; None when the user ends the input instead (Ctrl+D)."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    try:
        async with typed_keys() as keys:
            return await _line(keys)
    finally:
        sys.stderr.write("\n")
        sys.stderr.flush()


async def _line(keys: asyncio.Queue[str]) -> str | None:
    typed: list[str] = []
    while True:
        key = await keys.get()
        if key == END or (key == _END_OF_INPUT and not typed):
            return None
        if key in _ENTER or key == _END_OF_INPUT:
            return "".join(typed)
        if key in _ERASE:
            del typed[-1:]
        elif key == _CLEAR:
            typed.clear()
        else:
            typed.append(key)


async def _poll_console(keys: asyncio.Queue[str]) -> None:
    """The console of Windows cannot be watched by the event loop: twenty looks a second while a question is open."""
    import msvcrt

    while True:
        while msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
            keys.put_nowait(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]
        await asyncio.sleep(0.05)
