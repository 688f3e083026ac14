"""The runner client against a scripted runner: answers, streams, silence, and every way a channel can misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from tests.fakes.channel import TOKEN, ScriptedChannel
from vastdesk.domain.errors import VastDeskError
from vastdesk.remote import watch as watching
from vastdesk.remote.channel import FramedReader, Noise
from vastdesk.remote.client import JobStatus, RunnerClient

RUNNING = {"job": "j", "state": "running", "last_seq": 0}
FINISHED = {"job": "j", "state": "finished", "last_seq": 3, "exit": {"state": "succeeded"}}


@pytest.fixture
def channel() -> ScriptedChannel:
    return ScriptedChannel()


@pytest.fixture
async def make_client(channel: ScriptedChannel) -> AsyncIterator[Callable[..., RunnerClient]]:
    clients = []

    def make(**settings: Any) -> RunnerClient:
        client = RunnerClient(FramedReader(channel, TOKEN, Noise()), "box", **settings)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def client(make_client: Callable[..., RunnerClient]) -> RunnerClient:
    return make_client()


def events(*numbers: int) -> dict[str, Any]:
    return {"job": "j", "events": [{"seq": number, "type": "log"} for number in numbers]}


async def collect(client: RunnerClient, since: int = 0) -> tuple[list[int], JobStatus]:
    numbers: list[int] = []
    async for item in client.watch("j", since):
        if isinstance(item, JobStatus):
            return numbers, item
        numbers += [event["seq"] for event in item]
    raise AssertionError("no status")


async def lost(call: Any) -> str:
    with pytest.raises(VastDeskError) as caught:
        await asyncio.wait_for(call, 5)
    assert caught.value.kind == "connection_lost"
    return str(caught.value.facts["detail"])


async def test_answers_find_their_requests_in_any_order(client: RunnerClient, channel: ScriptedChannel) -> None:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(client.request("a"))
        second = group.create_task(client.request("b"))
        one, two = await channel.asked(), await channel.asked()
        channel.say({"id": two["id"], "ok": True, "result": two["op"]})
        channel.say({"beat": 1})
        channel.say({"id": one["id"], "ok": True, "result": one["op"]})
    assert (first.result(), second.result()) == ("a", "b")


async def test_a_no_carries_the_runners_reason(client: RunnerClient, channel: ScriptedChannel) -> None:
    async with asyncio.TaskGroup() as group:
        call = group.create_task(asyncio.wait_for(asyncio.shield(_caught(client.request("start"))), 5))
        asked = await channel.asked()
        channel.say({"id": asked["id"], "ok": False, "error": {"kind": "spec_differs", "message": "it is another"}})
    error = call.result()
    assert error.kind == "runner_refused"
    assert error.facts["reason"] == "spec_differs"
    assert "it is another" in error.sentence


async def _caught(call: Any) -> VastDeskError:
    with pytest.raises(VastDeskError) as caught:
        await call
    return caught.value


async def test_an_answer_that_stays_out(client: RunnerClient, channel: ScriptedChannel) -> None:
    error = await _caught(client.request("probe", timeout_s=0.02))
    assert error.kind == "no_answer"
    late = await channel.asked()
    channel.say({"id": late["id"], "ok": True, "result": 1})  # nobody waits any more
    async with asyncio.TaskGroup() as group:
        call = group.create_task(client.status("j"))
        await channel.answer("status", RUNNING)
    assert call.result().running


async def test_requests_of_every_kind(client: RunnerClient, channel: ScriptedChannel) -> None:
    async def ask(op: str, call: Any, result: Any) -> tuple[dict[str, Any], Any]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call)
            asked = await channel.answer(op, result)
        return {name: value for name, value in asked.items() if name not in ("id", "op")}, task.result()

    assert await ask("cancel", client.cancel("j"), RUNNING) == ({"job": "j"}, JobStatus("j", "running"))
    assert await ask("ack", client.ack("j", 4), None) == ({"job": "j", "seq": 4}, None)
    assert await ask("clean", client.clean(), {"removed": ["a"]}) == ({}, ["a"])
    assert await ask("sweep", client.sweep("j"), {"killed": 2}) == ({"job": "j"}, 2)
    assert await ask("probe", client.probe(), {"gpus": []}) == ({}, {"gpus": []})
    fields = {"job": "j", "step": "s", "offset": 3, "max": 10}
    assert await ask("log", client.log("j", "s", 3, 10), {"data": ""}) == (fields, {"data": ""})
    spec = {"job": "j"}
    assert (await ask("start", client.start(spec, {"k": "v"}), RUNNING))[0] == {"spec": spec, "secrets": {"k": "v"}}


async def test_what_is_no_status_is_named(client: RunnerClient, channel: ScriptedChannel) -> None:
    for nonsense in (None, [], {"state": "running"}, {"job": "j", "state": "x", "last_seq": "many"}):
        async with asyncio.TaskGroup() as group:
            call = group.create_task(_caught(client.status("j")))
            await channel.answer("status", nonsense)
        assert call.result().kind == "protocol_error"


async def test_a_stream_from_its_answer_to_its_end(client: RunnerClient, channel: ScriptedChannel) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(collect(client))
        asked = await channel.answer("watch", RUNNING, events(1, 2), events(3), {"job": "j", "end": FINISHED})
    assert asked["since"] == 0
    numbers, end = task.result()
    assert numbers == [1, 2, 3]
    assert end.exit == {"state": "succeeded"}


async def test_events_from_before_the_answer_belong_to_nobody(client: RunnerClient, channel: ScriptedChannel) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(collect(client, 5))
        asked = await channel.asked("watch")
        channel.say(events(1, 2))
        channel.say({"id": asked["id"], "ok": True, "result": RUNNING}, events(6), {"job": "j", "end": FINISHED})
    assert task.result()[0] == [6]


@pytest.mark.parametrize("wrong", [events(4), events(1), {"job": "j", "events": ["nonsense"]}, events(2, 1)])
async def test_after_a_gap_or_a_step_back_it_asks_again(
    client: RunnerClient, channel: ScriptedChannel, wrong: dict[str, Any]
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(collect(client))
        await channel.answer("watch", RUNNING, events(1), wrong, events(7))
        await channel.answer("unwatch", None, events(9))
        again = await channel.asked("watch")
        rest = events(*range(again["since"] + 1, 4))
        channel.say({"id": again["id"], "ok": True, "result": RUNNING}, rest, {"job": "j", "end": FINISHED})
    assert task.result()[0] == [1, 2, 3]


async def test_a_hole_in_the_log_itself_is_passed_over(
    client: RunnerClient, channel: ScriptedChannel, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(collect(client))
        await channel.answer("watch", RUNNING, events(1, 3))
        await channel.answer("unwatch")
        await channel.answer("watch", RUNNING, events(3, 4), {"job": "j", "end": FINISHED})
    assert task.result()[0] == [1, 3, 4]
    assert "events 2 to 2 are missing" in caplog.text


async def test_a_slow_reader_loses_nothing_and_the_queue_stays_short(
    client: RunnerClient, channel: ScriptedChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUEUE_EVENTS", 10)
    monkeypatch.setattr(watching, "BATCH_EVENTS", 4)
    stream = client.watch("j", 0)
    first = asyncio.ensure_future(anext(stream))
    await channel.answer("watch", RUNNING, events(*range(1, 9)), events(*range(9, 17)), events(*range(17, 30)))
    numbers = [event["seq"] for event in await first]
    assert len(numbers) == 4

    async def rest() -> JobStatus:
        async for item in stream:
            if isinstance(item, JobStatus):
                return item
            numbers.extend(event["seq"] for event in item)
        raise AssertionError("no status")

    task = asyncio.ensure_future(rest())
    await channel.answer("unwatch")
    again = await channel.asked("watch")
    assert again["since"] == 16  # not a word of the third batch was kept
    channel.say({"id": again["id"], "ok": True, "result": RUNNING}, events(17), {"job": "j", "end": FINISHED})
    await task
    assert numbers == list(range(1, 18))


async def test_leaving_a_stream_ends_it_on_the_other_side(client: RunnerClient, channel: ScriptedChannel) -> None:
    async with aclosing(client.watch("j", 0)) as stream:
        task = asyncio.ensure_future(anext(stream))
        await channel.answer("watch", RUNNING, events(1))
        await task
    assert (await channel.asked("unwatch"))["job"] == "j"


async def test_a_second_watch_takes_the_place_of_the_first(client: RunnerClient, channel: ScriptedChannel) -> None:
    first = asyncio.ensure_future(collect(client))
    await channel.answer("watch", RUNNING)
    second = asyncio.ensure_future(collect(client))
    await channel.answer("watch", RUNNING, events(1), {"job": "j", "end": FINISHED})
    assert (await second)[0] == [1]
    with pytest.raises(RuntimeError):
        await first


async def test_the_end_of_the_channel_ends_everything(client: RunnerClient, channel: ScriptedChannel) -> None:
    stream = asyncio.ensure_future(collect(client))
    await channel.answer("watch", RUNNING)
    call = asyncio.ensure_future(client.status("j"))
    await channel.asked("status")
    channel.break_off()
    assert await lost(stream) == "reset"
    assert await lost(call) == "reset"
    assert await lost(client.status("j")) == "reset"
    assert client.lost.is_set()
    assert channel.closed


async def test_what_arrived_before_the_loss_is_handed_out_first(client: RunnerClient, channel: ScriptedChannel) -> None:
    stream = client.watch("j", 0)
    first = asyncio.ensure_future(anext(stream))
    await channel.answer("watch", RUNNING, events(1))
    assert len(await first) == 1  # type: ignore[arg-type]
    channel.say(events(2))
    channel.end()
    await client.lost.wait()
    assert [event["seq"] for event in await anext(stream)] == [2]  # type: ignore[union-attr]
    await lost(anext(stream))


async def test_silence_is_death(make_client: Callable[..., RunnerClient], channel: ScriptedChannel) -> None:
    client = make_client(stale_after_s=0.1)
    assert "silent" in await lost(client.status("j"))
    assert channel.closed


async def test_any_word_is_life(make_client: Callable[..., RunnerClient], channel: ScriptedChannel) -> None:
    client = make_client(stale_after_s=0.4)
    for _ in range(20):
        await asyncio.sleep(0.03)
        channel.raw(b"noise\n")
    assert not client.lost.is_set()


async def test_time_in_which_this_computer_did_not_run_is_not_silence(
    make_client: Callable[..., RunnerClient], channel: ScriptedChannel
) -> None:
    client = make_client(stale_after_s=0.2)
    await asyncio.sleep(0)
    import time

    time.sleep(0.4)  # the loop stands still, as in a laptop that sleeps
    channel.say({"beat": 1})
    await asyncio.sleep(0.05)
    assert not client.lost.is_set()


async def test_closing_ends_the_calls_that_wait(client: RunnerClient, channel: ScriptedChannel) -> None:
    call = asyncio.ensure_future(client.status("j"))
    await channel.asked()
    await client.aclose()
    assert await lost(call) == "closed"
    await client.aclose()
