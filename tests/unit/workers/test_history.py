"""What a window asks of runs that are over, on a real store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vastdesk.cli import shapes
from vastdesk.domain.counts import RunCounts
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.store import NewRun, Store
from vastdesk.workers.engine import Engine
from vastdesk.workers.history import export_runs, forget_runs, run_counts


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """One that has nothing but a store with two runs: `r1` is over, `r2` is on."""
    async with await Store.open(tmp_path) as store:
        machine = await store.add_instance("box", [Endpoint("h", 22, "root")])
        for run_id in ("r1", "r2"):
            await store.create_run(NewRun(run_id, machine.id, {"name": "Test"}))
            steps = [{"id": step, "use": step, "title": step} for step in ("one", "two")]
            await store.append_desktop(
                run_id, "run_state", state="running", workflow="Test", instance="box", steps=steps
            )
            await store.append_desktop(run_id, "step_finished", step="one", state="succeeded")
            if run_id == "r1":
                await store.append_desktop(run_id, "step_finished", step="two", state="failed", note="disk full")
                await store.append_desktop(run_id, "run_state", state="failed", reason="disk full")
        yield cast(Engine, cast(Any, SimpleNamespace(store=store)))


async def test_counts_of_some(engine: Engine) -> None:
    counts = await run_counts(engine, ["r1", "r2", "gone"])
    assert counts == {"r1": RunCounts(1, 1, 2, nodes=False), "r2": RunCounts(1, 0, 2, nodes=False)}


async def test_an_export_has_the_shape_of_the_command_line(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    assert await export_runs(engine, ["r1", "gone"], path, as_json=True) == 1
    exported = json.loads(path.read_text("utf-8"))
    shown = shapes.shown_run(await engine.store.find_run("r1"), await engine.store.view("r1"))
    assert exported == {"type": "runs", "v": 1, "runs": [json.loads(json.dumps(shown))]}


async def test_an_export_as_text_tells_steps_and_reasons(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "runs.txt"
    assert await export_runs(engine, ["r1", "r2"], path, as_json=False) == 2
    text = path.read_text("utf-8")
    assert "two: failed - disk full" in text
    assert text.count("workflow: Test") == 2


async def test_a_file_that_cannot_be_written_is_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(VastDeskError) as refused:
        await export_runs(engine, ["r1"], tmp_path / "missing" / "runs.txt", as_json=False)
    assert refused.value.kind == "unwritable_file"


async def test_only_what_is_over_is_forgotten(engine: Engine) -> None:
    assert await forget_runs(engine, ["r1", "r2"]) == 1
    assert [head.id for head in await engine.store.history()] == ["r2"]
