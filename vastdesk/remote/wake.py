"""Notices that this computer has slept: connections may be dead without a sign, and timers are late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable


async def wake_ups(
    *,
    slept_s: float = 5.0,
    tick_s: float = 1.0,
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[float]:
    """Yields after each sleep how long it was, in seconds.

    Linux and macOS stop the monotonic clock in sleep, so the wall clock runs ahead; Windows does not: the tick is late.
    """
    while True:
        wall_before, monotonic_before = wall(), monotonic()
        await asyncio.sleep(tick_s)
        passed = monotonic() - monotonic_before
        ahead = wall() - wall_before - passed
        if ahead > slept_s or passed > tick_s + slept_s:
            yield max(ahead, passed)
