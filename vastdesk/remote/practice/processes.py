"""Finds and ends what was started on one practice instance, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .layout import MARK, Layout

_ROUND_S = 0.02
_LIMIT_S = 5.0


def end_all(layout: Layout, practice_id: str) -> int:
    """Kill everything that was started there, as a reboot does. Blocking. How many processes that were.

    One look proves nothing (a fork can hide behind a parent that has just died), so two in a row must find none.
    """
    killed: set[int] = set()
    end = time.monotonic() + _LIMIT_S
    empty = 0
    while empty < 2 and time.monotonic() < end:
        found = set(_marked(layout, practice_id))
        empty = 0 if found else empty + 1
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            except OSError:
                continue  # gone in between
        if found:
            time.sleep(_ROUND_S)
    return len(killed)


def _marked(layout: Layout, practice_id: str) -> Iterator[int]:
    """Processes whose environment says they belong there: the mark, its home (tools of steps get a clean environment
    with HOME and VASTDESK_JOB), or one of its jobs."""
    wanted = {f"{MARK}={practice_id}".encode(), b"HOME=" + os.fsencode(layout.home)}
    wanted |= {f"VASTDESK_JOB={name}".encode() for name in _jobs(layout)}
    own = _lineage()
    for pid, environment in _environments():
        if pid not in own and not wanted.isdisjoint(environment):
            yield pid


def _jobs(layout: Layout) -> list[str]:
    folder = layout.runner_home / "jobs"
    return [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    if sys.platform != "linux":
        yield from _environments_by_ps()
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                raw = (entry / "environ").read_bytes()
            except OSError:
                continue  # somebody else's, or gone
            # A zombie has no environment any more: it is dead already.
            yield int(entry.name), raw.split(b"\0")


def _environments_by_ps() -> Iterator[tuple[int, list[bytes]]]:
    """Where there is no /proc (macOS) ps shows the environment of one's own processes behind their command."""
    done = subprocess.run(["ps", "-axwwE", "-o", "pid=,command="], capture_output=True, check=False)
    for line in done.stdout.splitlines():
        match = re.match(rb"\s*(\d+)\s+(.*)", line)
        if match:
            yield int(match[1]), match[2].split(b" ")


def _lineage() -> set[int]:
    """We ourselves and our parents: a demo that was started from a shell of the practice instance stays alive."""
    found = {os.getpid(), os.getppid()}
    pid = os.getppid()
    while pid > 1 and sys.platform == "linux":
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        found.add(pid)
    return found
