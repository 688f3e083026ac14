"""An engine for the page of workflows: real files and steps, runs only noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.workers.catalogue import catalogue
from vastdesk.workers.requests import RunRequest

CATALOGUE = catalogue()


class FakeStore:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.texts: dict[str, str] = {}

    async def settings(self) -> dict[str, str]:
        return self.texts

    async def set_setting(self, name: str, text: str) -> None:
        self.texts[name] = text


@dataclass
class FakeEngine:
    """`busy` are machines with a run on; they take a queued one."""

    data_dir: Path

    def __post_init__(self) -> None:
        self.store = FakeStore(self.data_dir)
        self.catalogue = CATALOGUE
        self.requests: list[RunRequest] = []
        self.busy: dict[str, str] = {}
        self.errors: dict[str, VastDeskError] = {}

    async def start(self, request: RunRequest) -> Any:
        self.requests.append(request)
        if request.instance.id in self.errors:
            raise self.errors[request.instance.id]
        if request.instance.id in self.busy and not request.queue:
            raise VastDeskError("instance_busy", run=self.busy[request.instance.id], instance=request.instance.name)
        return SimpleNamespace(id=request.run_id)


async def at_once(work: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
    """In place of `asyncio.to_thread`. The engine has a loop and threads of its own; here its commands run in the
    window's loop, whose threads are QThreads: objects of the window that die in one of them take the process along."""
    return work(*given, **named)
