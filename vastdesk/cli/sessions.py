"""What a command works with: the store or the engine of the chosen data folder, opened and closed around it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from vastdesk.cli.keys import read_secret
from vastdesk.cli.logs import redactor
from vastdesk.cli.report import on_terminal, say
from vastdesk.cli.text import clean
from vastdesk.store.resources import data_dir

if TYPE_CHECKING:
    from vastdesk.store import Store
    from vastdesk.workers.engine import Engine


class Asker:
    """Asks for passphrases on the terminal. `aside` is set by a live view, which steps aside meanwhile."""

    def __init__(self) -> None:
        self.aside: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext

    async def __call__(self, prompt: str) -> str | None:
        """None: the user gave up, by an empty line or the end of the input."""
        with self.aside():
            answer = await read_secret(clean(prompt).rstrip(": ") + ": ")
        if answer:
            redactor.add(answer)
        return answer or None


@asynccontextmanager
async def open_store(args: argparse.Namespace) -> AsyncIterator[Store]:
    """The store alone: nothing here talks to an instance."""
    from vastdesk.store import Store

    async with await Store.open(data_dir(args.data_dir)) as store:
        _tell_notices(store)
        yield store


@asynccontextmanager
async def open_session(args: argparse.Namespace) -> AsyncIterator[tuple[Engine, Asker | None]]:
    """The engine, and who asks for passphrases where there is a terminal to ask on."""
    from vastdesk.workers.engine import open_engine

    asker = Asker() if on_terminal() else None
    async with open_engine(data_dir(args.data_dir), ask=asker) as engine:
        _tell_notices(engine.store)
        yield engine, asker


def _tell_notices(store: Store) -> None:
    for notice in store.notices:
        say(f"vastdesk: {clean(notice)}")
