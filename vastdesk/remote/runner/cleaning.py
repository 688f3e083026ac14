"""Removes what is no longer needed: old jobs, old runners, bells of the dead. Never anything that lives."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any, Iterator, List, Set

from . import eventlog, home, locks
from .jobs import JobFolder, RequestError

ACKNOWLEDGED_AGE_S = 24 * 3600.0
OTHER_AGE_S = 7 * 24 * 3600.0
PREPARED_AGE_S = 3600.0


def clean(home_dir: str) -> List[str]:
    """Returns the ids of the jobs that were removed."""
    removed = [folder.job for folder in job_folders(home_dir) if _is_due(folder) and _remove_job(folder)]
    _remove_leftovers(home_dir)
    _remove_runners(home_dir)
    _remove_bells(home_dir)
    return removed


def job_folders(home_dir: str) -> Iterator[JobFolder]:
    for name in sorted(_names(os.path.join(home_dir, "jobs"))):
        try:
            yield JobFolder(home_dir, name)
        except RequestError:  # .new- and .del- folders
            continue


def _is_due(folder: JobFolder) -> bool:
    ended = folder.exit()
    acknowledged = ended is not None and folder.acknowledged() >= eventlog.last_seq(folder.events)
    return _age(folder, ended) > (ACKNOWLEDGED_AGE_S if acknowledged else OTHER_AGE_S)


def _age(folder: JobFolder, ended: Any) -> float:
    if ended is not None and isinstance(ended.get("ts"), (int, float)):
        return time.time() - float(ended["ts"])
    return min(_file_age(path) for path in (folder.events, folder.heartbeat, folder.path))


def _file_age(path: str) -> float:
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return float("inf")


def _remove_job(folder: JobFolder) -> bool:
    """Under the job's lock, and renamed away first: nobody ever sees half a job."""
    lock = locks.try_lock(folder.lock)
    if lock is None:
        return False
    try:
        parent, name = os.path.split(folder.path)
        doomed = os.path.join(parent, ".del-%s-%d" % (name, os.getpid()))
        os.rename(folder.path, doomed)
    except OSError:
        return False
    finally:
        os.close(lock)
    shutil.rmtree(doomed, ignore_errors=True)
    return True


def _remove_leftovers(home_dir: str) -> None:
    """Folders of starters and cleaners that were killed."""
    parent = os.path.join(home_dir, "jobs")
    for name in _names(parent):
        path = os.path.join(parent, name)
        if name.startswith((".del-", ".new-")) and _file_age(path) > PREPARED_AGE_S:
            shutil.rmtree(path, ignore_errors=True)


def _remove_runners(home_dir: str) -> None:
    """Versions of the runner that no living process uses and that nobody has brought here for a week."""
    parent = os.path.join(home_dir, "runner")
    used = _runners_in_use(home_dir)
    commands = _command_lines()
    for name in _names(parent):
        path = os.path.join(parent, name)
        if name not in used and path not in commands and _file_age(path) > OTHER_AGE_S:
            shutil.rmtree(path, ignore_errors=True)


def _runners_in_use(home_dir: str) -> Set[str]:
    used = {home.runner_sha256()}
    for folder in job_folders(home_dir):
        if locks.is_locked(folder.lock):
            used.add(str((folder.state() or {}).get("runner")))
    return used


def _command_lines() -> str:
    lines = []
    for name in _names("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    lines.append(file.read().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
    return "\n".join(lines)


def _remove_bells(home_dir: str) -> None:
    """Sockets are named `<pid>-…`; that of a dead process is heard by nobody."""
    parent = os.path.join(home_dir, "bell")
    for name in _names(parent):
        pid = name.partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            try:
                os.unlink(os.path.join(parent, name))
            except OSError:
                pass


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
