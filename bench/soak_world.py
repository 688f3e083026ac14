"""The other side of the soak: practice instances behind bad lines, in a process of their own.

`python -m bench.soak_world FOLDER COUNT SEED`: says one JSON line with the instances, then one for each fault; a line
on stdin ends the faults, its end ends all. The last line says what was left behind.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import leaks
from tests.fakes.relay import Relay
from vastdesk.remote.practice.instance import PracticeFacts, PracticeInstance
from vastdesk.store.resources import resource_path

FAULTS = ("cut", "silence", "refuse", "slow", "drop", "cut", "silence", "reboot")
FAULT_EVERY_S = (0.5, 4.0)
KEEP_JOBS_S = 600.0


@dataclass
class Place:
    """One instance and the line to it."""

    practice: PracticeInstance
    facts: PracticeFacts
    relay: Relay

    async def fault(self, kind: str, drawn: random.Random) -> None:
        """Returns when it is over."""
        if kind == "cut":
            self.relay.cut()
        elif kind == "drop":
            await self.practice.drop_connections()
        elif kind == "reboot":
            await self.practice.reboot()
        elif kind == "silence":
            self.relay.silent = True
            await asyncio.sleep(drawn.uniform(0.5, 15))
            self.relay.silent = False
        elif kind == "refuse":
            await self.relay.refuse()
            self.relay.cut()
            await asyncio.sleep(drawn.uniform(0.5, 5))
            await self.relay.start()
        elif kind == "slow":
            self.relay.delay_s, self.relay.loss = drawn.uniform(0.01, 0.2), 0.02
            await asyncio.sleep(drawn.uniform(1, 10))
            self.relay.delay_s, self.relay.loss = 0.0, 0.0


async def open_place(folder: Path, gate: asyncio.Semaphore) -> Place:
    practice = PracticeInstance(folder, resource_path("practice"))
    async with gate:
        await practice.prepare()
    facts = await practice.start()
    relay = Relay(facts.host, facts.port)
    await relay.start()
    return Place(practice, facts, relay)


async def harm(places: list[Place], drawn: random.Random, ended: asyncio.Event) -> None:
    """One fault after another, on any instance that has none, until told to end; then waits for those under way."""
    free = set(range(len(places)))

    async def one(number: int, kind: str) -> None:
        try:
            await places[number].fault(kind, drawn)
        finally:
            free.add(number)

    async with asyncio.TaskGroup() as group:
        while not ended.is_set():
            if free:
                number = drawn.choice(sorted(free))
                free.discard(number)
                kind = drawn.choice(FAULTS)
                say(fault=kind, instance=number)
                group.create_task(one(number, kind))
            try:
                async with asyncio.timeout(drawn.uniform(*FAULT_EVERY_S)):
                    await ended.wait()
            except TimeoutError:
                pass


async def tidy(places: list[Place]) -> None:
    """Job folders would be kept for a day; a soak makes thousands."""
    while True:
        await asyncio.sleep(60)
        for place in places:
            for record in (place.practice.layout.runner_home / "jobs").glob("*/exit.json"):
                if time.time() - record.stat().st_mtime > KEEP_JOBS_S:
                    await asyncio.to_thread(shutil.rmtree, record.parent, True)


async def main(folder: str, count: str, seed: str) -> None:
    gate = asyncio.Semaphore(2)
    places = await asyncio.gather(*(open_place(Path(folder) / f"box-{n}", gate) for n in range(int(count))))
    say(instances=[described(place) for place in places])
    ended = asyncio.Event()
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async with asyncio.TaskGroup() as group:
        tidying = group.create_task(tidy(places))
        harming = group.create_task(harm(places, random.Random(int(seed)), ended))
        await commands.readline()
        ended.set()
        await harming
        say(calm=True)
        await commands.read()
        tidying.cancel()
    for place in places:
        await place.relay.close()
    left = await asyncio.to_thread(leaks.wait_for_none, lambda: leaks.job_processes(folder), 20)
    for place in places:
        await place.practice.stop()
    leaks.end_processes(left)
    say(left=[process.command for process in left])


def described(place: Place) -> dict[str, Any]:
    facts = place.facts
    return {
        "port": place.relay.port,
        "user": facts.user,
        "identity_file": str(facts.identity_file),
        "host_key": facts.host_key.public_key,
        "home": str(place.practice.layout.home),
    }


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
