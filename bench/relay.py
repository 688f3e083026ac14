"""Latency again, over lines with a delay, 20 % jitter and 2 % loss."""

from __future__ import annotations

from bench.lab import helper, lab
from bench.latency import COLUMNS, PER_S, Side, watch_both
from bench.report import Bar, Report, median

LINES_MS = (20, 200, 1000)
JITTER_SHARE, LOSS = 0.2, 0.02


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    seconds = 10 if quick else 45
    title = f"relay: {PER_S} events/s over a line with {JITTER_SHARE:.0%} jitter and {LOSS:.0%} loss"
    report = Report(title, ("round trip, way", *COLUMNS[1:]))
    with lab() as place, place.sshd() as server:
        for rtt_ms in LINES_MS:
            ours, peer = Side(), Side()
            for number in range(rounds or 1):
                async with helper("bench.line", str(server.port), str(rtt_ms), str(JITTER_SHARE), str(LOSS)) as line:
                    assert line.stdout is not None
                    port = int(await line.stdout.readline())
                    name = f"box-{rtt_ms}-{number}"
                    first, second = await watch_both(place, server, port, name, seconds)
                ours.add(first)
                peer.add(second)
            report.rows += [(f"{rtt_ms} ms, VastDesk", *ours.cells()), (f"{rtt_ms} ms, ssh cat", *peer.cells())]
            faster = median(peer.p50) / median(ours.p50)
            report.bars.append(Bar(f"faster than the peer at {rtt_ms} ms", f"{faster:.1f} times at p50", faster > 1))
    report.notes.append("half of the round trip is the way itself; a lost packet costs 200 ms or a round trip more")
    return [report]
