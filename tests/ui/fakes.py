"""A bridge with no engine behind it, and facts to show: what pages stand on in their tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.domain.views import RunView
from vastdesk.ui.state import State
from vastdesk.workers.engine import Engine
from vastdesk.workers.observer import Changes, RunHead

T = TypeVar("T")

HOSTILE_NAMES = (
    "<b>bold</b><img src=x onerror=alert(1)>",
    "\u202egnp.exe\u202c and back",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "line\nbreak\ttab\x1b[31mred\x07",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 & friends && co",
    "%1 %n {name} {0}",
    "",
    "x" * 10_000,
)


class FakeBridge(QObject):
    """Carries commands out at once on `engine`, whatever the test put there, in the window's own loop."""

    changed = Signal(object)
    opened = Signal(list)
    broken = Signal(object)

    def __init__(self, engine: object = None) -> None:
        super().__init__()
        self.engine = engine
        self.shown: list[str] = []
        self.hidden: list[str] = []
        self.calls = 0
        self.gate: asyncio.Event | None = None
        """Set one to keep commands waiting until it is set."""
        self.error: Exception | None = None
        """Raised by every command."""

    async def call(self, command: Callable[[Engine], Awaitable[T]]) -> T:
        self.calls += 1
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return await command(cast(Engine, self.engine))

    def show(self, run_id: str) -> None:
        self.shown.append(run_id)

    def hide(self, run_id: str) -> None:
        self.hidden.append(run_id)

    async def close(self) -> None:
        """Nothing to end."""


def instance(id: str, name: str | None = None, host: str = "203.0.113.7", port: int = 22) -> Instance:
    return Instance(id, id if name is None else name, (Endpoint(host, port, "root"),))


def state_of(
    instances: tuple[Instance, ...] = (), history: tuple[RunHead, ...] = (), views: dict[str, RunView] | None = None
) -> State:
    """A state that holds these."""
    state = State()
    state.take(Changes(instances=instances, history=history, views=views or {}))
    return state


async def until(what: Callable[[], Any], deadline_s: float = 5.0) -> None:
    """Waits until `what()` is true; the loop goes on meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not what():
        assert loop.time() < end, "it did not become true"
        await asyncio.sleep(0.005)
