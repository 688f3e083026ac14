"""A link to a real machine with the real runner: jobs, losses, and commands beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from tests.fakes.relay import Relay
from tests.integration.remote.conftest import World
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.remote.client import JobStatus, RunnerClient
from vastdesk.remote.connection import is_passing
from vastdesk.remote.package import RunnerPackage, runner_package

Event = dict[str, Any]


def spec(*scripts: str) -> dict[str, Any]:
    """A job that runs one shell script a step."""
    steps = [
        {"id": f"s{number}", "use": "script", "title": "Script", "with": {"script": text}, "limit_s": 60}
        for number, text in enumerate(scripts)
    ]
    app = {"id": "a", "host": "laptop", "user": "me", "version": "1"}
    extra = {"on_failure": "stop"}
    return {
        "v": 1,
        "job": new_id(),
        "run": new_id(),
        "app": app,
        "step_delay_s": 0,
        "profile": {"comfyui": None, "python": None},
        "steps": [{**step, **extra} for step in steps],
    }


def wait_job(seconds: float) -> dict[str, Any]:
    job = spec("true")
    job["steps"][0] |= {"use": "wait", "with": {"seconds": seconds}}
    return job


async def watched(client: RunnerClient, job: str, since: int = 0) -> tuple[list[Event], JobStatus]:
    events: list[Event] = []
    async for item in client.watch(job, since):
        if isinstance(item, JobStatus):
            return events, item
        events += item
    raise AssertionError("the stream ended without a status")


async def test_a_job_from_start_to_end(world: World) -> None:
    link = await world.connected()
    job = wait_job(0.2)
    assert (await link.client.start(job, {})).running
    events, end = await watched(link.client, job["job"])
    assert [event["seq"] for event in events] == list(range(1, end.last_seq + 1))
    assert events[-1]["type"] == "job_finished"
    assert end.exit is not None and end.exit["state"] == "succeeded"
    assert end.started_from == {"host": "laptop", "user": "me"}
    assert await watched(link.client, job["job"], end.last_seq) == ([], end)
    await link.client.ack(job["job"], end.last_seq)


async def test_the_same_id_with_another_spec_is_refused(world: World) -> None:
    link = await world.connected()
    job = wait_job(0.01)
    await link.client.start(job, {})
    await link.client.start(job, {})
    job["steps"][0]["title"] = "Another"
    with pytest.raises(VastDeskError) as caught:
        await link.client.start(job, {})
    assert caught.value.kind == "runner_refused"
    assert caught.value.facts["reason"] == "spec_differs"


async def test_a_job_that_is_not_there(world: World) -> None:
    link = await world.connected()
    assert (await link.client.status("nobody")).state == "absent"
    events, end = await watched(link.client, "nobody")
    assert (events, end.state) == ([], "absent")


async def test_many_jobs_are_watched_over_one_channel(world: World) -> None:
    link = await world.connected()
    jobs = [wait_job(0.1) for _ in range(5)]
    for job in jobs:
        await link.client.start(job, {})
    results = await asyncio.gather(*(watched(link.client, job["job"]) for job in jobs))
    for events, end in results:
        assert [event["seq"] for event in events] == list(range(1, end.last_seq + 1))
        assert end.state == "finished"


async def test_every_event_once_though_the_sessions_are_killed(world: World) -> None:
    link = await world.connected()
    job = wait_job(60)
    await link.client.start(job, {})
    events: list[Event] = []
    for _ in range(3):
        with pytest.raises(VastDeskError) as caught:
            async for item in link.client.watch(job["job"], len(events)):
                assert not isinstance(item, JobStatus)
                events += item
                world.sshd.kill_sessions()
        assert caught.value.kind == "connection_lost"
        assert is_passing(caught.value)
        assert not link.connected
        await link.connect()
    await link.client.cancel(job["job"])
    rest, end = await watched(link.client, job["job"], len(events))
    assert end.exit is not None and end.exit["state"] == "cancelled"
    assert [event["seq"] for event in events + rest] == list(range(1, end.last_seq + 1))


async def test_a_lost_connection_ends_all_calls(world: World) -> None:
    link = await world.connected()
    job = wait_job(30)
    await link.client.start(job, {})
    watching = asyncio.ensure_future(watched(link.client, job["job"]))
    await link.client.status(job["job"])
    world.sshd.freeze_sessions()
    asking = asyncio.ensure_future(link.client.status(job["job"]))
    command = asyncio.ensure_future(link.run(["sleep", "60"]))
    await asyncio.sleep(0)
    world.sshd.kill_sessions()
    for call in (watching, asking, command):
        with pytest.raises(VastDeskError) as caught:
            await asyncio.wait_for(call, 5)
        assert caught.value.kind == "connection_lost"
    with pytest.raises(VastDeskError):
        await link.client.status(job["job"])
    with pytest.raises(VastDeskError):
        await link.run(["true"])
    await link.connect()
    await link.client.cancel(job["job"])
    _events, end = await watched(link.client, job["job"])
    assert end.exit is not None and end.exit["state"] == "cancelled"


async def test_silence_is_noticed_and_overcome(world: World) -> None:
    async with Relay(world.sshd.host, world.sshd.port) as relay:
        link = await world.connected(world.instance((relay.host, relay.port)), stale_after_s=2.5)
        job = wait_job(1.5)
        await link.client.start(job, {})
        loop = asyncio.get_running_loop()
        relay.silent = True
        begin = loop.time()
        with pytest.raises(VastDeskError) as caught:
            await watched(link.client, job["job"])
        assert caught.value.kind == "connection_lost"
        assert "silent" in caught.value.sentence
        assert loop.time() - begin < 4
        relay.silent = False
        await link.connect()
        _events, end = await watched(link.client, job["job"])
        assert end.state == "finished"


async def test_beats_keep_a_quiet_channel_alive(world: World) -> None:
    link = await world.connected(stale_after_s=2.6)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(4):
            await link.lost()
    assert link.connected


async def test_after_a_sleep_a_living_link_is_kept_and_a_dead_one_ended(world: World) -> None:
    async with Relay(world.sshd.host, world.sshd.port) as relay:
        link = await world.connected(world.instance((relay.host, relay.port)))
        assert await link.check()
        relay.silent = True
        assert not await link.check(patience_s=0.3)
        assert not link.connected


async def test_a_bad_network_is_only_slow(world: World) -> None:
    async with Relay(
        world.sshd.host, world.sshd.port, delay_s=0.02, jitter_s=0.02, loss=0.02, bandwidth_bytes_s=2e6
    ) as relay:
        link = await world.connected(world.instance((relay.host, relay.port)))
        job = wait_job(0.1)
        await link.client.start(job, {})
        _events, end = await watched(link.client, job["job"])
        assert end.state == "finished"


async def test_commands_take_no_more_places_than_sshd_has(world: World) -> None:
    link = await world.connected()
    results = await asyncio.gather(*(link.run(["sh", "-c", f"echo {number}"]) for number in range(20)))
    assert results == [(0, f"{number}\n".encode()) for number in range(20)]


async def test_a_machine_with_two_places(make_world: Callable[..., World]) -> None:
    world = make_world(max_sessions=1)
    link = await world.connected()
    with pytest.raises(VastDeskError) as caught:
        await link.run(["true"])
    assert caught.value.kind == "channel_refused"
    assert link.connected


async def test_a_command_that_does_not_end(world: World) -> None:
    link = await world.connected()
    with pytest.raises(VastDeskError) as caught:
        await link.run(["sleep", "60"], timeout_s=0.2)
    assert caught.value.kind == "command_timeout"
    assert link.connected


async def test_a_command_that_is_not_there_and_one_that_is_killed(world: World) -> None:
    link = await world.connected()
    assert await link.run(["no-such-program"]) == (127, b"")
    code, output = await link.run(["sh", "-c", "echo begun; kill -9 $$"])
    assert (code, output) == (137, b"begun\n")


async def test_files_are_read_whole(world: World) -> None:
    data = bytes(range(256)) * 4096
    path = world.sshd.home / "a file's name"
    path.write_bytes(data)
    link = await world.connected()
    assert await link.read_file(str(path)) == data
    assert await link.read_file(str(path) + ".not") is None
    assert await link.read_file(str(world.sshd.home)) is None


async def test_the_runner_is_put_there_once_and_mended_when_damaged(world: World) -> None:
    package = runner_package()
    await world.connected()
    target = world.sshd.vastdesk_home / "runner" / package.sha256 / "vastdesk-runner.pyz"
    first = target.stat()
    assert target.read_bytes() == package.data
    assert {path.stat().st_mode & 0o077 for path in [target, *target.parents[:3]]} == {0}
    await world.connected()
    assert target.stat().st_mtime_ns == first.st_mtime_ns
    target.write_bytes(package.data[:1000])
    await world.connected()
    assert target.read_bytes() == package.data


async def test_many_desktops_bring_the_runner_at_once(world: World) -> None:
    links = await asyncio.gather(*(world.connected() for _ in range(6)))
    assert all(link.connected for link in links)
    folder = world.sshd.vastdesk_home / "runner"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["vastdesk-runner.pyz"]


async def test_a_runner_that_breaks_at_once(world: World) -> None:
    data = b"this is no zip"
    with pytest.raises(VastDeskError) as caught:
        await world.connected(package=RunnerPackage(data, sha256(data).hexdigest()))
    assert caught.value.kind == "runner_failed"


async def test_diagnostics_tell_what_the_shell_said(make_world: Callable[..., World]) -> None:
    world = make_world(rc={".bashrc": "printf '\\033[31mwelcome\\033[0m\\n'; echo careful >&2\n"})
    link = await world.connected()
    diagnostics = link.diagnostics
    assert sorted(diagnostics["noise"]) == ["careful", "welcome"]
    assert diagnostics["host_key"] == world.sshd.fingerprints[0]


async def test_closing_leaves_nothing_on_the_machine_but_the_job(world: World) -> None:
    link = await world.connected()
    await link.run(["true"])
    await link.close()
    await link.close()
    async with asyncio.timeout(5):
        while world.sshd.leftovers():
            await asyncio.sleep(0.01)
