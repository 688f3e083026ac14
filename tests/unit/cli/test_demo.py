"""The demo, with a practice machine and an engine that only play."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.cli import schemas, stories
from tests.unit.cli.conftest import WORKFLOW, Call, InStore, Plays
from vastdesk.store import NewRun, Store
from vastdesk.workers import practice


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Each start of the practice machine, and whether it was asked to be made anew."""
    asked: list[bool] = []

    @contextlib.asynccontextmanager
    async def run_practice(store: Store, data_dir: Path, *, fresh: bool, on_progress: Any) -> AsyncIterator[Any]:
        asked.append(fresh)
        on_progress("git repositories", 1, 2)
        names = [instance.name for instance in await store.instances()]
        add = store.find_instance(practice.NAME) if practice.NAME in names else store.add_instance(practice.NAME, [])
        yield SimpleNamespace(instance=await add, facts=None)

    monkeypatch.setattr(practice, "run_practice", run_practice)
    monkeypatch.setattr(practice, "practice_workflow", lambda text, facts: WORKFLOW)
    return asked


def test_it_sets_the_practice_machine_up_and_shows_it(call: Call, plays: Plays, fresh: list[bool]) -> None:
    engines = plays(stories.finished())
    said = call("demo", "--headless", "--exit")
    assert said.code == 0, "one node that fails is part of it"
    assert "ComfyUI-Node-2: failed · repository not found" in said.out
    assert "Preparing the practice machine" in said.err
    assert engines[0].requests[0].instance.name == "practice"
    assert fresh == [False]


def test_json_of_the_demo(call: Call, plays: Plays, fresh: list[bool]) -> None:
    plays(stories.finished())
    first, *_, last = schemas.checked(call("demo", "--json", "--fresh").out)
    assert (first["instance"], last["exit_code"], fresh) == ("practice", 0, [True])


def test_in_the_window_there_is_no_json(call: Call) -> None:
    assert call("demo", "--window", "--json").code == 2


@pytest.fixture
def left_behind(in_store: InStore) -> None:
    async def make(store: Store) -> None:
        box = await store.add_instance(practice.NAME, [])
        await store.create_run(NewRun(stories.RUN, box.id, {"name": "x"}))

    in_store(make)


@pytest.mark.usefixtures("left_behind")
def test_a_run_that_was_left_is_shown_again(call: Call, plays: Plays, fresh: list[bool]) -> None:
    engines = plays(stories.finished())
    assert call("demo").code == 0
    assert (engines[0].requests, engines[0].driven) == ([], [stories.RUN])
