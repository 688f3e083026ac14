"""The live task list on a terminal: the picture of the run, redrawn as it changes and as time goes by."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from vastdesk.cli.closing import closing_lines
from vastdesk.cli.following import Choice, Event
from vastdesk.cli.glyphs import SPINNER_PER_S, glyphs_for
from vastdesk.cli.keys import END, typed_keys
from vastdesk.cli.picture import Frame, picture
from vastdesk.domain.views import RunView
from vastdesk.remote.owned import TaskOwner

REDRAW_S = 0.1
HINT = "Ctrl+C: detach or cancel"
QUESTION = (
    "Leave the run or cancel it?",
    "d  detach: the work goes on   c  cancel it   any other key: go on watching",
)
_DETACH, _CANCEL = "dDqQ", "cC"


class LivePresenter:
    """Shows the run where a person watches. Redraws every `REDRAW_S` seconds, however much arrives."""

    def __init__(self, *, can_ask: bool, call: str = "vastdesk", console: Console | None = None) -> None:
        self.can_ask = can_ask
        self._call = call
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self._glyphs = glyphs_for(self._console.encoding)
        self._view = RunView()
        self._updated = time.monotonic()
        self._footer: Sequence[str] = (HINT,)
        self._live: Live | None = None

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """The picture is on the screen inside the block, and its last state stays there."""
        tasks = TaskOwner("live view")
        self._start()
        try:
            tasks.spawn(self._tick(), "redraw")
            yield
        finally:
            await tasks.aclose()
            self._footer = ()
            self._stop()

    def update(self, events: Sequence[Event], view: RunView) -> None:
        self._view = view
        self._updated = time.monotonic()

    def tell(self, text: str) -> None:
        self._footer = (text,)

    async def ask(self) -> Choice:
        """Waits for a key while the picture goes on."""
        before, self._footer = self._footer, QUESTION
        try:
            async with typed_keys() as keys:
                key = await keys.get()
        finally:
            self._footer = before
        if key == END or key in _DETACH:
            return "detach"
        return "cancel" if key in _CANCEL else "watch"

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Off the screen while a question is asked below."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def close(self, view: RunView, left: bool) -> None:
        """The final sentence and what can be done next, below the picture. The terminal wraps them, so that
        commands can be copied whole."""
        self._console.print()
        for number, line in enumerate(closing_lines(view, left, self._call)):
            self._console.print(Text(line, style="bold" if number == 0 else ""), soft_wrap=True)

    def _start(self) -> None:
        # auto_refresh would be a thread of its own; the event loop has the time
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=self._draw, transient=False)
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> Group:
        size = self._console.size
        now = time.monotonic()
        frame = Frame(
            width=size.width,
            now_ts=time.time(),
            height=size.height - 1 if self._footer else None,
            since_event_s=now - self._updated,
            turn=int(now * SPINNER_PER_S),
            footer=self._footer,
            glyphs=self._glyphs,
        )
        return Group(*picture(self._view, frame))

    async def _tick(self) -> None:
        while True:
            if self._live is not None:
                self._live.refresh()
            await asyncio.sleep(REDRAW_S)
