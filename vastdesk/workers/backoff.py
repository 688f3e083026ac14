"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Iterator


def backoff(initial_s: float, max_s: float) -> Iterator[float]:
    """Endless waits in seconds: doubling up to `max_s`, each drawn between half and all of it, so that many instances
    that were lost together do not come back together."""
    wait_s = initial_s
    while True:
        yield random.uniform(wait_s / 2, wait_s)
        wait_s = min(wait_s * 2, max_s)
