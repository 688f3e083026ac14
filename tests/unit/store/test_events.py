"""The event log: exactly once, in order, without holes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.store.conftest import ENDPOINT, events, new_run
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.store import RunRow, Store


async def test_stored_events_come_back_numbered_and_unchanged(store: Store, run: RunRow) -> None:
    sent = events(1, 3, text="Zeile ✓", step="nodes", extra={"kept": [1, None, "x"]})
    stored = await store.append(run.id, "job-1", sent)
    assert [event["rseq"] for event in stored] == [1, 2, 3]
    assert stored == [{**event, "run": run.id, "job": "job-1", "rseq": event["seq"]} for event in sent]
    assert await store.events(run.id) == stored


async def test_sending_again_is_harmless(store: Store, run: RunRow) -> None:
    await store.append(run.id, "job-1", events(1, 3))
    assert await store.append(run.id, "job-1", events(1, 3)) == []
    assert [event["seq"] for event in await store.append(run.id, "job-1", events(2, 5))] == [4, 5]
    assert [event["seq"] for event in await store.events(run.id)] == [1, 2, 3, 4, 5]


async def test_a_hole_is_told_and_what_comes_after_it_is_stored(store: Store, run: RunRow) -> None:
    stored = await store.append(run.id, "job-1", events(1, 2) + events(6, 7))
    assert [(event["seq"], event["type"], event.get("count")) for event in stored] == [
        (1, "log", None),
        (2, "log", None),
        (3, "unreadable", 3),
        (6, "log", None),
        (7, "log", None),
    ]
    assert [event["rseq"] for event in stored] == [1, 2, 3, 4, 5] and all("ts" in event for event in stored)
    assert await store.last_seq(run.id, "job-1") == 7
    assert await store.append(run.id, "job-1", events(3, 7)) == []
    assert await store.events(run.id) == stored


async def test_a_batch_out_of_order_is_put_in_order(store: Store, run: RunRow) -> None:
    stored = await store.append(run.id, "job-1", [*events(3, 4), *events(1, 3)])
    assert [(event["seq"], event["type"]) for event in stored] == [(1, "log"), (2, "log"), (3, "log"), (4, "log")]


async def test_jobs_count_for_themselves_and_share_the_numbers_of_the_run(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, 2))
    await store.append_desktop(run.id, "log", text="between")
    await store.append(run.id, "b", events(1, 1))
    stored = await store.events(run.id)
    assert [(event["job"], event["seq"], event["rseq"]) for event in stored] == [
        ("a", 1, 1),
        ("a", 2, 2),
        ("desktop", 1, 3),
        ("b", 1, 4),
    ]
    assert [await store.last_seq(run.id, job) for job in ("a", "desktop", "b", "none")] == [2, 1, 1, 0]


async def test_an_event_that_cannot_be_used_leaves_no_hole(store: Store, run: RunRow) -> None:
    batch = [*events(1, 1), {"seq": 2}, *events(3, 3)]
    assert [event["type"] for event in await store.append(run.id, "a", batch)] == ["log", "unreadable", "log"]
    assert await store.last_seq(run.id, "a") == 3


@pytest.mark.parametrize("seq", [None, "1", 1.5, True, -1, 0, 2**63, 10**30])
async def test_an_event_without_a_usable_number_is_left_out(store: Store, run: RunRow, seq: object) -> None:
    stored = await store.append(run.id, "a", [{"seq": seq, "type": "log"}])
    assert stored == []


async def test_text_that_no_database_takes_is_stored(store: Store, run: RunRow) -> None:
    stored = await store.append(run.id, "a", events(1, 1, text="\ud800 \x00 \U0001f600", **{"x\x00": "\udfff"}))
    assert await store.events(run.id) == stored
    assert "\U0001f600" in stored[0]["text"]


async def test_a_batch_is_stored_whole_or_not_at_all(store: Store, run: RunRow) -> None:
    await store.append_desktop(run.id, "run_state", state="failed")
    second = await store.create_run(new_run(await store.find_instance("gpu")))
    with pytest.raises(VastDeskError) as caught:  # run goes on although the instance is taken
        await store.append_desktop(run.id, "run_state", state="connecting")
    assert caught.value.kind == "instance_busy" and caught.value.facts["run"] == second.id
    assert await store.last_seq(run.id, "desktop") == 1
    assert [event["state"] for event in await store.events(run.id)] == ["failed"]
    assert (await store.find_run(run.id)).state == "failed"


async def test_pages_of_events(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, 25))
    pages, since = [], 0
    while page := await store.events(run.id, since, 10):
        pages.append(len(page))
        since = page[-1]["rseq"]
    assert (pages, since) == ([10, 10, 5], 25)


async def test_events_of_a_run_that_is_not_there(store: Store) -> None:
    for call in (store.append("nope", "a", events(1, 1)), store.append_desktop("nope", "log"), store.events("nope")):
        with pytest.raises(VastDeskError) as caught:
            await call
        assert caught.value.kind == "no_run"


async def test_desktop_events_get_number_and_times(store: Store, run: RunRow) -> None:
    first = await store.append_desktop(run.id, "log", text="a", seq=99, ts=1.0)
    second = await store.append_desktop(run.id, "log", text="b")
    assert (first["seq"], second["seq"], second["rseq"]) == (1, 2, 2)
    assert 1e9 < first["ts"] <= second["ts"] and first["mono"] <= second["mono"]
    assert await store.events(run.id) == [first, second]


async def test_two_processes_write_desktop_events_at_once(store: Store, other: Store, run: RunRow) -> None:
    await asyncio.gather(*((store, other)[n % 2].append_desktop(run.id, "log", text=str(n)) for n in range(40)))
    stored = await store.events(run.id)
    assert [event["seq"] for event in stored] == list(range(1, 41))
    assert {event["text"] for event in stored} == {str(n) for n in range(40)}


async def test_a_state_that_does_not_exist_is_our_mistake(store: Store, run: RunRow) -> None:
    with pytest.raises(ValueError, match="not an event"):
        await store.append_desktop(run.id, "run_state", state="splendid")
    assert await store.events(run.id) == []


async def test_only_the_desktop_says_the_state_of_a_run(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, 1, "run_state", state="succeeded"))
    assert (await store.find_run(run.id)).state == "queued"


async def test_the_state_of_a_run_follows_its_events(store: Store, run: RunRow) -> None:
    assert (run.state, run.place, run.ended_ts) == ("queued", "active", None)
    await store.append_desktop(run.id, "run_state", state="running")
    assert (await store.find_run(run.id)).state == "running"
    await store.append_desktop(run.id, "run_state", state="lost")
    ended = await store.find_run(run.id)
    assert (ended.state, ended.place, ended.last_rseq) == ("lost", "ended", 2) and ended.ended_ts is not None
    await store.append_desktop(run.id, "run_state", state="connecting")
    resumed = await store.find_run(run.id)
    assert (resumed.state, resumed.place, resumed.ended_ts) == ("connecting", "active", None)


def test_however_the_network_cuts_and_repeats_every_event_is_there_once(tmp_path: Path) -> None:
    """Batches that begin anywhere at or before what is stored."""

    @settings(max_examples=25)
    @given(st.integers(0, 2**32), st.integers(1, 40))
    def check(seed: int, total: int) -> None:
        asyncio.run(deliver(random.Random(seed), total))

    async def deliver(rng: random.Random, total: int) -> None:
        async with await Store.open(folder) as store:
            run = await store.create_run(new_run(instance))
            all_of_them = events(1, total)
            while (last := await store.last_seq(run.id, "a")) < total:
                first = rng.randint(0, last)
                batch = all_of_them[first : first + rng.randint(1, 10)]
                if rng.random() < 0.2:
                    rng.shuffle(batch)
                await store.append(run.id, "a", batch)
            assert [event["seq"] for event in await store.events(run.id)] == list(range(1, total + 1))
            assert [event["rseq"] for event in await store.events(run.id)] == list(range(1, total + 1))
            await store.append_desktop(run.id, "run_state", state="succeeded")

    async def prepare() -> Instance:
        async with await Store.open(folder) as store:
            return await store.add_instance("gpu", [ENDPOINT])

    folder = tmp_path / "data"
    instance = asyncio.run(prepare())
    check()
