"""What the tests of workflows stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _files_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has a loop and threads of its own. Here its commands run in the window's loop, whose threads are
    QThreads: objects of the window that die in one of them take the process along."""

    async def inline(work: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        return work(*given, **named)

    monkeypatch.setattr(asyncio, "to_thread", inline)
