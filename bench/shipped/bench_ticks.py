"""A step only the benchmarks ship (bench/shipping.py): events that carry the moment at which they were written."""

from __future__ import annotations

import threading
import time

from ..context import Context
from ..step import Param, Step

ROWS = 8

STEP = Step(
    name="bench_ticks",
    title="Ticks",
    description="Writes a number of events at a steady rate.",
    limit_s=None,
    params=(
        Param("count", "int", "How many", default=100),
        Param("per_s", "int", "Per second", default=20),
    ),
    example={"count": 3, "per_s": 20},
)


def run(ctx: Context) -> str:
    count, gap_s = ctx.params["count"], 1.0 / ctx.params["per_s"]
    ctx.plan([{"id": f"row{row}", "label": f"Row {row}"} for row in range(ROWS)])
    pause = threading.Event()
    begin = time.monotonic()
    for number in range(count):
        pause.wait(max(0.0, begin + number * gap_s - time.monotonic()))
        row = ctx.task(f"row{number % ROWS}")
        # A changed state goes out at once; the monotonic clock is one for all processes of a computer.
        become = row.waiting if number // ROWS % 2 else row.running
        become(f"tick {number} {time.monotonic():.6f}")
    for row_number in range(ROWS):
        ctx.task(f"row{row_number}").succeeded()
    return f"{count} ticks"
