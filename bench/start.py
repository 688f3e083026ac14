"""From the command to the first row, before any network: the instance takes the connection and is silent."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

from bench.lab import lab, workflow
from bench.report import Bar, Report, median, ms, quantile
from vastdesk.domain.instances import Endpoint
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.requests import RunRequest

LIMIT_S = 0.050


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    with lab() as place, socket.create_server(("127.0.0.1", 0), backlog=1000) as silent:
        times = await _starts(place.data, silent.getsockname()[1], rounds or (5 if quick else 100))
    stored, shown = [pair[0] for pair in times], [pair[1] for pair in times]
    report = Report("start: from the command to the first row, before any network", ("", "p50 ms", "p99 ms", "max ms"))
    for name, values in (("run stored", stored), ("first row shown", shown)):
        report.rows.append((name, ms(median(values)), ms(quantile(values, 0.99)), ms(max(values))))
    p99 = quantile(shown, 0.99)
    report.bars.append(Bar("the first row within 50 ms", f"{ms(p99)} ms at p99", p99 <= LIMIT_S))
    report.notes.append(f"{len(times)} starts of a workflow with 34 nodes, each on a disk-synced store")
    return [report]


async def _starts(data: Path, port: int, count: int) -> list[tuple[float, float]]:
    steps = workflow({"use": "test_ssh"}, {"use": "install_custom_nodes", "with": {"nodes": "default"}})
    times = []
    async with open_engine(data) as engine:
        for number in range(count):
            instance = await engine.store.add_instance(f"box-{number}", [Endpoint("127.0.0.1", port, "root")])
            began = time.perf_counter()
            row = await engine.start(RunRequest(steps, instance))
            stored = time.perf_counter() - began
            await _first_row(engine, row.id)
            times.append((stored, time.perf_counter() - began))
            await engine.cancel(row.id)
            async for _events in engine.follow(row.id):
                pass
    return times


async def _first_row(engine: Engine, run: str) -> None:
    """What a view does: takes the first events, reduces them, has a row for each step."""
    async with asyncio.timeout(10):
        async for _events in engine.follow(run):
            view = await engine.store.view(run)
            if view.steps:
                return
