"""Cut connections, killed processes, restarted machines, wrong keys: the right state, nothing twice, nothing left."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh
import pytest

from tests.fakes.relay import Relay
from tests.fakes.sshd import Sshd
from tests.integration.workers.world import World, new_key, script_step, until
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.workers.outcome import exit_code
from vastdesk.workers.requests import RunRequest

COUNT = "for i in $(seq 1 40); do echo line $i; sleep 0.05; done"


def numbered(events: list[dict]) -> list[int]:  # type: ignore[type-arg]
    jobs = {event["job"] for event in events} - {"desktop"}
    assert len(jobs) == 1
    return [event["seq"] for event in events if event["job"] in jobs]


async def test_a_cut_connection_reconnects_and_no_event_is_lost_or_doubled(world: World) -> None:
    mark = world.folder / "mark"
    async with world.engine() as engine:
        row = await world.start(engine, script_step(f"echo x >> {mark}; {COUNT}"))
        for _ in range(3):
            await world.in_state(engine, row.id, "running")
            await asyncio.to_thread(world.sshd.kill_sessions)
            await asyncio.sleep(0.3)
        view, events = await world.finish(engine, row.id)
    assert view.state == "succeeded"
    assert "reconnecting" in [event["state"] for event in events if event["type"] == "run_state"]
    assert numbered(events) == list(range(1, len(numbered(events)) + 1))
    assert mark.read_text() == "x\n"


async def test_a_dead_sshd_is_waited_for_while_the_job_goes_on(world: World) -> None:
    done = world.folder / "done"
    async with world.engine() as engine:
        row = await world.start(engine, script_step(f"sleep 0.5; touch {done}"))
        await world.in_state(engine, row.id, "running")
        await asyncio.to_thread(world.sshd.kill)
        await world.in_state(engine, row.id, "reconnecting")
        await until(done.exists)
        await asyncio.to_thread(world.sshd.start)
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"


async def test_silence_without_a_reset_is_noticed_within_ten_seconds(world: World) -> None:
    async with Relay("127.0.0.1", world.sshd.port) as relay, world.engine() as engine:
        instance = await world.instance(engine, port=relay.port)
        row = await engine.start(RunRequest(world.workflow(engine, script_step("sleep 14")), instance))
        await world.in_state(engine, row.id, "running")
        loop = asyncio.get_running_loop()
        relay.silent = True
        begin = loop.time()
        await world.in_state(engine, row.id, "reconnecting")
        assert loop.time() - begin < 10
        relay.silent = False
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"


async def test_the_next_process_goes_on_where_the_first_was_closed(world: World) -> None:
    mark = world.folder / "mark"
    async with world.engine() as engine:
        row = await world.start(engine, script_step(f"echo x >> {mark}; {COUNT}"), script_step("true", id="second"))
        await world.in_state(engine, row.id, "running")
    async with world.engine() as engine:
        view, events = await world.finish(engine, row.id)
    assert view.state == "succeeded"
    assert numbered(events) == list(range(1, len(numbered(events)) + 1))
    assert mark.read_text() == "x\n"
    assert len(world.jobs()) == 1


async def test_two_processes_see_the_same_run_and_either_may_cancel(world: World) -> None:
    async with world.engine() as engine, world.engine() as other:
        row = await world.start(engine, script_step("sleep 60"))
        await world.in_state(other, row.id, "running")
        assert await other.drive(row.id) is False
        await other.cancel(row.id)
        mine, theirs = await asyncio.gather(world.finish(engine, row.id), world.finish(other, row.id))
    assert mine[0].state == theirs[0].state == "cancelled"
    assert mine[1] == theirs[1]


async def test_a_killed_runner_is_lost_and_says_the_last_lines(world: World) -> None:
    async with world.engine() as engine:
        row = await world.start(engine, script_step("echo so far so good; setsid sleep 600 & sleep 600"))
        await until(lambda: len(world.marked()) >= 3)
        await asyncio.to_thread(world.kill, [world.supervisor_pid(world.jobs()[0])])
        async with asyncio.timeout(10):
            view, _ = await world.finish(engine, row.id)
        assert view.state == "lost"
        assert exit_code(view) == 5
        assert any("so far so good" in line for line in view.tail)
        assert [step.state for step in view.steps] == ["lost"]
        await until(lambda: not world.marked())


async def test_a_restarted_machine_interrupts_and_resume_goes_on_at_the_first_unfinished_step(world: World) -> None:
    first, second = world.folder / "first", world.folder / "second"
    async with world.engine() as engine:
        row = await world.start(
            engine,
            script_step(f"echo x >> {first}", id="first"),
            script_step(f"[ -e {second} ] || {{ touch {second}; sleep 600; }}", id="second"),
        )
        await until(second.exists)
        await asyncio.to_thread(world.power_cut)
        await world.in_state(engine, row.id, "reconnecting")
        await asyncio.to_thread(world.sshd.start)
        view, _ = await world.finish(engine, row.id)
        assert view.state == "interrupted"
        assert exit_code(view) == 5
        assert [step.state for step in view.steps] == ["succeeded", "interrupted"]

        await engine.resume(row.id)
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"
    assert [step.state for step in view.steps] == ["succeeded", "succeeded"]
    assert first.read_text() == "x\n"


async def test_an_unknown_host_key_blocks_and_trust_goes_on(world: World) -> None:
    async with world.engine() as engine:
        instance = await world.instance(engine, trusted=False)
        row = await engine.start(RunRequest(world.workflow(engine, {"use": "test_ssh"}, script_step("true")), instance))
        view, _ = await world.finish(engine, row.id)
        assert view.state == "blocked"
        assert exit_code(view) == 3
        assert view.block is not None
        assert view.block["fingerprint"] == world.sshd.fingerprints[0]
        assert world.sshd.authentication_attempts() == 0
        await engine.trust(instance.id, view.block["fingerprint"])
        await engine.resume(row.id)
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"


async def test_a_changed_host_key_sends_nothing_and_shows_both_fingerprints(world: World) -> None:
    async with world.engine() as engine:
        instance = await world.instance(engine)
        old = world.sshd.fingerprints[0]
        await asyncio.to_thread(world.sshd.change_host_keys)
        row = await engine.start(RunRequest(world.workflow(engine, script_step("true")), instance))
        view, _ = await world.finish(engine, row.id)
    assert view.state == "blocked"
    assert view.block is not None
    assert {old, world.sshd.fingerprints[0]} <= {str(value) for value in view.block.values()}
    assert world.sshd.authentication_attempts() == 0


async def test_a_blocked_run_nobody_watches_does_not_stand_in_the_way(world: World) -> None:
    async with world.engine() as engine:
        instance = await world.instance(engine, trusted=False)
        workflow = world.workflow(engine, script_step("true"))
        first = await engine.start(RunRequest(workflow, instance))
        view, _ = await world.finish(engine, first.id)
        assert view.state == "blocked"
        await world.trust(engine, instance)
        second = await engine.start(RunRequest(workflow, instance))
        view, _ = await world.finish(engine, second.id)
        assert view.state == "succeeded"
        assert (await engine.store.view(first.id)).state == "cancelled"


async def test_a_wrong_port_and_a_wrong_key_say_so(world: World) -> None:
    async with world.engine() as engine:
        closed = await engine.store.add_instance(
            "closed", (Endpoint("127.0.0.1", 1, "root"),), identity_file=str(world.key_path)
        )
        row = await engine.start(RunRequest(world.workflow(engine, {"use": "test_ssh"}, script_step("true")), closed))
        view, _ = await world.finish(engine, row.id)
        assert (view.state, view.kind) == ("failed", "connect_refused")
        assert exit_code(view) == 4
        assert [step.state for step in view.steps] == ["failed", "pending"]

        new_key(world.folder / "other")
        box = await world.instance(engine)
        wrong = await engine.store.update_instance(box.id, identity_file=str(world.folder / "other"))
        row = await engine.start(RunRequest(world.workflow(engine, script_step("true")), wrong))
        view, _ = await world.finish(engine, row.id)
        assert (view.state, view.kind) == ("failed", "auth_refused")


async def test_retry_of_a_succeeded_run_has_nothing_to_do(world: World) -> None:
    async with world.engine() as engine:
        _, events = await world.run(engine, script_step("true"))
        with pytest.raises(VastDeskError) as refused:
            await engine.retry(events[0]["run"], failed_only=True)
    assert refused.value.kind == "nothing_failed"


async def test_retry_repeats_only_what_failed(world: World) -> None:
    done, gate = world.folder / "done", world.folder / "gate"
    async with world.engine() as engine:
        _, events = await world.run(
            engine, script_step(f"echo x >> {done}", id="done"), script_step(f"[ -e {gate} ]", id="gate")
        )
        gate.touch()
        row = await engine.retry(events[0]["run"], failed_only=True)
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"
    assert view.retry_of == events[0]["run"]
    assert [step.state for step in view.steps] == ["skipped", "succeeded"]
    assert done.read_text() == "x\n"


async def test_an_engine_that_is_closed_while_it_reconnects_leaves_no_task(world: World) -> None:
    async with world.engine() as engine:
        row = await world.start(engine, script_step("sleep 60"))
        await world.in_state(engine, row.id, "running")
        await asyncio.to_thread(world.sshd.kill)
        await world.in_state(engine, row.id, "reconnecting")
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert [task.get_name() for task in others if not task.done()] == []
    with contextlib.suppress(Exception):
        await asyncio.to_thread(world.sshd.kill_leftovers)


async def test_a_cancel_that_reaches_nobody_ends_the_run_here_and_says_so(world: World) -> None:
    async with world.engine() as engine:
        await engine.store.set_setting("cancel_patience_s", "1")
        row = await world.start(engine, script_step("sleep 60"))
        await world.in_state(engine, row.id, "running")
        await asyncio.to_thread(world.sshd.kill)
        await world.in_state(engine, row.id, "reconnecting")
        await engine.cancel(row.id)
        view, events = await world.finish(engine, row.id)
    assert view.state == "lost"
    assert "could not be reached" in view.reason
    assert "cancelling" in [event["state"] for event in events if event["type"] == "run_state"]
    await asyncio.to_thread(world.sshd.kill_leftovers)


async def test_a_full_disk_here_is_said_and_the_job_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = world.folder / "done"
    async with world.engine() as engine:
        row = await world.start(engine, script_step(f"sleep 1; touch {done}"))
        await world.in_state(engine, row.id, "running")

        async def full(*_: object, **__: object) -> None:
            raise VastDeskError("store_full", path=str(world.data_dir))

        with monkeypatch.context() as patch:
            patch.setattr(engine.store, "append", full)
            patch.setattr(engine.store, "append_desktop", full)
            with pytest.raises(VastDeskError) as said:
                await world.finish(engine, row.id)
            assert said.value.kind == "store_full"
        await until(done.exists)
        view, events = await world.finish(engine, row.id)
    assert view.state == "succeeded"
    assert numbered(events) == list(range(1, len(numbered(events)) + 1))


async def test_a_jump_host_is_trusted_for_itself(world: World) -> None:
    jump = Sshd(world.folder / "jump")
    jump.authorize(asyncssh.read_private_key(world.key_path).export_public_key().decode())
    with jump:
        async with world.engine() as engine:
            instance = await world.instance(engine, trusted=False)
            via = f"{jump.user}@{jump.host}:{jump.port}"
            instance = await engine.store.update_instance(instance.id, jump=via)
            row = await engine.start(RunRequest(world.workflow(engine, script_step("true")), instance))
            for shown in (jump, world.sshd):
                view, _ = await world.finish(engine, row.id)
                assert view.state == "blocked"
                assert view.block is not None
                assert view.block["fingerprint"] == shown.fingerprints[0]
                await engine.trust(instance.id, view.block["fingerprint"])
                await engine.resume(row.id)
            view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"


async def test_a_login_refused_for_a_while_does_not_end_a_run_that_goes_on_there(world: World) -> None:
    gate = world.folder / "gate"
    async with world.engine() as engine:
        row = await world.start(engine, script_step(f"until [ -e {gate} ]; do sleep 0.05; done"))
        await world.in_state(engine, row.id, "running")
        keys = world.sshd.authorized_keys.read_text()
        world.sshd.deny_all()
        await asyncio.to_thread(world.sshd.kill_sessions)
        await world.in_state(engine, row.id, "reconnecting")
        world.sshd.authorized_keys.write_text(keys)
        gate.touch()
        view, _ = await world.finish(engine, row.id)
    assert view.state == "succeeded"
