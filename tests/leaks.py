"""What a test may leave behind by mistake: tasks, threads, processes of jobs. bench/soak.py asks the same questions."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple, TypeVar

Things = TypeVar("Things", bound=Collection[object])


def wait_for_none(look: Callable[[], Things], limit_s: float) -> Things:
    """What `look` still finds when the limit is over; returns at once when it finds nothing. Ending takes a moment."""
    end = time.monotonic() + limit_s
    while (found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def threads() -> set[threading.Thread]:
    """The living threads, without the loop's pool: `asyncio` joins that when it closes the loop."""
    alive = sys._current_frames()  # Python keeps a QThread in its books, as a dummy, after it has ended
    return {
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith("asyncio_")
        and not (isinstance(thread, threading._DummyThread) and thread.ident not in alive)
    }


def describe_threads(found: Collection[threading.Thread]) -> str:
    frames = sys._current_frames()
    parts = []
    for thread in found:
        frame = frames.get(thread.ident or 0)
        where = traceback.format_stack(frame)[-1].strip() if frame else "ended meanwhile"
        parts.append(f"{thread.name} ({'daemon' if thread.daemon else 'not a daemon'}): {where}")
    return "\n".join(parts)


async def tasks_left(limit_s: float) -> set[asyncio.Task[object]]:
    """The tasks of this loop, other than the caller, that do not end by themselves within the limit."""
    end = time.monotonic() + limit_s
    while True:
        left = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        if not left or time.monotonic() >= end:
            return left
        await asyncio.sleep(0.01)


def describe_tasks(found: Collection[asyncio.Task[object]]) -> str:
    """Each task with the line it waits at."""
    parts = []
    for task in found:
        stack = task.get_stack(limit=1)
        where = f"{stack[-1].f_code.co_filename}:{stack[-1].f_lineno}" if stack else "not begun"
        parts.append(f"{task.get_name()} {getattr(task.get_coro(), '__qualname__', '')} at {where}")
    return "\n".join(parts)


class JobProcess(NamedTuple):
    pid: int
    job: str
    command: str


def job_processes(below: str) -> list[JobProcess]:
    """Processes marked as part of a job (VASTDESK_JOB, docs/protocol.md §3) whose environment, folder or arguments
    name a path below `below`: other workers and other people's jobs on this machine are none of our business."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            mark = environment.find(b"VASTDESK_JOB=")
            if mark < 0:
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            here = str((folder / "cwd").readlink())
        except OSError:
            continue  # it ended while we looked, or is not ours to look at
        if below.encode() in environment or below in command or here.startswith(below):
            job = environment[mark:].split(b"\0", 1)[0].decode("utf-8", "replace").partition("=")[2]
            found.append(JobProcess(int(folder.name), job, command))
    return [process for process in found if process.pid != os.getpid()]


def end_processes(processes: Collection[JobProcess]) -> None:
    for process in processes:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # gone by itself meanwhile
