"""Opening a run: from its snapshot, and always as its events tell it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.store.conftest import events
from vastdesk.domain.reduce import reduce
from vastdesk.store import RunRow, Store
from vastdesk.store.events import events_since
from vastdesk.store.snapshots import EVERY

Mark = tuple[int, str] | None


def tasks(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {**event, "id": f"t{event['seq'] % 40}", "label": "x"}
        for event in events(first, last, "task", step="s", state="running")
    ]


async def snapshot(store: Store, run: RunRow) -> Mark:
    query = "SELECT rseq, body FROM snapshot JOIN run ON run.key = run_key WHERE id = ?"
    return await store._db.read(lambda c: c.execute(query, (run.id,)).fetchone())


async def set_snapshot(store: Store, rseq: int, body: str) -> None:
    await store._db.write(lambda c: c.execute("UPDATE snapshot SET rseq = ?, body = ?", (rseq, body)) and None)


async def test_a_run_without_events_has_a_view(store: Store, run: RunRow) -> None:
    assert await store.view(run.id) == reduce([])


async def test_the_view_is_what_the_events_tell(store: Store, run: RunRow) -> None:
    await store.append_desktop(run.id, "run_state", state="running", workflow="w", steps=[{"id": "s", "title": "S"}])
    sent = 0
    for upto in (10, EVERY, EVERY + 1, 2 * EVERY + 7):
        await store.append(run.id, "a", tasks(sent + 1, upto))
        sent = upto
        assert await store.view(run.id) == reduce(await store.events(run.id, limit=10_000))


async def test_a_snapshot_is_made_now_and_then_and_at_the_end(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, EVERY - 1))
    assert await snapshot(store, run) is None
    await store.append(run.id, "a", events(EVERY, EVERY))
    made = await snapshot(store, run)
    assert made is not None and made[0] == EVERY
    await store.append_desktop(run.id, "run_state", state="running")
    assert await snapshot(store, run) == made
    await store.append_desktop(run.id, "run_state", state="failed", reason="no")
    last = await snapshot(store, run)
    assert last is not None and last[0] == EVERY + 2


@pytest.mark.parametrize(
    "body", ["{", '{"v": -1}', "{}", '{"v": 1}'], ids=["damaged", "another version", "empty", "half"]
)
async def test_a_snapshot_that_cannot_be_used_is_made_anew(store: Store, run: RunRow, body: str) -> None:
    await store.append(run.id, "a", tasks(1, EVERY))
    good = await snapshot(store, run)
    await set_snapshot(store, EVERY, body)
    assert await store.view(run.id) == reduce(await store.events(run.id))
    assert await snapshot(store, run) == good


async def test_a_long_run_is_opened_from_its_snapshot(
    store: Store, run: RunRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is, less than `EVERY` events are read."""
    for first in range(1, 3 * EVERY, 500):
        await store.append(run.id, "a", tasks(first, first + 499))
    await store.append(run.id, "a", tasks(3 * EVERY + 1, 4 * EVERY - 1))
    asked: list[int] = []

    def watched(connection: Any, run_id: str, since: int, limit: int) -> list[dict[str, Any]]:
        found = events_since(connection, run_id, since, limit)
        asked.append(len(found))
        return found

    monkeypatch.setattr("vastdesk.store.snapshots.events_since", watched)
    await store.view(run.id)
    assert sum(asked) == EVERY - 1


async def test_an_older_snapshot_never_replaces_a_newer_one(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, EVERY))
    await set_snapshot(store, 5 * EVERY, "{}")  # another process was faster
    await store.append_desktop(run.id, "run_state", state="failed")
    assert await snapshot(store, run) == (5 * EVERY, "{}")


async def test_a_flipped_bit_in_an_event_does_not_hide_the_others(store: Store, run: RunRow) -> None:
    await store.append(run.id, "a", events(1, 3))
    await store._db.write(lambda c: c.execute('UPDATE event SET body = \'{"type": "lo\' WHERE rseq = 2') and None)
    assert [event["type"] for event in await store.events(run.id)] == ["log", "unreadable", "log"]
    assert (await store.view(run.id)).last_rseq == 3
