"""The door between window and engine: commands in, merged pictures out, nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.domain.views import RunView
from vastdesk.workers.bridge import Bridge, Mailbox
from vastdesk.workers.engine import Engine
from vastdesk.workers.observer import Changes


async def until(what: Callable[[], Any], deadline_s: float = 10.0) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not what():
        assert loop.time() < end
        await asyncio.sleep(0.005)


@pytest.fixture
async def bridge(qapp: QCoreApplication, tmp_path: Path) -> AsyncIterator[Bridge]:
    bridge = Bridge(tmp_path)
    bridge.start()
    yield bridge
    await bridge.close()


async def add(engine: Engine, name: str) -> str:
    return (await engine.store.add_instance(name, [Endpoint("h", 22, "root")])).name


async def test_a_command_runs_in_the_engines_thread_and_its_result_comes_back(bridge: Bridge) -> None:
    async def where(engine: Engine) -> str:
        return threading.current_thread().name

    assert await bridge.call(where) != threading.current_thread().name
    assert await bridge.call(lambda engine: add(engine, "box")) == "box"


async def test_what_a_command_raises_comes_back(bridge: Bridge) -> None:
    with pytest.raises(VastDeskError) as refused:
        await bridge.call(lambda engine: engine.store.find_instance("nobody"))
    assert refused.value.kind == "no_instance"


async def test_changes_arrive_in_the_windows_thread(bridge: Bridge) -> None:
    got: list[Changes] = []
    threads: set[int] = set()

    def take(changes: Changes) -> None:
        got.append(changes)
        threads.add(threading.get_ident())

    bridge.changed.connect(take)
    await bridge.call(lambda engine: add(engine, "box"))
    await until(lambda: any(c.instances and c.instances[0].name == "box" for c in got))
    assert threads == {threading.get_ident()}


async def test_a_flood_is_merged(bridge: Bridge) -> None:
    got: list[Changes] = []
    bridge.changed.connect(got.append)

    async def flood(engine: Engine) -> None:
        for number in range(200):
            await engine.store.add_instance(f"box{number}", [Endpoint("h", 22, "root")])
            engine.bells.ring(str(number))

    await bridge.call(flood)
    await until(lambda: bool(got) and len(got[-1].instances or ()) == 200)
    assert len(got) < 100


async def test_a_cancelled_call_is_cancelled_there(bridge: Bridge) -> None:
    ended = threading.Event()

    async def endless(engine: Engine) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await bridge.call(lambda engine: engine.store.runs())  # it is open
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bridge.call(endless)
    await until(ended.is_set)


async def test_a_database_that_cannot_be_opened_is_told(qapp: QCoreApplication, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bridge = Bridge(tmp_path / "file")
    told: list[object] = []
    bridge.broken.connect(told.append)
    bridge.start()
    await until(lambda: told)
    assert isinstance(told[0], VastDeskError)
    with pytest.raises(VastDeskError) as refused:
        await bridge.call(lambda engine: engine.store.runs())
    assert refused.value.kind == "engine_closed"
    await bridge.close()


async def test_the_engine_asks_in_the_windows_loop(qapp: QCoreApplication, tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    async def ask(question: str) -> str:
        asked.append((question, threading.get_ident()))
        return "secret"

    bridge = Bridge(tmp_path, ask)
    bridge.start()
    assert await bridge.call(lambda engine: bridge.ask("Passphrase?")) == "secret"
    assert asked == [("Passphrase?", threading.get_ident())]
    await bridge.close()


def test_the_mailbox_keeps_the_newest_of_everything() -> None:
    box = Mailbox()
    box.put(Changes(instances=(), views={"a": RunView(state="running")}))
    box.put(Changes(views={"a": RunView(state="failed"), "b": RunView()}, urgent=True))
    changes = box.take()
    assert changes is not None
    assert changes.instances == ()
    assert {run: view.state for run, view in changes.views.items()} == {"a": "failed", "b": "queued"}
    assert changes.urgent
    assert box.take() is None
