"""Runs from start to end on a real sshd: states, order, refusals, what goes on after a failure."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.workers.world import World, script_step, until
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.reduce import reduce
from vastdesk.workers.outcome import exit_code


async def test_a_run_goes_from_queued_to_succeeded_with_every_event_once(world: World) -> None:
    async with world.engine() as engine:
        view, events = await world.run(
            engine, {"use": "test_ssh"}, script_step("echo one"), script_step("echo two", id="second")
        )
    states = [event["state"] for event in events if event["type"] == "run_state"]
    assert states == ["queued", "connecting", "running", "succeeded"]
    assert [event["rseq"] for event in events] == list(range(1, len(events) + 1))
    assert [(step.id, step.state) for step in view.steps] == [
        ("test_ssh", "succeeded"),
        ("script", "succeeded"),
        ("second", "succeeded"),
    ]
    assert exit_code(view) == 0


async def test_consecutive_steps_of_the_instance_are_one_job(world: World) -> None:
    async with world.engine() as engine:
        await world.run(
            engine, script_step("true"), {"use": "wait", "with": {"seconds": 0}}, script_step("true", id="b")
        )
    assert len(world.jobs()) == 1


async def test_a_failing_step_stops_the_run_and_later_steps_stay_pending(world: World) -> None:
    async with world.engine() as engine:
        view, _ = await world.run(engine, script_step("exit 3"), script_step("true", id="later"))
    assert view.state == "failed"
    assert [step.state for step in view.steps] == ["failed", "pending"]
    assert exit_code(view) == 1


async def test_a_step_that_may_fail_lets_the_run_go_on(world: World) -> None:
    async with world.engine() as engine:
        view, _ = await world.run(engine, script_step("exit 3", on_failure="continue"), script_step("true", id="later"))
    assert view.state == "succeeded"
    assert [step.state for step in view.steps] == ["failed", "succeeded"]
    assert exit_code(view) == 0


async def test_a_step_that_is_switched_off_is_shown_as_skipped(world: World) -> None:
    async with world.engine() as engine:
        view, _ = await world.run(engine, script_step("exit 3", enabled=False), script_step("true", id="later"))
    assert [step.state for step in view.steps] == ["skipped", "succeeded"]


async def test_a_second_run_on_the_instance_is_refused_and_names_the_first(world: World) -> None:
    async with world.engine() as engine:
        first = await world.start(engine, script_step("sleep 60"))
        await world.in_state(engine, first.id, "running")
        with pytest.raises(VastDeskError) as refused:
            await world.start(engine, script_step("true"))
        assert refused.value.kind == "instance_busy"
        assert first.id in str(refused.value) + refused.value.action
        assert refused.value.exit_code == 6
        await engine.cancel(first.id)
        await world.finish(engine, first.id)


async def test_a_queued_run_starts_when_the_first_has_ended(world: World) -> None:
    async with world.engine() as engine:
        gate = world.folder / "gate"
        first = await world.start(engine, script_step(f"until [ -e {gate} ]; do sleep 0.05; done"))
        await world.in_state(engine, first.id, "running")
        second = await world.start(engine, script_step("true"), queue=True)
        assert (await engine.store.view(second.id)).state == "queued"
        gate.touch()
        view, _ = await world.finish(engine, second.id)
        assert view.state == "succeeded"
        assert (await engine.store.view(first.id)).state == "succeeded"


async def test_a_queued_run_survives_the_process_that_asked_for_it(world: World) -> None:
    gate = world.folder / "gate"
    async with world.engine() as engine:
        first = await world.start(engine, script_step(f"until [ -e {gate} ]; do sleep 0.05; done"))
        await world.in_state(engine, first.id, "running")
        async with world.engine() as other:
            second = await world.start(other, script_step("true"), queue=True)
        gate.touch()
        await world.finish(engine, first.id)
        view = await world.in_state(engine, second.id, "succeeded")
        assert view.state == "succeeded"


async def test_a_queued_run_can_be_cancelled(world: World) -> None:
    async with world.engine() as engine:
        first = await world.start(engine, script_step("sleep 60"))
        second = await world.start(engine, script_step("true"), queue=True)
        await engine.cancel(second.id)
        view, _ = await world.finish(engine, second.id)
        assert view.state == "cancelled"
        assert exit_code(view) == 130
        await engine.cancel(first.id)
        await world.finish(engine, first.id)


async def test_the_same_id_starts_once(world: World) -> None:
    mark = world.folder / "mark"
    async with world.engine() as engine:
        run_id = "01920000-0000-7000-8000-000000000001"
        step = script_step(f"echo x >> {mark}")
        await world.instance(engine)
        await asyncio.gather(*(world.start(engine, step, run_id=run_id) for _ in range(4)))
        view, _ = await world.finish(engine, run_id)
        assert view.state == "succeeded"
        await world.run(engine, step, run_id=run_id)
    assert mark.read_text() == "x\n"


async def test_cancel_in_the_middle_of_a_step_takes_seconds_and_leaves_nothing(world: World) -> None:
    async with world.engine() as engine:
        row = await world.start(engine, script_step("setsid sleep 600 & sleep 600"), script_step("true", id="later"))
        await until(lambda: len(world.marked()) >= 3)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await engine.cancel(row.id)
        view, _ = await world.finish(engine, row.id)
        assert loop.time() - begin < 8
    assert view.state == "cancelled"
    assert [step.state for step in view.steps] == ["cancelled", "pending"]
    await until(lambda: not world.marked())


async def test_cancelling_what_has_ended_is_refused(world: World) -> None:
    async with world.engine() as engine:
        view, events = await world.run(engine, script_step("true"))
        with pytest.raises(VastDeskError) as refused:
            await engine.cancel(events[0]["run"])
    assert refused.value.kind == "run_ended"


async def test_many_instances_run_at_once(world: World) -> None:
    from vastdesk.workers.requests import RunRequest

    async with world.engine() as engine:
        gate = world.folder / "gate"
        step = script_step(f"until [ -e {gate} ]; do sleep 0.05; done")
        instances = [await world.instance(engine, name=f"box{number}") for number in range(4)]
        rows = [await engine.start(RunRequest(world.workflow(engine, step), instance)) for instance in instances]
        for row in rows:
            await world.in_state(engine, row.id, "running")
        gate.touch()
        views = [(await world.finish(engine, row.id))[0] for row in rows]
    assert [view.state for view in views] == ["succeeded"] * 4


async def test_the_first_row_of_an_installation_stands_before_the_machine_has_answered(world: World) -> None:
    nodes = world.folder / "nodes.csv"
    nodes.write_text("Name,RepoUrl\nA,https://127.0.0.1:1/a.git\n")
    async with world.engine() as engine:
        install = {"use": "install_custom_nodes", "with": {"nodes": str(nodes)}}
        _, events = await world.run(engine, install)
    started = next(n for n, event in enumerate(events) if event["type"] == "step_started")
    answered = next(n for n, event in enumerate(events) if event["job"] != "desktop")
    assert [event["type"] for event in events[started : started + 3]] == ["step_started", "plan", "task"]
    assert events[started + 2]["state"] == "running"
    assert started + 2 < answered
    view = reduce(events)
    assert view.steps[0].tasks[0].label == "Read node list"
    assert [task.label for task in view.steps[0].tasks].count("Read node list") == 1
