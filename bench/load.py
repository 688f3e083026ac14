"""Processor time of the desktop's engine while many instances send events; they are light ones (bench/light.py)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.lab import helper, lab, workflow
from bench.latency import answer
from bench.report import Bar, Report, median, ms, quantile
from bench.shipping import ship_bench_steps
from bench.streams import written_s
from vastdesk.domain.views import TaskView
from vastdesk.store import Store
from vastdesk.workers.engine import open_engine
from vastdesk.workers.observer import Changes, Observer
from vastdesk.workers.requests import RunRequest

PER_S = 5
BARS = {50: 0.25, 200: 0.60}
"""Share of one core, for the whole process."""


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    sizes = (5,) if quick else tuple(BARS)
    columns = ("instances", "share of a core", "µs per event", "p50 ms", "p99 ms", "loop's worst gap ms", "RSS MB")
    report = Report(
        f"load: instances with {PER_S} events/s each, stored, reduced, and observed as by a window", columns
    )
    for size in sizes:
        results = [await _one(size, 5 if quick else 20) for _round in range(rounds or 1)]
        share = median([result["cpu_s"] / result["seconds"] for result in results])
        latencies = [latency for result in results for latency in result["latencies"]]
        per_event = median([result["cpu_s"] / result["events"] for result in results])
        missing = 1 - median([result["events"] / result["seconds"] for result in results]) / (size * PER_S)
        if missing > 0.02:
            report.notes.append(
                f"{size} instances: {missing:.0%} of the events had not arrived: this machine is too slow"
            )
        gap = max(result["worst_gap_s"] for result in results)
        memory = f"{median([result['rss_mb'] for result in results]):.0f}"
        times = (ms(median(latencies)), ms(quantile(latencies, 0.99)), ms(gap))
        report.rows.append((str(size), f"{share:.0%}", f"{per_event * 1e6:.0f}", *times, memory))
        if size in BARS:
            promise = f"{size} instances in {BARS[size]:.0%} of a core"
            report.bars.append(Bar(promise, f"{share:.0%}", share <= BARS[size]))
    return [report]


async def _one(size: int, seconds: int) -> dict[str, Any]:
    with lab() as place:
        async with helper("bench.light", place.public_key, str(PER_S)) as light:
            assert light.stdout is not None
            port, _, host_key = (await light.stdout.readline()).decode().strip().partition(" ")
            async with await Store.open(place.data) as store:
                for number in range(size):
                    await place.instance(store, f"box-{number}", int(port), host_key, "root")
            async with asyncio.timeout(seconds + 120):
                async with helper("bench.load", str(place.data), str(seconds)) as desktop:
                    return await answer(desktop)


class Window:
    """What a window does: one observer for all runs, each changed view taken as it comes."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.counting = False
        self.seen: dict[str, int] = {}
        """By run: the newest event in its view."""
        self.newest_s: dict[str, float] = {}
        """By run: when the newest tick in its view was written."""
        self.events = 0
        self.worst_gap_s = 0.0

    def changed(self, changes: Changes) -> None:
        now = time.monotonic()
        for run, view in changes.views.items():
            if self.counting:
                self.events += view.last_rseq - self.seen.get(run, 0)
            self.seen[run] = view.last_rseq
            before = self.newest_s.get(run, 0.0)
            written = [
                tick for tick in (_written_s(task) for step in view.steps for task in step.tasks) if tick > before
            ]
            if written:
                self.newest_s[run] = max(written)
                if self.counting:
                    self.latencies += [now - tick for tick in written]

    async def measure_gaps(self) -> None:
        """How long the loop was away at worst."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            if self.counting:
                self.worst_gap_s = max(self.worst_gap_s, loop.time() - before - 0.01)


async def run_all(data: Path, seconds: float) -> dict[str, Any]:
    """Connects and starts all, then counts for that long."""
    ship_bench_steps()
    ticks = workflow({"use": "bench_ticks"})
    window = Window()
    async with open_engine(data) as engine:
        instances = await engine.store.instances()
        for instance in instances:
            await engine.start(RunRequest(ticks, instance))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(Observer(engine, window.changed).observe())]
            tasks.append(group.create_task(window.measure_gaps()))
            while len(window.newest_s) < len(instances):
                await asyncio.sleep(0.2)
            await asyncio.sleep(2)
            window.counting = True
            cpu, began = time.process_time(), time.monotonic()
            await asyncio.sleep(seconds)
            window.counting = False
            cpu, taken = time.process_time() - cpu, time.monotonic() - began
            for task in tasks:
                task.cancel()
    return {
        "cpu_s": cpu,
        "seconds": taken,
        "events": window.events,
        "latencies": window.latencies,
        "worst_gap_s": window.worst_gap_s,
        "rss_mb": resident_bytes() / 1e6,
    }


def _written_s(task: TaskView) -> float:
    return written_s({"type": "task", "note": task.note}) or 0.0


def resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run_all(Path(sys.argv[1]), float(sys.argv[2])))), flush=True)
