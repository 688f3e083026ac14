"""Lets VastDesk ship steps that are not part of it: those in bench/shipped/."""

from __future__ import annotations

from pathlib import Path

import vastdesk.remote.package as package
import vastdesk.remote.runner.steps as steps

SHIPPED = Path(__file__).with_name("shipped")


def ship_bench_steps() -> None:
    """From now on, in this process, the catalogue has them and the runner carries them. Call before connecting."""
    if str(SHIPPED) in steps.__path__:
        return
    steps.__path__.append(str(SHIPPED))
    own = package.runner_sources
    extra = {f"steps/{path.name}": path.read_bytes() for path in sorted(SHIPPED.glob("*.py"))}
    package.runner_sources = lambda: own() | extra
    package.runner_package.cache_clear()
