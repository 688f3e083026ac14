"""What a benchmark gives back, on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as Drawn

RECORDS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Bar:
    """What was promised, and whether it holds. `measured` as a text with its unit."""

    promise: str
    measured: str
    holds: bool


@dataclass
class Report:
    """One table. `rows` are texts, numbers already rounded and with units in the column heads."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(bar.holds for bar in self.bars)

    def show(self, console: Console) -> None:
        table = Drawn(*self.columns, title=self.title, title_justify="left")
        for number in range(1, len(self.columns)):
            table.columns[number].justify = "right"
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for bar in self.bars:
            console.print(f"  {'holds ' if bar.holds else 'MISSED'}  {bar.promise}: {bar.measured}", highlight=False)
        for note in self.notes:
            console.print(f"  {note}", highlight=False)
        console.print()

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _row(self.columns), _row(["---"] + ["--:"] * (len(self.columns) - 1))]
        lines += [_row(row) for row in self.rows]
        lines += [""] + [
            f"* {'holds' if bar.holds else '**missed**'}: {bar.promise}: {bar.measured}" for bar in self.bars
        ]
        lines += [f"* {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def record(reports: Sequence[Report], path: Path = RECORDS) -> None:
    """Append what was measured, with the machine and the day."""
    head = f"\n## {datetime.now(UTC):%d %B %Y, %H:%M} UTC · {machine()}\n\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(head + "\n".join(report.markdown() for report in reports))


def machine() -> str:
    """The computer in one line; no name of it, and nothing of its owner."""
    return (
        f"{os.cpu_count()} cores, {_processor()}, {_memory()}, {platform.system()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return "memory unknown"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank); 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def ratio(peer: float, ours: float) -> str:
    return f"× {peer / ours:,.1f}" if ours else "–"
