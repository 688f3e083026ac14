"""Runs: one at a time on an instance, found by what people type, driven by one process."""

from __future__ import annotations

import time

import pytest

from tests.unit.store.conftest import ENDPOINT, events, new_run
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Instance
from vastdesk.store import RunRow, Store


async def end(store: Store, run: RunRow, state: str = "succeeded") -> None:
    await store.append_desktop(run.id, "run_state", state=state)


async def test_a_second_run_is_refused_and_told_which_is_on(store: Store, instance: Instance, run: RunRow) -> None:
    with pytest.raises(VastDeskError) as caught:
        await store.create_run(new_run(instance))
    assert caught.value.exit_code == 6
    assert run.id in str(caught.value) and "gpu" in str(caught.value) and "--queue" in caught.value.action


@pytest.mark.parametrize("state", ["connecting", "running", "reconnecting", "blocked", "cancelling"])
async def test_a_run_holds_its_instance_until_it_has_ended(
    store: Store, instance: Instance, run: RunRow, state: str
) -> None:
    await store.append_desktop(run.id, "run_state", state=state)
    with pytest.raises(VastDeskError):
        await store.create_run(new_run(instance))
    await end(store, run, "failed")
    assert (await store.create_run(new_run(instance))).place == "active"


async def test_other_instances_are_free(store: Store, run: RunRow) -> None:
    second = await store.add_instance("other", [ENDPOINT])
    assert (await store.create_run(new_run(second))).place == "active"


async def test_the_same_id_and_request_is_the_same_run(store: Store, other: Store, instance: Instance) -> None:
    new = new_run(instance, request={"workflow": "w", "set": {"a": 1, "b": 2}})
    made = await store.create_run(new)
    again = await other.create_run(new_run(instance, id=new.id, request={"set": {"b": 2, "a": 1}, "workflow": "w"}))
    assert again == made
    await end(store, made)
    assert (await other.create_run(new)).state == "succeeded"


@pytest.mark.parametrize("change", ["request", "instance"])
async def test_the_same_id_with_another_request_is_refused(store: Store, instance: Instance, change: str) -> None:
    second = await store.add_instance("other", [ENDPOINT])
    made = await store.create_run(new_run(instance))
    fields = {"request": {"workflow": "another"}} if change == "request" else {"instance_id": second.id}
    with pytest.raises(VastDeskError) as caught:
        await store.create_run(new_run(instance, id=made.id, **fields))
    assert (caught.value.kind, caught.value.exit_code) == ("run_differs", 2)


async def test_what_was_given_is_kept(store: Store, instance: Instance) -> None:
    new = new_run(instance, workflow={"steps": [{"with": {"x": "\ud800 ü"}}]}, retry_of="earlier")
    before = time.time()
    made = await store.create_run(new)
    assert (made.workflow, made.retry_of, made.owner) == (new.workflow, "earlier", store.owner)
    assert before <= made.created_ts <= time.time()
    assert await store.find_run(new.id) == made


async def test_runs_are_found_by_the_beginning_of_their_id_and_by_last(store: Store, instance: Instance) -> None:
    ids = ["aaaa1111", "aaaa2222", "bbbb1111", "aaaa"]
    for run_id in ids:
        await end(store, await store.create_run(new_run(instance, id=run_id)))
    for text, found in {
        "aaaa2": "aaaa2222",
        "b": "bbbb1111",
        "aaaa": "aaaa",
        "last": "aaaa",
        "BBBB": "bbbb1111",
    }.items():
        assert (await store.find_run(text)).id == found
    with pytest.raises(VastDeskError) as caught:
        await store.find_run("aa")
    assert caught.value.kind == "run_ambiguous" and "aaaa1111" in str(caught.value)
    for text in ("c", "", "%", "aaaa11112"):
        with pytest.raises(VastDeskError) as caught:
            await store.find_run(text)
        assert (caught.value.kind, caught.value.exit_code) == ("no_run", 7)
    assert [row.id for row in await store.runs()] == ids[::-1]
    assert [row.id for row in await store.runs(limit=2)] == ids[::-1][:2]


async def test_last_of_nothing(store: Store) -> None:
    with pytest.raises(VastDeskError, match="no run yet"):
        await store.find_run("last")


async def test_only_ended_runs_are_forgotten_and_nothing_of_them_stays(
    store: Store, instance: Instance, run: RunRow
) -> None:
    await store.append(run.id, "a", events(1, 3))
    await store.add_command(run.id, "cancel", "asked for")
    assert await store.forget_runs([run.id]) == 0
    await end(store, run)
    await store.view(run.id)
    assert await store.forget_runs([run.id, "nope"]) == 1
    assert await store.runs() == []
    left = await store._db.read(
        lambda c: [
            c.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("event", "job", "snapshot", "command")
        ]
    )
    assert left == [0, 0, 0, 0]


async def test_runs_that_ended_long_ago_are_forgotten_when_a_setting_says_so(store: Store, instance: Instance) -> None:
    old = await store.create_run(new_run(instance))
    await end(store, old)
    await store._db.write(lambda c: c.execute("UPDATE run SET ended_ts = ended_ts - 2 * 86400") and None)
    young = await store.create_run(new_run(instance))
    await end(store, young)
    assert await store.forget_expired_runs() == 0
    await store.set_setting("history_days", "1")
    assert await store.forget_expired_runs() == 1
    assert [row.id for row in await store.runs()] == [young.id]


# ---- waiting behind another run


async def test_waiting_runs_come_on_in_their_order(store: Store, instance: Instance, run: RunRow) -> None:
    first = await store.create_run(new_run(instance, queue=True))
    second = await store.create_run(new_run(instance, queue=True))
    assert (first.state, first.place, first.owner) == ("queued", "waiting", None)
    assert await store.next_queued(instance.id) is None
    assert not await store.claim_run(first.id)
    await end(store, run)
    due = await store.next_queued(instance.id)
    assert due is not None and due.id == first.id
    assert not await store.claim_run(second.id)
    assert await store.claim_run(first.id)
    assert (await store.find_run(first.id)).place == "active"
    assert await store.next_queued(instance.id) is None


async def test_a_run_with_nothing_before_it_does_not_wait(store: Store, instance: Instance) -> None:
    assert (await store.create_run(new_run(instance, queue=True))).place == "active"


async def test_nobody_overtakes_a_waiting_run(store: Store, instance: Instance, run: RunRow) -> None:
    first = await store.create_run(new_run(instance, queue=True))
    await end(store, run)
    assert (await store.create_run(new_run(instance, queue=True))).place == "waiting"
    await end(store, first, "cancelled")
    assert (await store.find_run(first.id)).place == "ended"


async def test_waiting_runs_are_still_waiting_after_a_restart(store: Store, instance: Instance, run: RunRow) -> None:
    waiting = await store.create_run(new_run(instance, queue=True))
    await store.append_desktop(waiting.id, "run_state", state="queued")
    await end(store, run)
    await store.close()
    async with await Store.open(store.data_dir) as again:
        due = await again.next_queued(instance.id)
        assert due is not None and due.id == waiting.id and await again.claim_run(due.id)


# ---- who drives


async def test_one_process_drives_a_run(store: Store, other: Store, run: RunRow) -> None:
    assert await store.claim_run(run.id)
    assert not await other.claim_run(run.id)
    assert await store.is_driven(run.id) and await other.is_driven(run.id)
    await store.release_run(run.id)
    assert not await store.is_driven(run.id) and not await other.is_driven(run.id)
    assert await other.claim_run(run.id)
    assert not await store.claim_run(run.id)
    await store.release_run(run.id)  # not its to release
    assert await other.is_driven(run.id)


async def test_closing_gives_the_runs_up(store: Store, other: Store, run: RunRow) -> None:
    await store.close()
    assert not await other.is_driven(run.id)
    assert (await other.find_run(run.id)).owner is None


async def test_the_run_of_a_dead_process_can_be_claimed(store: Store, other: Store, run: RunRow) -> None:
    store._owner.end()  # what the system does for a process that dies
    assert not await other.is_driven(run.id)
    assert await other.claim_run(run.id)
    assert (await other.find_run(run.id)).owner == other.owner


async def test_locks_of_the_dead_are_cleared_away(store: Store, other: Store) -> None:
    (store.data_dir / "owners" / f"{new_id()}.lock").touch()
    async with await Store.open(store.data_dir) as third:
        assert {path.stem for path in (store.data_dir / "owners").iterdir()} == {store.owner, other.owner, third.owner}


# ---- jobs and commands


async def test_jobs_are_listed_as_they_were_made(store: Store, run: RunRow) -> None:
    await store.append_desktop(run.id, "log", text="x")
    await store.add_job(run.id, "b", {"steps": [1]})
    await store.add_job(run.id, "a", {"steps": [2]})
    await store.add_job(run.id, "b", {"steps": ["another"]})
    await store.append(run.id, "found again", events(1, 2))
    assert [(job.id, job.spec, job.last_seq) for job in await store.jobs(run.id)] == [
        ("b", {"steps": [1]}, 0),
        ("a", {"steps": [2]}, 0),
        ("found again", None, 2),
    ]
    assert {job.run_id for job in await store.jobs(run.id)} == {run.id}


async def test_a_command_is_handed_out_once(store: Store, other: Store, run: RunRow) -> None:
    assert await store.take_commands(run.id) == []
    await other.add_command(run.id, "cancel", "asked for")
    await other.add_command(run.id, "resume", "the key is trusted now")
    assert [(c.kind, c.reason) for c in await store.take_commands(run.id)] == [
        ("cancel", "asked for"),
        ("resume", "the key is trusted now"),
    ]
    assert await store.take_commands(run.id) == [] == await other.take_commands(run.id)


async def test_a_command_needs_a_run(store: Store) -> None:
    with pytest.raises(VastDeskError, match="no run nope"):
        await store.add_command("nope", "cancel", "x")


# ---- noticing changes


async def test_changes_of_any_process_are_noticed(store: Store, other: Store, run: RunRow) -> None:
    seen = await store.change_count()
    assert await store.change_count() == seen
    for writer in (store, other, store):
        await writer.append_desktop(run.id, "log", text="x")
        now = await store.change_count()
        assert now > seen
        seen = now
    assert await store.change_count() == seen


async def test_asking_is_no_change(store: Store, other: Store, instance: Instance, run: RunRow) -> None:
    """Who waits for a change before asking again must not wake itself up by asking."""
    waiting = await store.create_run(new_run(instance, queue=True))
    seen = await other.change_count()
    assert not await other.claim_run(run.id) and not await other.claim_run(waiting.id)
    assert await other.is_driven(run.id) and await other.take_commands(run.id) == []
    await other.release_run(run.id)
    await other.append(run.id, "desktop", [])
    assert await other.change_count() == seen
