"""An installation struck at random points, again and again: connections, sshd, the client, the runner, its tools, the
machine. The right state soon after, every event once, no effect twice, nothing left, and resume finishes the job.

`VASTDESK_CHAOS_ROUNDS` asks for more rounds.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.e2e.box import Box
from tests.e2e.command import finished, vastdesk
from tests.e2e.rules import check_exactly_once, check_task_list
from tests.e2e.strikes import Installation, is_step, is_tool, named, stock, supervisors
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.fakes.relay import Relay
from tests.integration.steps.conftest import GOOD, row
from tests.integration.workers.world import until
from vastdesk.domain.events import FINAL_RUN_STATES
from vastdesk.domain.ids import new_id
from vastdesk.domain.views import RunView
from vastdesk.workers.engine import Engine
from vastdesk.workers.requests import RunRequest

ROUNDS = int(os.environ.get("VASTDESK_CHAOS_ROUNDS", "1"))
STRIKES = 3
BACK_S = 10.0
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slow_index() -> Iterator[PackageIndex]:
    with PackageIndex(latency_s=0.05) as index:
        yield index


@pytest.fixture(scope="module")
def slow_host(tmp_path_factory: pytest.TempPathFactory, slow_index: PackageIndex) -> Iterator[FakeGitHost]:
    with FakeGitHost(tmp_path_factory.mktemp("slow") / "host", rate_bytes_s=120_000) as host:
        stock(host, slow_index)
        yield host


@pytest.fixture
def installation(make_box: Callable[..., Box], slow_host: FakeGitHost, slow_index: PackageIndex) -> Installation:
    slow_host.requests.clear()
    return Installation(make_box(index=slow_index).furnish(), slow_host)


async def until_rseq(engine: Engine, run_id: str, rseq: int) -> bool:
    """Until so many events are stored; False when the run has ended before."""

    async def there() -> bool:
        row = await engine.store.find_run(run_id)
        return row.last_rseq >= rseq or row.state in FINAL_RUN_STATES

    await until(there)
    return (await engine.store.find_run(run_id)).state not in FINAL_RUN_STATES


async def soon(box: Box, engine: Engine, run_id: str, *states: str) -> RunView:
    """The run is in one of these states within ten seconds."""
    try:
        async with asyncio.timeout(BACK_S):
            return await box.in_state(engine, run_id, *states)
    except TimeoutError:
        view = await engine.store.view(run_id)
        raise AssertionError(f"{view.state} ({view.reason}), not {states}") from None


async def further(engine: Engine, run_id: str, chance: random.Random) -> bool:
    """Until some more events are there."""
    row = await engine.store.find_run(run_id)
    return await until_rseq(engine, run_id, row.last_rseq + chance.randint(1, 30))


async def cut_sessions(box: Box) -> None:
    await asyncio.to_thread(box.sshd.kill_sessions)


async def kill_sshd(box: Box) -> None:
    await asyncio.to_thread(box.sshd.restart)


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("strike", [cut_sessions, kill_sshd])
async def test_a_connection_that_dies_again_and_again_costs_nothing(
    installation: Installation, strike: Callable[[Box], Awaitable[None]], seed: int
) -> None:
    box, chance = installation.box, random.Random(f"{strike.__name__} {seed}")
    async with box.engine() as engine:
        row = await box.start(engine, *installation.steps())
        for _ in range(STRIKES):
            if await further(engine, row.id, chance):
                await strike(box)
                await soon(box, engine, row.id, "running", "succeeded")
        view, events = await box.finish(engine, row.id)
        installation.check(view, events)
    await box.nothing_left()


@pytest.mark.parametrize("silence_s", [3, 60])
async def test_silence_without_a_reset(installation: Installation, silence_s: float) -> None:
    """Short: nobody notices. A minute: `reconnecting` within ten seconds, and right again as soon as it is over."""
    box, chance = installation.box, random.Random(f"silence {silence_s}")
    async with Relay("127.0.0.1", box.sshd.port) as relay, box.engine() as engine:
        instance = await box.instance(engine, port=relay.port)
        row = await engine.start(RunRequest(box.workflow(engine, *installation.steps()), instance))
        await until_rseq(engine, row.id, chance.randint(10, 40))
        relay.silent = True
        begin = time.monotonic()
        if silence_s > BACK_S:
            await soon(box, engine, row.id, "reconnecting")
        await asyncio.sleep(silence_s - (time.monotonic() - begin))
        relay.silent = False
        await soon(box, engine, row.id, "running", "succeeded")
        view, events = await box.finish(engine, row.id)
        installation.check(view, events)
        said = [event["state"] for event in events if event["type"] == "run_state"]
        assert ("reconnecting" in said) == (silence_s > BACK_S)
    await box.nothing_left()


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_a_client_that_is_killed_again_and_again_is_taken_up_by_the_next(
    installation: Installation, seed: int
) -> None:
    box, chance = installation.box, random.Random(f"client {seed}")
    async with box.engine() as engine:
        await box.instance(engine)
        workflow = str(box.workflow_file(*installation.steps()))
        run_id = new_id()
        command = ("run", workflow, "--instance", "box", "--id", run_id, "--json")
        for _ in range(STRIKES):
            client = vastdesk(box, *command)
            try:
                await until(lambda: _is_there(engine, run_id))
                await further(engine, run_id, chance)
            finally:
                client.kill()
                client.communicate()
    code, lines, err = await finished(vastdesk(box, *command))
    assert code == 0, err
    code, lines, err = await finished(vastdesk(box, "attach", run_id, "--json"))
    assert code == 0, err
    async with box.engine() as engine:
        installation.check(await engine.store.view(run_id), [line for line in lines if "rseq" in line])
    await box.nothing_left()


async def _is_there(engine: Engine, run_id: str) -> bool:
    return any(row.id == run_id for row in await engine.store.runs())


# --- the runner, what it started, the machine -------------------------------------------------------------------------


async def kill_supervisor(box: Box) -> str:
    pids = supervisors(box)
    box.kill(pids)
    return "lost" if pids else ""


async def kill_step(box: Box) -> str:
    found = named(box, is_step)
    box.kill(process.pid for process in found)
    return "failed" if found else ""


async def cut_power(box: Box) -> str:
    await asyncio.to_thread(box.power_cut)
    assert box.processes() == []
    await asyncio.to_thread(box.sshd.start)
    return "interrupted"


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("strike", [kill_supervisor, kill_step, cut_power])
async def test_a_killed_runner_or_machine_is_said_and_resume_finishes_the_job(
    installation: Installation, strike: Callable[[Box], Awaitable[str]], seed: int
) -> None:
    box, chance = installation.box, random.Random(f"{strike.__name__} {seed}")
    struck: list[tuple[set[str], dict[str, int]]] = []
    async with box.engine() as engine:
        row = await box.start(engine, *installation.steps())
        while len(struck) < STRIKES and await further(engine, row.id, chance):
            expected = await strike(box)
            if not expected:
                continue
            view = await soon(box, engine, row.id, expected, "succeeded")
            assert not box.marked()
            struck.append((installation.in_place(), installation.clones()))
            if view.state == expected:
                await engine.resume(row.id)
        view, events = await box.finish(engine, row.id)
        installation.check_end(view, events)
    assert struck
    for there, asked in struck:
        assert all(installation.clones()[name] == asked[name] for name in there), "what was there is cloned again"
    await box.nothing_left()


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_killed_tools_fail_their_node_or_their_step_and_the_next_time_all_is_there(
    installation: Installation, seed: int
) -> None:
    """git, uv, a script, ComfyUI: one of those that run."""
    box, chance = installation.box, random.Random(f"tool {seed}")
    struck = 0
    async with box.engine() as engine:
        row = await box.start(engine, *installation.steps())
        while True:
            while struck < 2 * STRIKES and await further(engine, row.id, chance):
                if found := named(box, is_tool):
                    box.kill([chance.choice(found).pid])
                    struck += 1
            view, events = await box.finish(engine, row.id)
            check_exactly_once(events)
            check_task_list(events)
            assert not box.marked()
            if view.state == "failed":
                await engine.resume(row.id)
            elif any(task.state == "failed" for task in view.steps[1].tasks):
                row = await engine.retry(row.id)
            else:
                break
    assert view.state == "succeeded"
    assert struck
    installation.check_disk()
    await box.nothing_left()


@pytest.mark.parametrize("strike", [kill_supervisor, kill_step, cut_power])
async def test_what_a_killed_script_had_moved_is_put_back(
    gpu_box: Box, own_host: FakeGitHost, strike: Callable[[Box], Awaitable[str]]
) -> None:
    """Nobody was left to look at what it did: the next run does, before it takes anything for granted."""
    moved = gpu_box.folder / "moved"
    script = (
        "import os, pathlib, subprocess, sys, time\n"
        f"moved = pathlib.Path({str(moved)!r})\n"
        "if moved.exists(): sys.exit(0)\n"
        "env = {k: v for k, v in os.environ.items() if 'CONSTRAINT' not in k}\n"
        "subprocess.run(['uv', 'pip', 'install', '-q', 'numpy<2'], env=env, check=True)\n"
        "moved.touch()\n"
        "time.sleep(600)\n"
    )
    own_host.add("Mover", {"__init__.py": GOOD, "install.py": script})
    async with gpu_box.engine() as engine:
        run = await gpu_box.start(engine, gpu_box.install(row(own_host, "Mover")))
        await until(moved.exists)
        assert "numpy==1.26.4" in gpu_box.machine.freeze()
        await soon(gpu_box, engine, run.id, await strike(gpu_box))
        await engine.resume(run.id)
        view, events = await gpu_box.finish(engine, run.id)
    assert view.steps[0].note.startswith("Successfully installed 1/1 custom nodes")
    assert gpu_box.machine.freeze() == ["numpy==2.1.3", "torch==2.8.0+cu128"]
    check_exactly_once(events)
    check_task_list(events)
