"""Finds and ends everything a job started.

A process belongs to a job when it descends from the job's supervisor (a subreaper, so daemons stay in the family) or
when it carries `VASTDESK_JOB=<id>` in its environment. The first finds `env -i` daemons, the second what a dead
supervisor left.
A process with `VASTDESK_KEEP` in its environment, and what it starts, was meant to stay (ComfyUI started by a step).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Set

MARK = "VASTDESK_JOB"
KEEP_MARK = "VASTDESK_KEEP"
KILL_ROUNDS = 5
KILL_ROUND_S = 1.0


class Process(NamedTuple):
    """A live process. `started` (in ticks since boot) tells it from a later one with the same pid."""

    pid: int
    parent: int
    started: int
    name: str


class StopReport(NamedTuple):
    """What was ended, and what could not be (processes stuck in the kernel)."""

    ended: List[Process]
    survivors: List[Process]


Finder = Callable[[], Dict[int, Process]]
Pause = Callable[[float], None]


def snapshot() -> Dict[int, Process]:
    """All live processes; zombies do not count."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return _snapshot_of_ps()
    table = {}
    for name in names:
        if name.isdigit():
            process = look_at(int(name))
            if process is not None:
                table[process.pid] = process
    return table


def _snapshot_of_ps() -> Dict[int, Process]:
    """Where there is no /proc (a practice instance on macOS). No marks and no start times there: descent must do."""
    try:
        argv = ["ps", "-axo", "pid=,ppid=,stat=,comm="]
        listing = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [line.split(None, 3) for line in listing.decode("utf-8", "replace").splitlines()]
    table = [Process(int(row[0]), int(row[1]), 0, row[3]) for row in rows if len(row) == 4 and row[2][0] != "Z"]
    return {process.pid: process for process in table if process.name != "ps"}


def look_at(pid: int) -> Optional[Process]:
    """The process with this pid, or None if it is gone or a zombie."""
    raw = _read("/proc/%d/stat" % pid)
    head, separator, rest = raw.rpartition(b")")
    fields = rest.split()
    if not separator or len(fields) < 20 or fields[0] in (b"Z", b"X", b"x"):
        return None
    return Process(pid, int(fields[1]), int(fields[19]), head.partition(b"(")[2].decode("utf-8", "replace"))


def job_processes(job: str, supervisor: Optional[int]) -> Dict[int, Process]:
    """Every live process of the job, except the supervisor, ourselves and our own ancestors."""
    table = snapshot()
    mark = ("%s=%s" % (MARK, job)).encode()
    roots = {supervisor} if supervisor is not None else set()
    kept = set()
    for pid in table:
        environment = _read("/proc/%d/environ" % pid).split(b"\0")
        if any(entry.startswith(KEEP_MARK.encode() + b"=") for entry in environment):
            kept.add(pid)
        elif mark in environment:
            roots.add(pid)
    found = _with_descendants(roots, table) - _with_descendants(kept, table) - _lineage(os.getpid(), table)
    found.discard(supervisor or 0)
    return {pid: table[pid] for pid in found}


def _with_descendants(roots: Set[int], table: Dict[int, Process]) -> Set[int]:
    children: Dict[int, List[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: Set[int] = set()
    queue = list(roots)
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue.extend(children.get(pid, ()))
    return found & (set(table) | roots)


def _lineage(pid: int, table: Dict[int, Process]) -> Set[int]:
    found: Set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        pid = table[pid].parent if pid in table else 0
    return found


def send(process: Process, signum: int) -> bool:
    """Signal exactly this process: a recycled pid has another start time."""
    if process.started:
        now = look_at(process.pid)
        if now is None or now.started != process.started:
            return False
    try:
        os.kill(process.pid, signum)
    except OSError:  # gone in between, or not ours
        return False
    return True


def stop_all(find: Finder, grace_s: float, pause: Pause = time.sleep) -> StopReport:
    """TERM to all, also to those that appear meanwhile; after the grace KILL, swept until a scan finds nothing."""
    ended: Dict[Process, None] = {}
    deadline = time.monotonic() + grace_s
    wait_s = 0.01
    while True:
        alive = _find_twice(find)
        if not alive:
            return StopReport(list(ended), [])
        for process in alive:
            if process not in ended:
                ended[process] = None
                send(process, signal.SIGTERM)
                send(process, signal.SIGCONT)  # a stopped process would not hear TERM
        if time.monotonic() >= deadline:
            break
        pause(min(wait_s, max(0.0, deadline - time.monotonic())))
        wait_s = min(0.1, wait_s * 1.5)
    survivors = _kill_rounds(find, pause, ended)
    return StopReport([process for process in ended if process not in survivors], survivors)


def _kill_rounds(find: Finder, pause: Pause, ended: Dict[Process, None]) -> List[Process]:
    for _ in range(KILL_ROUNDS):
        until = time.monotonic() + KILL_ROUND_S
        while time.monotonic() < until:
            alive = _find_twice(find)
            if not alive:
                return []
            for process in alive:
                ended[process] = None
                send(process, signal.SIGKILL)
            pause(0.02)
    return list(find().values())


def _find_twice(find: Finder) -> Iterable[Process]:
    """A fork during the first look can hide behind a parent that has just died: nothing is proven by one look."""
    return (find() or find()).values()


def sweep(job: str, grace_s: float) -> int:
    """End what a lost job left behind. Returns how many processes that were."""
    return len(stop_all(lambda: job_processes(job, None), grace_s).ended)


def grace_seconds() -> float:
    """How long a process has between TERM and KILL."""
    try:
        return max(0.0, float(os.environ.get("VASTDESK_GRACE_S", "10")))
    except ValueError:
        return 10.0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
