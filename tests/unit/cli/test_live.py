"""The live view on a terminal."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console

from tests.unit.cli import stories
from vastdesk.cli import live
from vastdesk.cli.live import HINT, LivePresenter


def terminal(width: int = 80, height: int = 24, **more: Any) -> Console:
    """A terminal that can be read."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="standard", highlight=False,
        markup=False, emoji=False, **more,
    )  # fmt: skip


def written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


async def until(console: Console, text: str) -> None:
    """Wait until the view has drawn `text`."""
    async with asyncio.timeout(5):
        while text not in written(console):
            await asyncio.sleep(0.01)


async def test_it_draws_what_happens_and_leaves_the_last_picture() -> None:
    console = terminal()
    view = LivePresenter(can_ask=False, console=console)
    async with view.shown():
        view.update([], stories.installing().view)
        await until(console, "ComfyUI-Node-3")
        view.update([], stories.finished().view)
    view.close(stories.finished().view, left=False)
    last = written(console).rpartition("run 0193c1f2-7a31")[2]
    assert "Installed 9/10 custom nodes (1 failed)" in last
    assert HINT not in last, "the hint goes when there is nothing to interrupt any more"
    assert "Workflow completed: 3 steps in 00:39" in last
    assert "vastdesk retry 0193c1f2-7a31 --failed-only" in last


async def test_colours_are_left_out_when_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal()
    view = LivePresenter(can_ask=False, console=console)
    async with view.shown():
        view.update([], stories.installing().view)
        await until(console, "ComfyUI-Node-3")
    text = written(console)
    assert "\x1b[3" not in text, "no foreground colour"
    assert "✗ 2 others (1/2)       failed" in text, "words and signs say it all the same"


async def test_commands_to_copy_are_not_cut_into_lines() -> None:
    console = terminal(width=40)
    view = LivePresenter(can_ask=False, console=console)
    async with view.shown():
        view.update([], stories.blocked().view)
    view.close(stories.blocked().view, left=False)
    assert "  vastdesk instances trust my-box SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8\n" in written(console)


async def test_it_steps_aside_for_a_question_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REDRAW_S", 0.0)  # a redraw at every turn of the loop
    console = terminal()
    view = LivePresenter(can_ask=False, console=console)
    async with view.shown():
        view.update([], stories.begun().view)
        await until(console, "Set UI_HOME")
        with view.aside():
            size = len(written(console))
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(written(console)) == size, "nothing is drawn into the question"
        view.update([], stories.installing().view)
        await until(console, "ComfyUI-Node-3")


async def test_redraws_are_bounded_however_much_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0

    def counted(*args: Any) -> list[Any]:
        nonlocal drawn
        drawn += 1
        return []

    monkeypatch.setattr(live, "picture", counted)
    view = LivePresenter(can_ask=False, console=terminal())
    started = asyncio.get_running_loop().time()
    async with view.shown():
        for _ in range(2000):
            view.update([], stories.RunView())
            await asyncio.sleep(0)
        while asyncio.get_running_loop().time() - started < 0.5:
            await asyncio.sleep(0.01)
    took = asyncio.get_running_loop().time() - started
    assert drawn <= took * 10 + 4, "ten a second, and the first and the last picture"


async def _answered(monkeypatch: pytest.MonkeyPatch, key: str) -> str:
    import contextlib

    @contextlib.asynccontextmanager
    async def keys() -> Any:
        queue: asyncio.Queue[str] = asyncio.Queue()
        queue.put_nowait(key)
        yield queue

    monkeypatch.setattr(live, "typed_keys", keys)
    return await LivePresenter(can_ask=True, console=terminal()).ask()


@pytest.mark.parametrize(
    "key, choice",
    [("d", "detach"), ("D", "detach"), ("c", "cancel"), ("x", "watch"), ("\x1b", "watch"), ("", "detach")],
)
async def test_the_question_takes_one_key(monkeypatch: pytest.MonkeyPatch, key: str, choice: str) -> None:
    assert await _answered(monkeypatch, key) == choice
