"""Commands about the practice machine bring it with them; passphrases are asked for beside the live view."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from vastdesk.cli import sessions
from vastdesk.cli.serving import served
from vastdesk.cli.sessions import Asker
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.store import Store
from vastdesk.workers import practice


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def served_now(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    now: list[Path] = []

    @contextlib.asynccontextmanager
    async def run_practice(store: Store, data_dir: Path) -> AsyncIterator[None]:
        if now:
            raise VastDeskError("practice_busy", folder=str(data_dir))
        now.append(data_dir)
        yield
        now.clear()

    monkeypatch.setattr(practice, "run_practice", run_practice)
    return now


async def _saved(store: Store, name: str, host: str) -> str:
    return (await store.add_instance(name, [Endpoint(host, 2222, "root")])).id


async def test_the_practice_machine_is_served_while_it_is_needed(store: Store, served_now: list[Path]) -> None:
    (store.data_dir / practice.FOLDER).mkdir()
    box = await _saved(store, practice.NAME, "127.0.0.1")
    async with served(store, box):
        assert served_now == [store.data_dir]
        async with served(store, box):
            pass  # another VastDesk has it
    assert served_now == []


@pytest.mark.parametrize(
    "name, host, folder",
    [("box", "127.0.0.1", True), ("practice", "1.2.3.4", True), ("practice", "127.0.0.1", False)],
)
async def test_other_machines_are_left_to_themselves(
    store: Store, served_now: list[Path], name: str, host: str, folder: bool
) -> None:
    if folder:
        (store.data_dir / practice.FOLDER).mkdir()
    async with served(store, await _saved(store, name, host)):
        assert served_now == []


async def test_a_run_on_a_removed_machine_is_no_reason_to_break_off(store: Store, served_now: list[Path]) -> None:
    async with served(store, "gone"):
        assert served_now == []


@pytest.mark.parametrize("typed, given", [("sesame", "sesame"), ("", None), (None, None)])
async def test_the_live_view_steps_aside_for_a_passphrase(
    monkeypatch: pytest.MonkeyPatch, typed: str | None, given: str | None
) -> None:
    aside: list[str] = []

    @contextlib.contextmanager
    def step_aside() -> Iterator[None]:
        aside.append("aside")
        yield
        aside.append("back")

    async def read(prompt: str) -> str | None:
        aside.append(prompt)
        return typed

    monkeypatch.setattr(sessions, "read_secret", read)
    asker = Asker()
    asker.aside = step_aside
    assert await asker("Passphrase for \x1b[2Jkey: ") == given
    assert aside == ["aside", "Passphrase for key: ", "back"]
