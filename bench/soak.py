"""20 practice instances kept busy for as long as asked, over lines that break all the time: `make soak DURATION=10m`.

Each instance gets one run after another. A run ticks, and writes one line to a file of the instance. In the end every
event must have come exactly once, every run must have ended well (after a reboot: when resumed), every line must be
there once, memory must not have grown, and no task, thread, descriptor or process may be left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from bench.lab import helper, lab, workflow
from bench.report import Bar, Report
from bench.shipping import ship_bench_steps
from bench.streams import written_s
from tests import leaks
from vastdesk.domain.events import FINAL_RUN_STATES
from vastdesk.domain.instances import Endpoint, HostKey, Instance
from vastdesk.remote.runner.step import parse_duration
from vastdesk.store import RunRow
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.requests import RunRequest

RUN_LIMIT_S = 600
SAMPLE_EVERY_S = 5.0
TICKS, PER_S = 60, 5


@dataclass
class Tally:
    """What happened, and all that should not have."""

    runs: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    events: int = 0
    resumed: int = 0
    problems: list[str] = field(default_factory=list)
    samples: list[tuple[float, int, int]] = field(default_factory=list)
    """(seconds, bytes of memory, tasks)"""


class Desktop:
    """The engine under test and what is asked of it."""

    def __init__(self, engine: Engine, tally: Tally) -> None:
        self.engine = engine
        self.tally = tally
        self.ending = asyncio.Event()

    async def keep_busy(self, instance: Instance, home: Path) -> None:
        """One run after another until the end; the last one is waited for."""
        number = 0
        while not self.ending.is_set():
            mark = f"{instance.name}-{number}"
            script = f'sleep 1\necho {mark} >> "$HOME/soak"\nsleep 1\n'
            steps = workflow(
                {"use": "bench_ticks", "with": {"count": TICKS, "per_s": PER_S}},
                {"use": "run_command", "with": {"script": script}},
            )
            row = await self.engine.start(RunRequest(steps, instance))
            try:
                async with asyncio.timeout(RUN_LIMIT_S):
                    times = await self._to_the_end(row)
            except TimeoutError:
                state = (await self.engine.store.find_run(row.id)).state
                self.tally.problems.append(f"run {number} of {instance.name} is still {state} after {RUN_LIMIT_S} s")
                return
            self._look_at_file(home / "soak", mark, times)
            await self.engine.store.forget_runs([row.id])
            number += 1

    async def _to_the_end(self, row: RunRow) -> range:
        """Follows it; a reboot interrupts it, and then it is resumed, as a user would. How often its work may have been
        done: once, and once more for each reboot that may have come before that was written down."""
        seen = resumed = 0
        jobs: dict[str, int] = {}
        ticks: Counter[str] = Counter()
        while True:
            async for events in self.engine.follow(row.id, seen):
                for event in events:
                    seen = self._in_order(row, event, seen, jobs)
                    if written_s(event) is not None:
                        ticks[f"{event['job']} {event['note'].split()[1]}"] += 1
            state = (await self.engine.store.find_run(row.id)).state
            if state in FINAL_RUN_STATES and state != "interrupted":
                break
            resumed += 1
            await self.engine.resume(row.id)
        self.tally.resumed += resumed
        if state == "failed" and set(jobs) == {"desktop"}:
            # Nobody answered for as long as a new run tries; that it says so is right, and nothing may have been done.
            self.tally.runs["never begun"] += 1
            return range(1)
        self.tally.runs[state] += 1
        if state != "succeeded":
            view = await self.engine.store.view(row.id)
            self.tally.problems.append(f"run {row.id} {state}: {view.reason}")
        if doubled := [tick for tick, count in ticks.items() if count > 1]:
            self.tally.problems.append(f"run {row.id} got {len(doubled)} ticks twice")
        if not resumed and len(ticks) != TICKS:
            self.tally.problems.append(f"run {row.id} got {len(ticks)} of {TICKS} ticks")
        return range(1, 2 + resumed)

    def _in_order(self, row: RunRow, event: dict[str, Any], seen: int, jobs: dict[str, int]) -> int:
        expected = jobs.get(event["job"], 0) + 1
        if event["rseq"] != seen + 1 or event["seq"] != expected:
            got = f"rseq {event['rseq']} after {seen}, seq {event['seq']} for {expected}"
            self.tally.problems.append(f"run {row.id}: {got}")
        jobs[event["job"]] = int(event["seq"])
        self.tally.events += 1
        return int(event["rseq"])

    def _look_at_file(self, path: Path, mark: str, times: range) -> None:
        count = path.read_text().split().count(mark) if path.exists() else 0
        if count not in times:
            self.tally.problems.append(f"the work of {mark} was done {count} times")

    async def sample(self, began: float) -> None:
        process = psutil.Process()
        while True:
            memory = process.memory_info().rss
            self.tally.samples.append((time.monotonic() - began, memory, len(asyncio.all_tasks())))
            await asyncio.sleep(SAMPLE_EVERY_S)


async def soak(seconds: float, count: int, seed: int, console: Console) -> Tally:
    ship_bench_steps()
    tally = Tally()
    with lab() as place:
        console.print(f"preparing {count} practice instances …", style="dim")
        async with helper("bench.soak_world", str(place.folder / "world"), str(count), str(seed)) as world:
            assert world.stdout is not None and world.stdin is not None
            described = json.loads(await world.stdout.readline())["instances"]
            listening = asyncio.create_task(_listen(world.stdout, tally))
            threads, descriptors = leaks.threads(), psutil.Process().num_fds()
            await _desktop(place.data, described, seconds, tally, world.stdin, console)
            tally.problems += [f"a task is left: {line}" for line in await _tasks_left(listening)]
            tally.problems += [f"a thread is left: {thread.name}" for thread in _threads_left(threads)]
            if (now := psutil.Process().num_fds()) > descriptors:
                tally.problems.append(f"{now - descriptors} descriptors are left")
            world.stdin.close()
            await listening
    return tally


async def _desktop(
    data: Path,
    described: list[dict[str, Any]],
    seconds: float,
    tally: Tally,
    stdin: asyncio.StreamWriter,
    console: Console,
) -> None:
    began = time.monotonic()
    async with open_engine(data) as engine:
        desktop = Desktop(engine, tally)
        instances = [await _save(engine, f"box-{number}", facts) for number, facts in enumerate(described)]
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(desktop.sample(began))
            homes = [Path(facts["home"]) for facts in described]
            busy = [group.create_task(desktop.keep_busy(*pair)) for pair in zip(instances, homes, strict=True)]
            while (gone := time.monotonic() - began) < seconds and not all(task.done() for task in busy):
                await asyncio.sleep(min(10.0, seconds - gone))
                console.print(_line(gone, tally), style="dim", highlight=False)
            stdin.write(b"enough\n")
            desktop.ending.set()
            await asyncio.gather(*busy)
            sampling.cancel()


async def _save(engine: Engine, name: str, facts: dict[str, Any]) -> Instance:
    import asyncssh

    text = facts["host_key"]
    key = HostKey(text.split()[0], text, asyncssh.import_public_key(text).get_fingerprint())
    endpoint = Endpoint("127.0.0.1", facts["port"], facts["user"])
    instance = await engine.store.add_instance(name, [endpoint], identity_file=facts["identity_file"])
    await engine.store.offer_host_key(instance.id, key)
    await engine.store.trust_host_key(instance.id, key.fingerprint)
    return instance


async def _listen(stdout: asyncio.StreamReader, tally: Tally) -> None:
    while line := await stdout.readline():
        message = json.loads(line)
        if "fault" in message:
            tally.faults[message["fault"]] += 1
        tally.problems += [f"a process is left: {command}" for command in message.get("left", ())]


async def _tasks_left(listening: asyncio.Task[None]) -> list[str]:
    left = await leaks.tasks_left(0.5) - {listening}
    return leaks.describe_tasks(left).splitlines()


def _threads_left(before: set[threading.Thread]) -> set[threading.Thread]:
    return leaks.wait_for_none(lambda: leaks.threads() - before, 5)


def _line(gone: float, tally: Tally) -> str:
    _, memory, tasks = tally.samples[-1]
    ended = ", ".join(f"{count} {state}" for state, count in sorted(tally.runs.items())) or "no run has ended"
    faults = sum(tally.faults.values())
    return (
        f"{gone:7.0f} s  {ended}; {faults} faults, {tally.events:,} events, {memory / 1e6:.0f} MB, {tasks} tasks, "
        f"{len(tally.problems)} problems"
    )


def drift(samples: list[tuple[float, int, int]]) -> float:
    """How much more memory the last fifth took than the second one (the first is for getting warm), as a share."""
    fifth = len(samples) // 5
    if fifth < 2:
        return 0.0
    early = statistics.median(memory for _, memory, _ in samples[fifth : 2 * fifth])
    late = statistics.median(memory for _, memory, _ in samples[-fifth:])
    return late / early - 1


def verdict(tally: Tally, seconds: float) -> Report:
    report = Report(f"soak: {seconds:.0f} s", ("what", "how often"))
    counted = {
        **{f"runs {state}": n for state, n in tally.runs.items()},
        "events": tally.events,
        "resumed": tally.resumed,
    }
    counted |= {f"fault: {kind}": number for kind, number in sorted(tally.faults.items())}
    report.rows += [(name, f"{number:,}") for name, number in counted.items()]
    grown = drift(tally.samples)
    report.bars += [
        Bar("memory drift below 5 %", f"{grown:+.1%}", grown < 0.05),
        Bar("every run ends well", f"{tally.runs['succeeded']} did", set(tally.runs) <= {"succeeded", "never begun"}),
        Bar("nothing lost, doubled or left behind", f"{len(tally.problems)} problems", not tally.problems),
    ]
    report.notes += tally.problems[:20]
    return report


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 when all promises hold."""
    parser = argparse.ArgumentParser("bench.soak", description=__doc__)
    parser.add_argument("--duration", default="24h", type=parse_duration, help="like 10m or 24h")
    parser.add_argument("--instances", default=20, type=int)
    parser.add_argument("--seed", default=int(time.time()), type=int, help="of the faults; printed, to try again")
    options = parser.parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(f"seed {options.seed}", style="dim", highlight=False)
    tally = asyncio.run(soak(options.duration, options.instances, options.seed, console))
    report = verdict(tally, options.duration)
    report.show(console)
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
