"""Opening a run out of a history of 1,000,000 events, runs of all lengths; the peer reads all events of the run."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Bar, Report, median, ms, quantile, ratio
from bench.streams import job_events
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Endpoint
from vastdesk.domain.reduce import reduce
from vastdesk.store import NewRun, Store
from vastdesk.store.snapshots import EVERY

LIMIT_S = 0.150
SIZES = {False: ((200_000, 1), (20_000, 20), (2_000, 150), (500, 200)), True: ((5_000, 1), (500, 10))}
"""(events, runs), together 1,000,000; with --quick 10,000."""


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    with tempfile.TemporaryDirectory(prefix="vastdesk-bench-") as folder:
        began = time.perf_counter()
        runs = await _fill(Path(folder), SIZES[quick])
        filled_s = time.perf_counter() - began
        return [await _open_runs(Path(folder), runs, filled_s, rounds or (1 if quick else 3))]


async def _fill(folder: Path, sizes: tuple[tuple[int, int], ...]) -> dict[str, int]:
    """Stored as the engine stores them, in batches; events by run. Every other run has not ended, and stands where the
    snapshot is oldest."""
    runs: dict[str, int] = {}
    async with await Store.open(folder) as store:
        for size, count in sizes:
            events = list(job_events(size))
            for number in range(count):
                instance = await store.add_instance(f"box-{size}-{number}", [Endpoint("127.0.0.1", 22, "root")])
                run, job = new_id(), new_id()
                await store.create_run(NewRun(run, instance.id, {"name": "bench", "steps": []}))
                steps = [{"id": "nodes", "use": "install_custom_nodes", "title": "Install custom nodes"}]
                begin = {"state": "running", "workflow": "bench", "instance": "box", "steps": steps}
                await store.append_desktop(run, "run_state", **begin)
                stored = size if number % 2 else _oldest_snapshot(size)
                for start in range(0, stored, 500):
                    await store.append(run, job, events[start : min(start + 500, stored)])
                if stored == size:
                    await store.append_desktop(run, "run_state", state="succeeded")
                runs[run] = size
    return runs


def _oldest_snapshot(size: int) -> int:
    """How many events of about `size` leave most to read after the last snapshot; one of the desktop comes first."""
    return size // EVERY * EVERY - 2 if size >= EVERY else size - 1


async def _open_runs(folder: Path, runs: dict[str, int], filled_s: float, rounds: int) -> Report:
    shuffled = random.Random(1)
    ours: dict[int, list[float]] = {}
    peer: dict[int, list[float]] = {}
    for _round in range(rounds):
        for size in sorted(set(runs.values())):
            of_size = [run for run, events in runs.items() if events == size]
            for run in shuffled.sample(of_size, min(10, len(of_size))):
                ours.setdefault(size, []).append(await _open_fresh(folder, run))
            run = shuffled.choice(of_size)
            peer.setdefault(size, []).append(await _read_all(folder, run))
    report = Report(
        f"history: opening one run out of {sum(runs.values()):,} events in {len(runs):,} runs",
        ("events of the run", "opened ms p50", "p99", "max", "reading all its events ms", "ratio"),
    )
    for size, times in ours.items():
        row = (f"{size:,}", ms(median(times)), ms(quantile(times, 0.99)), ms(max(times)))
        report.rows.append((*row, ms(median(peer[size])), ratio(median(peer[size]), median(times))))
    worst = max(max(times) for times in ours.values())
    report.bars.append(Bar("any run opens in 150 ms", f"{ms(worst)} ms at worst", worst <= LIMIT_S))
    report.notes.append(f"each opening by a store opened anew; storing took {filled_s:.0f} s")
    return report


async def _open_fresh(folder: Path, run: str) -> float:
    """From the click to the view, by a process that has not seen the run: opening the file itself is not counted."""
    async with await Store.open(folder) as store:
        began = time.perf_counter()
        view = await store.view(run)
        taken = time.perf_counter() - began
    assert view.state in ("succeeded", "running") and len(view.steps[0].tasks) == 34, view
    return taken


async def _read_all(folder: Path, run: str) -> float:
    async with await Store.open(folder) as store:
        began = time.perf_counter()
        events: list[dict[str, Any]] = []
        while batch := await store.events(run, since=events[-1]["rseq"] if events else 0):
            events += batch
        reduce(events)
        return time.perf_counter() - began
