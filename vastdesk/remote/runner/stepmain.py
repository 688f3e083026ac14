"""The process of one step: `_step JOB_DIR INDEX` (docs/protocol.md §3).

It ends with a result line and exit code 0; with 143 when it was told to end, with 70 when its supervisor died.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from typing import Any, Dict, List, Mapping, Optional

from .context import NO_ROOM, Context
from .emitter import Emitter
from .errors import StepError
from .home import runner_home
from .outputlog import OutputLog
from .redact import Redactor
from .step import Step, check_params
from .steps import implementation, load

EXIT_TOLD_TO_END = 128 + signal.SIGTERM
EXIT_SUPERVISOR_DEAD = 70
SECRETS_LIMIT = 1 << 20
_FATAL = ("disk_full",)  # these end the job, whatever `on_failure` says


def main(argv: List[str]) -> int:
    """Run step INDEX of the job. What the step returns or raises becomes the result line."""
    job_dir, index = argv[0], int(argv[1])
    secrets = _take_secrets()
    event_fd = _descriptor("VASTDESK_EVENT_FD")
    redactor = Redactor(secrets.values())
    emitter = Emitter(event_fd if event_fd is not None else 1, redactor)
    with open(os.path.join(job_dir, "spec.json"), encoding="utf-8") as file:
        spec = json.load(file)
    entry = spec["steps"][index]
    output = OutputLog(job_dir, entry["id"])
    context = _context(spec, entry, job_dir, emitter, output, secrets)
    _watch(context, emitter)
    try:
        result = _run(context, entry, redactor)
        emitter.close_with(result)
        while emitter.muted:  # being ended: what became of the work then is no result, the watcher ends the process
            time.sleep(1)
        return 0
    finally:
        output.close()


def _context(
    spec: Mapping[str, Any],
    entry: Mapping[str, Any],
    job_dir: str,
    emitter: Emitter,
    output: OutputLog,
    secrets: Mapping[str, str],
) -> Context:
    work = os.path.join(job_dir, "work", entry["id"])
    os.makedirs(work, 0o700, exist_ok=True)
    return Context(
        job=spec["job"],
        step_id=entry["id"],
        params=entry.get("with") or {},
        profile=spec.get("profile") or {},
        home=runner_home(),
        work=work,
        emitter=emitter,
        write_output=output.write,
        secrets=secrets,
    )


def _run(context: Context, entry: Mapping[str, Any], redactor: Redactor) -> Dict[str, Any]:
    """The result line."""
    try:
        step = load(entry["use"])
        context.params = _checked(step, context.params)
        note = implementation(entry["use"])(context)
        return {"type": "result", "state": "succeeded", "note": note or ""}
    except StepError as error:
        return _failure(error)
    except OSError as error:
        if error.errno in NO_ROOM:
            return _failure(StepError("disk_full", path=error.filename or context.work))
        return _broke_off(context, error, redactor)
    except Exception as error:  # noqa: BLE001 - a bug of a step must still end in a result line, with its traceback kept
        return _broke_off(context, error, redactor)


def _checked(step: Step, given: Mapping[str, Any]) -> Dict[str, Any]:
    values, errors = check_params(step, given)
    if errors:
        raise StepError("bad_params", problem="; ".join(str(error) for error in errors))
    return values


def _failure(error: StepError) -> Dict[str, Any]:
    result: Dict[str, Any] = {
        "type": "result",
        "state": "failed",
        "note": "%s. %s" % (error.sentence.rstrip("."), error.action),
        "kind": error.kind,
    }
    if error.kind in _FATAL:
        result["fatal"] = True
    return result


def _broke_off(context: Context, error: Exception, redactor: Redactor) -> Dict[str, Any]:
    context.log(redactor.text("".join(traceback.format_exception(type(error), error, error.__traceback__))))
    detail = "%s: %s" % (type(error).__name__, error) if str(error) else type(error).__name__
    return _failure(StepError("internal", detail=detail))


def _take_secrets() -> Dict[str, str]:
    """One JSON object on one line of stdin; after that stdin is at its end for everything the step starts."""
    data = b""
    try:
        while b"\n" not in data and len(data) < SECRETS_LIMIT:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            data += chunk
    except OSError:
        pass
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    if null != 0:
        os.close(null)
    try:
        found = json.loads(data.decode("utf-8")) if data.strip() else {}
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _descriptor(variable: str) -> Optional[int]:
    """A descriptor the supervisor handed over. No tool inherits it, and no tool reads its number."""
    text = os.environ.pop(variable, "")
    if not text.isdigit():
        return None
    os.set_inheritable(int(text), False)
    return int(text)


def _watch(context: Context, emitter: Emitter) -> None:
    """End all on SIGTERM, or when the supervisor is gone. A thread: the main one may be stuck in a system call."""
    life = _descriptor("VASTDESK_LIFE_FD")
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    threading.Thread(target=_wait_for_the_end, args=(context, emitter, life, told), daemon=True).start()


def _wait_for_the_end(context: Context, emitter: Emitter, life: Optional[int], told: int) -> None:
    watched = [told] if life is None else [told, life]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if told in ready and any(byte in (signal.SIGTERM, signal.SIGINT) for byte in os.read(told, 64)):
            _end(context, emitter, _grace(), EXIT_TOLD_TO_END)
        if life is not None and life in ready and os.read(life, 64) == b"":
            _end(context, emitter, 1.0, EXIT_SUPERVISOR_DEAD)


def _end(context: Context, emitter: Emitter, grace_s: float, code: int) -> None:
    emitter.mute()  # tools that are killed look like failures
    context.tools.children.end_all(grace_s)
    os._exit(code)


def _grace() -> float:
    """Less than the supervisor's own patience: it kills this process when that is over."""
    try:
        patience = float(os.environ.get("VASTDESK_GRACE_S", "10"))
    except ValueError:
        patience = 10.0
    return max(0.1, patience * 0.7)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
