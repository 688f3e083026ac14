"""The real command line against a real sshd, with things killed at random points, again and again.

After each: every event exactly once, no step's effect twice, no process left. `VASTDESK_CHAOS_ROUNDS` asks for more
rounds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import finished, vastdesk
from tests.integration.workers.world import World, until
from vastdesk.domain.ids import new_id

ROUNDS = int(os.environ.get("VASTDESK_CHAOS_ROUNDS", "3"))
STEPS = 4
pytestmark = pytest.mark.slow


async def prepare(world: World) -> tuple[Path, Path]:
    """A workflow of a few steps that leave a mark each, and a trusted instance."""
    marks = world.folder / "marks"
    marks.mkdir()
    script = (
        "echo begin; sleep 0.$((RANDOM % 4)); echo x >> {mark}; for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done"
    )
    steps = [
        {"use": "run_command", "id": f"s{number}", "with": {"script": script.format(mark=marks / str(number))}}
        for number in range(STEPS)
    ]
    workflow = world.folder / "chaos.yaml"
    workflow.write_text(json.dumps({"name": "Chaos", "version": 1, "step_delay": 0, "steps": steps}))
    async with world.engine() as engine:
        await world.instance(engine)
    return workflow, marks


def check_whole(events: list[dict[str, Any]], marks: Path) -> None:
    facts = [event for event in events if "rseq" in event]
    assert [event["rseq"] for event in facts] == list(range(1, len(facts) + 1))
    (job,) = {event["job"] for event in facts} - {"desktop"}
    seqs = [event["seq"] for event in facts if event["job"] == job]
    assert seqs == list(range(1, len(seqs) + 1))
    assert {path.name: path.read_text() for path in marks.iterdir()} == {str(n): "x\n" for n in range(STEPS)}


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_killed_clients_and_connections_lose_and_repeat_nothing(world: World, seed: int) -> None:
    chance = random.Random(seed)
    workflow, marks = await prepare(world)
    run_id = new_id()
    start = ("run", str(workflow), "--instance", "box", "--id", run_id, "--json")
    client = vastdesk(world, *start)
    breaks: list[Callable[[], object]] = [client.kill, world.sshd.kill_sessions, world.sshd.restart]
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.3, 1.2))
        if client.poll() is not None:
            break
        await asyncio.to_thread(chance.choice(breaks))
        if client.poll() is not None or breaks[0] is client.kill and client.returncode is not None:
            client.communicate()
            client = vastdesk(world, *start)
            breaks[0] = client.kill
    code, _, err = await finished(client)
    if code < 0:
        code, _, err = await finished(vastdesk(world, *start))
    assert code == 0, err
    code, lines, err = await finished(vastdesk(world, "attach", run_id, "--json"))
    assert code == 0, err
    assert lines[-1]["type"] == "result"
    assert lines[-1]["state"] == "succeeded"
    check_whole(lines, marks)
    await until(lambda: not world.marked())


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_a_killed_machine_is_interrupted_and_resume_repeats_no_finished_step(world: World, seed: int) -> None:
    chance = random.Random(seed)
    workflow, marks = await prepare(world)
    client = vastdesk(world, "run", str(workflow), "--instance", "box", "--json")
    await until(lambda: world.jobs())
    await asyncio.sleep(chance.uniform(0.2, 1.5))
    await asyncio.to_thread(world.power_cut)
    await asyncio.to_thread(world.sshd.start)
    code, lines, err = await finished(client)
    assert code in (0, 5), err
    done = {step["step"] for step in lines[-1]["steps"] if step["state"] == "succeeded"}
    assert not world.marked()
    if code == 5:
        assert lines[-1]["state"] == "interrupted"
        code, lines, err = await finished(vastdesk(world, "resume", lines[-1]["run"], "--json"))
        assert code == 0, err
    for name in done:
        assert (marks / name.removeprefix("s")).read_text() == "x\n"
    assert lines[-1]["state"] == "succeeded"
