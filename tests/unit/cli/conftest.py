"""The command line as a user meets it: `call("runs", …)` in a data folder of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import pytest

from tests.unit.cli.fakes import FakeEngine
from tests.unit.cli.stories import Story
from vastdesk.cli import demo, instances, main, run, sessions
from vastdesk.store import Store

T = TypeVar("T")


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Call(Protocol):
    def __call__(self, *words: str) -> Said: ...


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def call(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(["--data-dir", str(data_dir), *words])
        return Said(code, *capsys.readouterr())

    return call


class InStore(Protocol):
    def __call__(self, work: Callable[[Store], Awaitable[T]]) -> T: ...


@pytest.fixture
def in_store(data_dir: Path) -> InStore:
    """Do something with the store between two commands."""

    def in_store(work: Callable[[Store], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            async with await Store.open(data_dir) as store:
                return await work(store)

        return asyncio.run(opened())

    return in_store


class Plays(Protocol):
    def __call__(self, story: Story, **more: Any) -> list[FakeEngine]: ...


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Plays:
    """Replace the engine by one that plays a story. Gives the list of engines that were opened."""

    def plays(story: Story, **more: Any) -> list[FakeEngine]:
        opened: list[FakeEngine] = []

        @contextlib.asynccontextmanager
        async def open_session(args: argparse.Namespace) -> AsyncIterator[tuple[FakeEngine, None]]:
            async with sessions.open_store(args) as store:
                engine = FakeEngine(story, store, **more)
                opened.append(engine)
                yield engine, None

        for module in (run, demo, instances):
            monkeypatch.setattr(module, "open_session", open_session)
        return opened

    return plays


WORKFLOW = """\
name: Greeting
description: says hello
version: 1
steps:
  - use: greet
    with: {word: hi}
  - use: part
"""


@pytest.fixture
def workflow(data_dir: Path) -> Path:
    """A workflow of the user, of the steps that FakeEngine knows."""
    path = data_dir / "workflows" / "my-greeting.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW, encoding="utf-8")
    return path
