"""A VastDesk process as far as the store is concerned: `python -m tests.integration.store.process FOLDER COMMAND ARG…`.

Says `ready`, waits for a line on stdin so that several begin at once, then prints what it found as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.unit.store.conftest import ENDPOINT, events
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.store import NewRun, Store


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


def wait_for_all() -> None:
    say("ready")
    sys.stdin.readline()


async def hold(store: Store, run_id: str) -> None:
    """Claims the run and keeps it until stdin ends, or the process is killed."""
    say(await store.claim_run(run_id))
    await asyncio.to_thread(sys.stdin.readline)


async def claim(store: Store, run_id: str) -> None:
    """Several at once: one gets it."""
    await asyncio.to_thread(wait_for_all)
    say(await store.claim_run(run_id))
    await asyncio.to_thread(sys.stdin.readline)


async def create(store: Store, run_id: str) -> None:
    """Several at once, on the only instance; `run_id` empty: an id of its own."""
    (instance,) = await store.instances()
    await asyncio.to_thread(wait_for_all)
    try:
        run = await store.create_run(NewRun(run_id or new_id(), instance.id, {"name": "w"}))
        say(["made", run.id, run.owner == store.owner])
    except VastDeskError as error:
        say([error.kind, error.facts["run"], False])


async def write(store: Store, run_id: str, job: str, count: str) -> None:
    """Desktop events, a job of its own, and overlapping batches of one job that all of them watch."""
    await asyncio.to_thread(wait_for_all)
    stored = 0
    for first in range(1, int(count) + 1, 5):
        await store.append_desktop(run_id, "log", text=job)
        stored += len(await store.append(run_id, job, events(first, first + 4)))
        stored += len(await store.append(run_id, "shared", events(max(1, first - 5), first + 4)))
    say(stored)


async def write_for_ever(store: Store, run_id: str) -> None:
    """Prints the number of every event that is stored, until it is killed."""
    seq = await store.last_seq(run_id, "a")
    while True:
        seq += 1
        await store.append(run_id, "a", events(seq, seq))
        say(seq)


async def main(folder: str, command: str, *arguments: str) -> None:
    if command == "open":
        wait_for_all()
        async with await Store.open(Path(folder)) as store:
            await store.add_instance(arguments[0], [ENDPOINT])
            say(store.notices)
        return
    async with await Store.open(Path(folder)) as store:
        await COMMANDS[command](store, *arguments)


COMMANDS: dict[str, Callable[..., Awaitable[None]]] = {
    "hold": hold,
    "claim": claim,
    "create": create,
    "write": write,
    "write_for_ever": write_for_ever,
}

if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
