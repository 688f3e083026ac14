"""Keys from a real terminal (a pseudo-terminal in place of stdin)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are not a thing of Windows", allow_module_level=True)

import pty
import termios

from vastdesk.cli.keys import END, read_secret, typed_keys


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where to write what is typed."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield master
    try:
        os.close(master)
    except OSError:
        pass


def _echo() -> bool:
    return bool(termios.tcgetattr(sys.stdin.fileno())[3] & termios.ECHO)


async def test_keys_come_one_by_one_without_echo(keyboard: int) -> None:
    async with asyncio.timeout(5), typed_keys() as keys:
        assert not _echo()
        os.write(keyboard, "dä".encode())
        assert [await keys.get(), await keys.get()] == ["d", "ä"]
    assert _echo(), "the terminal is as it was"


async def test_the_terminal_is_put_back_when_the_question_is_given_up(keyboard: int) -> None:
    async def ask() -> None:
        async with typed_keys() as keys:
            await keys.get()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ask()
    assert _echo()


async def test_a_keyboard_that_goes_away_ends_the_input(keyboard: int) -> None:
    async with asyncio.timeout(5):
        try:
            async with typed_keys() as keys:
                os.close(keyboard)
                assert await keys.get() == END
        except termios.error:
            pass  # there is no terminal left to put back


@pytest.mark.parametrize(
    "typed, secret",
    [
        ("hunter2\n", "hunter2"),
        ("hunter3\x7f2\n", "hunter2"),
        ("wrong\x15right\n", "right"),
        ("pass wörd\n", "pass wörd"),
        ("\n", ""),
        ("\x04", None),
    ],
)
async def test_a_secret_is_typed_unseen(
    keyboard: int, typed: str, secret: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asyncio.timeout(5):
        reading = asyncio.gather(read_secret("Passphrase: "), _type(keyboard, typed))
        assert (await reading)[0] == secret
    assert capsys.readouterr() == ("", "Passphrase: \n")


async def _type(keyboard: int, text: str) -> None:
    while _echo():  # what is typed before the terminal is quiet would be seen, and belongs to somebody else
        await asyncio.sleep(0.001)
    os.write(keyboard, text.encode())
