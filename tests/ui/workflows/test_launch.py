"""Starting: one wish is one run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.ui.fakes import FakeBridge, instance, until
from tests.ui.workflows.fakes import CATALOGUE, FakeEngine
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import Workflow, load_workflow
from vastdesk.ui.workflows.launch import Launched, Launcher


def workflow(name: str = "w") -> Workflow:
    return load_workflow(f"name: {name}\nsteps: [{{use: wait}}]", "w.yaml", CATALOGUE)


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.engine = FakeEngine(tmp_path)
        self.bridge = FakeBridge(self.engine)
        self.now = 100.0
        self.launcher = Launcher(self.bridge, clock=lambda: self.now)  # type: ignore[arg-type]
        self.got: list[Launched] = []
        self.launcher.launched.connect(self.got.append)

    async def start(self, *names: str, of: str = "w", queue: bool = False) -> Launched:
        count = len(self.got)
        assert self.launcher.start(workflow(of), [instance(name) for name in names], queue=queue)
        await until(lambda: len(self.got) > count)
        return self.got[-1]

    @property
    def run_ids(self) -> list[str | None]:
        return [request.run_id for request in self.engine.requests]


@pytest.fixture
def world(qapp: QApplication, tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_second_click_during_the_start_asks_nothing(world: World) -> None:
    world.bridge.gate = asyncio.Event()
    assert world.launcher.start(workflow(), [instance("a")])
    assert not world.launcher.start(workflow(), [instance("a")])
    world.bridge.gate.set()
    await until(lambda: world.got)
    assert len(world.engine.requests) == 1


async def test_a_second_click_right_after_it_is_the_same_run(world: World) -> None:
    first = await world.start("a", queue=True)
    world.now += 0.3
    second = await world.start("a", queue=True)
    assert first.started == second.started
    world.now += 5
    await world.start("a", queue=True)
    assert len(set(world.run_ids)) == 2


async def test_after_a_failure_the_same_run_is_tried_again(world: World) -> None:
    world.engine.errors["a"] = VastDeskError("store_locked", path="/x")
    failed = await world.start("a")
    assert [error.kind for _, error in failed.failed] == ["store_locked"]
    world.now += 60
    world.engine.errors.clear()
    await world.start("a")
    assert len(set(world.run_ids)) == 1


async def test_another_workflow_is_another_run(world: World) -> None:
    await world.start("a")
    await world.start("a", of="x")
    assert len(set(world.run_ids)) == 2


async def test_a_list_that_changed_meanwhile_gets_a_run_of_its_own(world: World) -> None:
    world.engine.errors["a"] = VastDeskError("run_differs", run="r")
    await world.start("a")
    world.engine.errors.clear()
    assert (await world.start("a")).started
    assert len(set(world.run_ids)) == 2


async def test_several_start_at_once_and_each_has_its_outcome(world: World) -> None:
    world.engine.busy["b"] = "r7"
    world.engine.errors["c"] = VastDeskError("no_instance", instance="c")
    got = await world.start("a", "b", "c")
    assert [each.id for each, _ in got.started] == ["a"]
    assert [(each.id, run) for each, run in got.busy] == [("b", "r7")]
    assert [each.id for each, _ in got.failed] == ["c"]
    queued = await world.start("b", queue=True)
    assert [each.id for each, _ in queued.started] == ["b"]
