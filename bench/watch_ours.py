"""One desktop that runs `bench_ticks` and watches it: event on the instance → stored → reduced → row changed.

`python -m bench.watch_ours DATA_DIR INSTANCE COUNT PER_S`; says `{"job": …}` when the job is known, then the result.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.lab import workflow
from bench.shipping import ship_bench_steps
from bench.streams import written_s
from vastdesk.domain.reduce import Reducer
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.requests import RunRequest

WARM_UP_S = 3.0


class Watcher:
    """What a view does with each batch, and how late it is."""

    def __init__(self) -> None:
        self.reducer = Reducer()
        self.rows = self.reducer.view().steps
        self.first_s: float | None = None
        self.latencies: list[float] = []
        self.cpu_began: tuple[float, float] | None = None
        self.cpu: tuple[float, float] = (0.0, 0.0)
        """Processor seconds, in how many seconds."""

    def take(self, events: list[dict[str, Any]]) -> None:
        before = self.rows
        for event in events:
            self.reducer.apply(event)
        self.rows = self.reducer.view().steps
        now = time.monotonic()
        for event in events:
            written = written_s(event)
            if written is not None:
                assert self.rows != before, "an event that changes no row"
                self._tick(written, now)

    def _tick(self, written_s: float, now: float) -> None:
        self.first_s = self.first_s or now
        if now - self.first_s < WARM_UP_S:
            return
        if self.cpu_began is None:
            self.cpu_began = (time.process_time(), now)
        self.latencies.append(now - written_s)
        self.cpu = (time.process_time() - self.cpu_began[0], now - self.cpu_began[1])


async def watch(engine: Engine, instance_name: str, count: int, per_s: int) -> dict[str, Any]:
    """Starts the run and follows it to its end."""
    instance = await engine.store.find_instance(instance_name)
    ticks = workflow({"use": "bench_ticks", "with": {"count": count, "per_s": per_s}})
    row = await engine.start(RunRequest(ticks, instance))
    watcher, job = Watcher(), ""
    async for events in engine.follow(row.id):
        watcher.take(events)
        if not job and (job := next((event["job"] for event in events if event["job"] != "desktop"), "")):
            print(json.dumps({"job": job}), flush=True)
    view = watcher.reducer.view()
    return {
        "state": view.state,
        "reason": view.reason,
        "latencies": watcher.latencies,
        "cpu_s": watcher.cpu[0],
        "seconds": watcher.cpu[1],
    }


async def main(data_dir: str, instance: str, count: str, per_s: str) -> None:
    ship_bench_steps()
    async with open_engine(Path(data_dir)) as engine:
        result = await watch(engine, instance, int(count), int(per_s))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
