"""`python -m bench all|latency|nodes|start|restart|history|load|relay …`: measure, print, and with --record keep."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys

from rich.console import Console

from bench.report import Report, record

BENCHES = {
    "start": "from the command to the first row, before any network",
    "history": "opening a run out of 1,000,000 events",
    "restart": "50 runs that go on, after a restart of VastDesk",
    "latency": "from an event on the instance to the changed row",
    "relay": "the same over lines with delay, jitter and loss",
    "load": "processor time with 50 and 200 instances",
    "nodes": "34 custom nodes with requirements over 80 ms",
}


def main(argv: list[str] | None = None) -> int:
    """Exit code 1 when a bar is missed."""
    names = "\n".join(f"  {name:8} {text}" for name, text in BENCHES.items())
    parser = argparse.ArgumentParser("bench", epilog=names, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=["all", *BENCHES], metavar="NAME", help="all, or some of:")
    parser.add_argument("--rounds", type=int, help="rounds per measurement; medians are shown")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that it runs, not for numbers")
    parser.add_argument("--record", action="store_true", help="append the result to docs/benchmarks.md")
    options = parser.parse_args(argv)
    console = Console(width=None if sys.stdout.isatty() else 110)
    reports: list[Report] = []
    for name in BENCHES:
        if name in options.names or "all" in options.names:
            console.print(f"{name}: {BENCHES[name]} …", style="dim")
            measure = importlib.import_module(f"bench.{name}").measure
            for report in asyncio.run(measure(options.quick, options.rounds)):
                report.show(console)
                reports.append(report)
    if options.record:
        record(reports)
    return 0 if all(report.holds for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
