"""From an event on the instance to the changed row, against a new `ssh HOST cat FILE` every 2 s."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from bench.lab import Lab, helper, lab
from bench.report import Bar, Report, median, ms, quantile, ratio
from tests.fakes.sshd import Sshd
from vastdesk.store import Store

PER_S = 20


@dataclass
class Side:
    """All rounds of one way of watching."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    cpu_s_min: list[float] = field(default_factory=list)
    events: int = 0

    def add(self, result: dict[str, Any]) -> None:
        latencies = result["latencies"]
        self.p50.append(median(latencies))
        self.p99.append(quantile(latencies, 0.99))
        self.worst.append(max(latencies))
        self.cpu_s_min.append(60 * result["cpu_s"] / result["seconds"])
        self.events += len(latencies)

    def cells(self) -> tuple[str, ...]:
        times = (median(self.p50), median(self.p99), max(self.worst))
        return (*(ms(value) for value in times), f"{median(self.cpu_s_min):.2f}", f"{self.events:,}")


COLUMNS = ("", "p50 ms", "p99 ms", "max ms", "CPU s/min", "events")


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    seconds = 10 if quick else 45
    ours, peer = Side(), Side()
    with lab() as place, place.sshd() as server:
        for number in range(rounds or (1 if quick else 3)):
            first, second = await watch_both(place, server, server.port, f"box-{number}", seconds)
            ours.add(first)
            peer.add(second)
    report = Report(f"latency: {PER_S} events/s from a real sshd on loopback to the row", COLUMNS)
    report.rows += [("VastDesk", *ours.cells()), ("ssh HOST cat, every 2 s", *peer.cells())]
    p50, p99 = median(ours.p50), median(ours.p99)
    faster = median(peer.p99) / p99
    cheaper = median(ours.cpu_s_min) / median(peer.cpu_s_min)
    report.rows.append(
        ("ratio", ratio(median(peer.p50), p50), ratio(median(peer.p99), p99), "", f"{cheaper:.2f} of the peer's", "")
    )
    report.bars += [
        Bar("p50 ≤ 40 ms", f"{ms(p50)} ms", p50 <= 0.040),
        Bar("p99 ≤ 100 ms", f"{ms(p99)} ms", p99 <= 0.100),
        Bar("at p99 20 times faster", f"{faster:.1f} times", faster >= 20),
        Bar("a quarter of the processor time", f"{cheaper:.2f} of the peer's", cheaper <= 0.25),
    ]
    report.notes.append("medians of the rounds (max: of all); both watch the same job at the same time")
    return [report]


async def watch_both(
    place: Lab, server: Sshd, port: int, name: str, seconds: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One job, watched both ways over `port`: the result of VastDesk and of the peer."""
    async with await Store.open(place.data) as store:
        await place.instance(store, name, port, server.host_public_keys[0], server.user)
    count = str(seconds * PER_S)
    async with asyncio.timeout(seconds * 3 + 120):
        async with helper("bench.watch_ours", str(place.data), name, count, str(PER_S)) as ours:
            job = (await answer(ours))["job"]
            events = server.vastdesk_home / "jobs" / job / "events.jsonl"
            async with helper("bench.watch_peer", str(events), *place.ssh_command(server, port)) as peer:
                first = await answer(ours)
                assert first["state"] == "succeeded", first
                assert peer.stdin is not None
                peer.stdin.close()
                second = await answer(peer)
    return first, second


async def answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line a helper says."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the helper ended early"
    found: dict[str, Any] = json.loads(line)
    return found
