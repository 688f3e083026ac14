"""The operations of the served channel, each also a command of its own: request in, result out."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from . import cleaning, jobs, launch, outputlog, probe, processes
from .jobs import JobFolder, RequestError

LOG_BYTES = 128 << 10  # as JSON up to six times that

Operation = Callable[[str, Mapping[str, Any]], Any]


def start(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    return launch.start(home, request.get("spec"), request.get("secrets") or {})


def status(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    return jobs.status(_folder(home, request))


def cancel(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Ask the supervisor to stop everything; where it is dead, do it ourselves."""
    folder = _existing(home, request)
    state = jobs.state_of(folder)
    if state == "running":
        folder.ask_to_cancel()
    elif state in ("lost", "interrupted"):
        processes.sweep(folder.job, processes.grace_seconds())
    return jobs.status(folder)


def sweep(home: str, request: Mapping[str, Any]) -> Dict[str, int]:
    """End what a lost job left behind. A living job is refused: that would be a cancel without a record."""
    folder = _folder(home, request)
    if jobs.state_of(folder) == "running":
        raise RequestError("job_running", "job %s is running: cancel it instead" % folder.job)
    return {"killed": processes.sweep(folder.job, processes.grace_seconds())}


def log(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    """Raw output of a step from an offset on; the answer says where it really begins."""
    folder = _existing(home, request)
    step = request.get("step")
    if not jobs.is_step_id(step):
        raise RequestError("bad_request", "`step` is not the id of a step")
    offset, limit = _number(request, "offset", 0), _number(request, "max", LOG_BYTES)
    chunk = outputlog.read(folder.path, str(step), offset, min(limit, LOG_BYTES))
    data = chunk.data
    if chunk.next < chunk.size:
        data = whole_characters(data)
    next_ = chunk.offset + len(data)
    text = data.decode("utf-8", "replace")
    return {"offset": chunk.offset, "data": text, "next": next_, "size": chunk.size, "eof": next_ >= chunk.size}


def whole_characters(data: bytes) -> bytes:
    """Without the beginning of a UTF-8 character at the end: its rest comes with the next read."""
    for back in range(1, min(4, len(data))):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if needed > back else data
        if byte < 0x80:
            break
    return data


def ack(home: str, request: Mapping[str, Any]) -> None:
    _existing(home, request).acknowledge(_number(request, "seq", 0))


def clean(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    return {"removed": cleaning.clean(home)}


def facts(home: str, request: Mapping[str, Any]) -> Dict[str, Any]:
    return probe.probe(home)


def _folder(home: str, request: Mapping[str, Any]) -> JobFolder:
    return JobFolder(home, request.get("job", ""))


def _existing(home: str, request: Mapping[str, Any]) -> JobFolder:
    folder = _folder(home, request)
    if not folder.exists():
        raise RequestError("no_job", "there is no job %s on this instance" % folder.job)
    return folder


def _number(request: Mapping[str, Any], name: str, default: int) -> int:
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestError("bad_request", "`%s` is not a number from 0 on" % name)
    return value


FAST: Dict[str, Operation] = {"status": status, "log": log, "ack": ack}
SLOW: Dict[str, Operation] = {"start": start, "cancel": cancel, "clean": clean, "probe": facts, "sweep": sweep}
