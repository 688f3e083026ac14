"""What a window sees: changes of this process and of others, views of what is open or shown, nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.workers.world import World, script_step, until
from vastdesk.remote.owned import TaskOwner
from vastdesk.workers.engine import Engine
from vastdesk.workers.observer import Changes, Observer, merged


class Seen:
    """Everything an observer told."""

    def __init__(self) -> None:
        self.all: list[Changes] = []

    @property
    def now(self) -> Changes:
        total = Changes()
        for changes in self.all:
            total = merged(total, changes)
        return total


@contextlib.asynccontextmanager
async def observed(engine: Engine) -> AsyncIterator[tuple[Observer, Seen]]:
    seen = Seen()
    observer = Observer(engine, seen.all.append)
    tasks = TaskOwner("test")
    tasks.spawn(observer.observe(), "observe")
    try:
        yield observer, seen
    finally:
        await tasks.aclose()


async def test_a_run_is_seen_from_its_start_to_its_end_and_its_end_is_urgent(world: World) -> None:
    async with world.engine() as engine, observed(engine) as (_, seen):
        row = await world.start(engine, script_step("true"))
        await until(lambda: row.id in seen.now.views and seen.now.views[row.id].state == "succeeded")
        assert [changes.urgent for changes in seen.all if row.id in changes.views][-1]
        await until(lambda: seen.now.history and seen.now.history[0].state == "succeeded")
    assert seen.now.history is not None
    assert (seen.now.history[0].id, seen.now.history[0].workflow) == (row.id, "Test")
    assert [instance.name for instance in seen.now.instances or ()] == ["box"]


async def test_a_run_of_another_process_is_seen_within_a_second(world: World) -> None:
    async with world.engine() as engine, world.engine() as other, observed(engine) as (_, seen):
        row = await world.start(other, script_step("sleep 60"))
        await until(lambda: row.id in seen.now.views, 1.0)
        await other.cancel(row.id)
        await until(lambda: seen.now.views[row.id].state == "cancelled")


async def test_an_ended_run_is_read_only_when_it_is_shown(world: World) -> None:
    async with world.engine() as engine:
        view, events = await world.run(engine, script_step("true"))
        async with observed(engine) as (observer, seen):
            await until(lambda: seen.now.history)
            assert dict(seen.now.views) == {}
            observer.show(events[0]["run"])
            await until(lambda: seen.now.views)
            assert seen.now.views[events[0]["run"]] == view


async def test_a_forgotten_run_goes_from_the_history(world: World) -> None:
    async with world.engine() as engine, observed(engine) as (observer, seen):
        _, events = await world.run(engine, script_step("true"))
        observer.show(events[0]["run"])
        await until(lambda: seen.now.history)
        await engine.store.forget_runs([events[0]["run"]])
        await until(lambda: seen.all[-1].history == ())


async def test_nothing_new_says_nothing(world: World) -> None:
    async with world.engine() as engine:
        await world.run(engine, script_step("true"))
        seen = Seen()
        observer = Observer(engine, seen.all.append)
        for _ in range(3):  # step by step: that nothing comes cannot be waited for
            await observer._look()
            observer._tell()
            await engine.store.set_setting("step_delay", "4")
    assert len(seen.all) == 1


async def test_what_this_process_stores_is_shown_without_asking_the_store_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    async with world.engine() as engine, observed(engine) as (_, seen):
        row = await world.start(engine, script_step("for i in $(seq 1 100); do echo line $i; sleep 0.02; done"))
        await until(lambda: row.id in seen.now.views and seen.now.views[row.id].state == "running")
        events = engine.store.events

        async def counted(*args: Any, **more: Any) -> Any:
            nonlocal reads
            reads += 1
            return await events(*args, **more)

        monkeypatch.setattr(engine.store, "events", counted)
        await until(lambda: seen.now.views[row.id].state == "succeeded")
        assert seen.now.views[row.id] == await engine.store.view(row.id)
    assert len([changes for changes in seen.all if row.id in changes.views]) > 10
    assert reads < 10
