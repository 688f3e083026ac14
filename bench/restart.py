"""50 runs that go on while VastDesk is ended and started again: when all are shown, and when all are followed again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.lab import Lab, helper, lab, workflow
from bench.latency import answer
from bench.report import Bar, Report, median
from bench.shipping import ship_bench_steps
from bench.streams import written_s
from vastdesk.store import Store
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.requests import RunRequest

PER_S = 2
"""Events of each run; one that was written after the start and has arrived proves that the run is followed."""


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    count = 5 if quick else 50
    results = []
    with lab() as place, contextlib.ExitStack() as servers:
        names = [f"box-{number}" for number in range(count)]
        async with await Store.open(place.data) as store:
            for name in names:  # a machine each: on one, their jobs would wait for each other
                server = servers.enter_context(place.sshd(name))
                await place.instance(store, name, server.port, server.host_public_keys[0], server.user)
        await _begin(place, names)
        for _round in range(rounds or (1 if quick else 3)):
            async with asyncio.timeout(120), helper("bench.restart", str(place.data)) as desktop:
                results.append(await answer(desktop))
        await _cancel(place)
    report = Report(f"restart: the data folder opened anew while {count} runs go on", ("", "median s", "worst s"))
    for name, key in (("all shown from SQLite", "shown_s"), ("all followed again", "followed_s")):
        times = [result[key] for result in results]
        report.rows.append((name, f"{median(times):.2f}", f"{max(times):.2f}"))
    shown, followed = (max(result[key] for result in results) for key in ("shown_s", "followed_s"))
    report.bars += [
        Bar("all shown within 1 s", f"{shown:.2f} s", shown <= 1),
        Bar("all followed again within 10 s", f"{followed:.2f} s", followed <= 10),
    ]
    report.notes.append(f"{len(results)} restarts, a process each; from opening the store, imports not counted")
    return [report]


async def _begin(place: Lab, names: list[str]) -> None:
    ship_bench_steps()
    ticks = workflow({"use": "bench_ticks", "with": {"count": 10_000, "per_s": PER_S}})
    async with open_engine(place.data) as engine:
        instances = [await engine.store.find_instance(name) for name in names]
        rows = [await engine.start(RunRequest(ticks, instance)) for instance in instances]
        await asyncio.gather(*(_fresh(engine, row.id, time.monotonic(), 0) for row in rows))


async def _cancel(place: Lab) -> None:
    async with open_engine(place.data) as engine:
        live = [row for row in await engine.store.runs() if row.place == "active"]
        for row in live:
            await engine.cancel(row.id)
        await asyncio.gather(*(_ended(engine, row.id) for row in live))


async def _fresh(engine: Engine, run: str, after: float, since: int) -> None:
    """Returns when a tick written after that moment is stored."""
    async for events in engine.follow(run, since):
        if any(written > after for written in filter(None, map(written_s, events))):
            return


async def _ended(engine: Engine, run: str) -> None:
    async for _events in engine.follow(run, (await engine.store.find_run(run)).last_rseq):
        pass


async def reopen(data: Path) -> dict[str, Any]:
    """What a desktop does when it starts: shows all, then follows what goes on."""
    ship_bench_steps()
    began = time.monotonic()
    async with open_engine(data) as engine:
        live = [row for row in await engine.store.runs() if row.place == "active"]
        views = [await engine.store.view(row.id) for row in live]
        shown = time.monotonic()
        assert all(view.steps for view in views)
        for row in live:
            await engine.drive(row.id)
        await asyncio.gather(*(_fresh(engine, row.id, began, row.last_rseq) for row in live))
        followed = time.monotonic()
    return {"runs": len(live), "shown_s": shown - began, "followed_s": followed - began}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(reopen(Path(sys.argv[1])))), flush=True)
