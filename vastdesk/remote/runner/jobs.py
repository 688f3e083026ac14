"""The folder of a job: what is in it, what it says of the job, and the checks of a spec (docs/protocol.md §4)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from typing import Any, Dict, Mapping, Optional, Set

from . import eventlog, home, locks, outputlog

SPEC_BYTES = 2 << 20
RESERVE_BYTES = 128 << 10
EXIT_BYTES = 4096

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_STEP_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


class RequestError(Exception):
    """A request that is refused: its kind for programs, its sentence for people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class JobFolder:
    """The paths of a job and what is written there."""

    def __init__(self, home_dir: str, job: str) -> None:
        if not isinstance(job, str) or not _JOB_ID.match(job):
            raise RequestError("bad_request", "%.80r is not the id of a job" % (job,))
        self.home = home_dir
        self.job = job
        self.path = os.path.join(home_dir, "jobs", job)
        self.events = self._file("events.jsonl")
        self.lock = self._file("lock")
        self.cancel_marker = self._file("cancel")
        self.heartbeat = self._file("heartbeat")
        self.reserve = self._file("reserve")
        self.exit_blank = self._file("exit.pre")

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def spec(self) -> Dict[str, Any]:
        return read_json(self._file("spec.json"), SPEC_BYTES + 1) or {}

    def state(self) -> Optional[Dict[str, Any]]:
        return read_json(self._file("state.json"))

    def exit(self) -> Optional[Dict[str, Any]]:
        return read_json(self._file("exit.json"))

    def acknowledged(self) -> int:
        seq = (read_json(self._file("ack.json")) or {}).get("seq")
        return seq if isinstance(seq, int) else 0

    def write_state(self, state: Mapping[str, Any]) -> None:
        write_json(self._file("state.json"), state)

    def acknowledge(self, seq: int) -> None:
        """The desktop has stored the events up to here. Never goes back."""
        if seq > self.acknowledged():
            write_json(self._file("ack.json"), {"seq": seq, "ts": time.time()})

    def ask_to_cancel(self) -> None:
        os.close(os.open(self.cancel_marker, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def reserve_room(self) -> None:
        """Room for the last records, taken while there is some. Raises OSError if there is not even that."""
        for path, size in ((self.reserve, RESERVE_BYTES), (self.exit_blank, EXIT_BYTES)):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                written = os.write(fd, b"\n" * size)  # real bytes: a hole would reserve nothing
                if written < size:
                    raise OSError(28, "No space left on device")
                os.fsync(fd)
            finally:
                os.close(fd)

    def write_exit(self, record: Mapping[str, Any]) -> None:
        """How it ended: written into the room that was kept for it, then renamed. Once, and durable."""
        data = eventlog.encode(record)
        fd = os.open(self.exit_blank, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, data, 0)
            os.ftruncate(fd, len(data))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(self.exit_blank, self._file("exit.json"))
        sync_folder(self.path)


def read_json(path: str, limit: int = 1 << 20) -> Optional[Dict[str, Any]]:
    """The object in a file, or None if there is no such file or no such object."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(limit).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: str, value: Mapping[str, Any]) -> None:
    """By rename, so that a reader sees the old or the new one whole."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(json.dumps(value, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def sync_folder(path: str) -> None:
    """Make a rename in this folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError:  # some file systems cannot
        pass
    finally:
        os.close(fd)


def is_step_id(value: Any) -> bool:
    return isinstance(value, str) and _STEP_ID.match(value) is not None


def canonical(spec: Mapping[str, Any]) -> bytes:
    """The form whose hash decides whether the same id is the same job."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()


def spec_sha256(spec: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(spec)).hexdigest()


def check_spec(spec: Any) -> None:
    """Raises RequestError("bad_spec") with what is wrong."""
    problem = _spec_problem(spec)
    if problem:
        raise RequestError("bad_spec", "the job cannot be started: " + problem)


def _spec_problem(spec: Any) -> str:
    if not isinstance(spec, dict) or spec.get("v") != 1:
        return "its spec is not of version 1, which this runner knows"
    if not isinstance(spec.get("job"), str) or not _JOB_ID.match(spec["job"]):
        return "`job` is not an id"
    if len(canonical(spec)) > SPEC_BYTES:
        return "its spec is larger than 2 MiB"
    if not _is_seconds(spec.get("step_delay_s", 0)):
        return "`step_delay_s` is not a number of seconds"
    steps = spec.get("steps")
    if not isinstance(steps, list) or not steps:
        return "it has no steps"
    seen: Set[str] = set()
    for number, step in enumerate(steps, 1):
        problem = _step_problem(step, seen)
        if problem:
            return "step %d: %s" % (number, problem)
        seen.add(step["id"])
    return ""


def _step_problem(step: Any, seen: Set[str]) -> str:
    if not isinstance(step, dict):
        return "is not an object"
    if not is_step_id(step.get("id")):
        return "`id` is not an id"
    if step["id"] in seen:
        return "the id %r is there twice" % step["id"]
    if not isinstance(step.get("use"), str):
        return "`use` names no step"
    if not isinstance(step.get("with", {}), dict):
        return "`with` is not an object"
    if step.get("limit_s") is not None and not _is_seconds(step["limit_s"]):
        return "`limit_s` is not a number of seconds"
    if step.get("on_failure", "stop") not in ("stop", "continue"):
        return "`on_failure` is neither stop nor continue"
    return ""


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def state_of(folder: JobFolder) -> str:
    """`running`, `finished`, `interrupted`, `lost` or `absent`.

    An exit record wins over a lock that is just being let go; a free lock without one is believed only when it is still
    missing at a second look, because it may have been written between the first look and the lock.
    """
    if not folder.exists():
        return "absent"
    ended = folder.exit()
    if ended is None and locks.is_locked(folder.lock):
        return "running"
    ended = ended or folder.exit()
    if ended is not None:
        return "interrupted" if ended.get("state") == "interrupted" else "finished"
    state = folder.state()
    if state is None:
        return "lost" if folder.exists() else "absent"
    return "lost" if state.get("boot_id") == home.boot_id() else "interrupted"


def status(folder: JobFolder) -> Dict[str, Any]:
    """What is known of a job, read from its folder alone."""
    state = state_of(folder)
    spec = folder.spec()
    app = spec.get("app")
    app = app if isinstance(app, dict) else {}
    return {
        "job": folder.job,
        "state": state,
        "last_seq": eventlog.last_seq(folder.events),
        "exit": folder.exit() if state in ("finished", "interrupted") else None,
        "heartbeat_age_s": _heartbeat_age(folder) if state == "running" else None,
        "boot_id": (folder.state() or {}).get("boot_id"),
        "tail": outputlog.tail(folder.path),
        "from": {"host": app.get("host"), "user": app.get("user")},
    }


def _heartbeat_age(folder: JobFolder) -> Optional[float]:
    """By the monotonic clock that all processes of a machine share: a wrong clock changes nothing."""
    beat = (read_json(folder.heartbeat) or {}).get("mono")
    return round(max(0.0, time.monotonic() - beat), 1) if isinstance(beat, (int, float)) else None
