"""`vastdesk demo` as a new user starts it: real SSH, real runner, real git, real packages; one node fails by design."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rules import check_task_list, most_running
from vastdesk.domain.reduce import reduce
from vastdesk.domain.views import RunView
from vastdesk.domain.workflow import Workflow, load_workflow
from vastdesk.store.resources import resource_path
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.practice import Practice, practice_workflow, run_practice
from vastdesk.workers.requests import RunRequest

pytestmark = pytest.mark.slow

FAILING = "Practice-Vanished"


def demo(data_dir: Path, *argv: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "vastdesk", "--data-dir", str(data_dir), "demo", "--headless", "--json", *argv],
        capture_output=True,
        timeout=170,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def nodes_of(events: list[dict[str, Any]]) -> dict[str, str]:
    view = reduce(event for event in events if "rseq" in event)
    return {task.label: task.state for step in view.steps for task in step.tasks if task.kind == "node"}


@pytest.mark.timeout(360)
async def test_the_demo_installs_all_but_the_broken_node_and_the_second_time_all_is_there(tmp_path: Path) -> None:
    code, events = await asyncio.to_thread(demo, tmp_path)
    assert code == 0
    nodes = nodes_of(events)
    assert len(nodes) == 10
    assert {name for name, state in nodes.items() if state == "failed"} == {FAILING}
    note = next(step["note"] for step in events[-1]["steps"] if step["step"] == "install_custom_nodes")
    assert note == "Installed 9/10 custom nodes (1 failed) · 1 already there · all dependencies verified"

    code, events = await asyncio.to_thread(demo, tmp_path)
    assert code == 0
    again = nodes_of(events)
    assert {state for name, state in again.items() if name != FAILING} == {"skipped"}
    assert again[FAILING] == "failed"


def practice_choice(engine: Engine, practice: Practice, *steps: str) -> Workflow:
    shipped = resource_path("workflows", "comfyui-setup.yaml").read_text("utf-8")
    workflow = load_workflow(practice_workflow(shipped, practice.facts), "demo", engine.catalogue)
    return workflow.with_choices(engine.catalogue, only=steps)


async def finish(engine: Engine, run_id: str) -> tuple[RunView, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    async for batch in engine.follow(run_id):
        events += batch
    return await engine.store.view(run_id), events


@pytest.mark.timeout(360)
async def test_the_window_holds_at_every_event_and_retry_takes_only_the_failed_node(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine, run_practice(engine.store, tmp_path) as practice:
        workflow = practice_choice(engine, practice, "install_custom_nodes")
        row = await engine.start(RunRequest(workflow, practice.instance))
        view, events = await finish(engine, row.id)
        assert view.state == "succeeded"
        check_task_list(events)
        assert most_running(events) > 1

        retried = await engine.retry(row.id, failed_only=True)
        view, events = await finish(engine, retried.id)
        assert list(nodes_of(events)) == [FAILING]
        assert view.retry_of == row.id


@pytest.mark.timeout(360)
async def test_a_reboot_in_the_middle_interrupts_and_resume_finishes_without_doing_anything_twice(
    tmp_path: Path,
) -> None:
    async with open_engine(tmp_path) as engine, run_practice(engine.store, tmp_path) as practice:
        workflow = practice_choice(engine, practice, "set_ui_home", "install_custom_nodes")
        row = await engine.start(RunRequest(workflow, practice.instance))
        async for batch in engine.follow(row.id):
            if any(event["type"] == "task" and event.get("progress") for event in batch):
                break
        await practice.server.reboot()
        view, _ = await finish(engine, row.id)
        assert view.state == "interrupted"
        await engine.resume(row.id)
        view, events = await finish(engine, row.id)
    assert view.state == "succeeded"
    assert nodes_of(events)[FAILING] == "failed"
    assert sum(event["type"] == "step_started" and event["step"] == "set_ui_home" for event in events) == 1
