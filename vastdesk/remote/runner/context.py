"""What a step gets to work with: its task list, tools run as argument lists, its log, secrets and paths.

The only writer is the event descriptor handed over by the supervisor (docs/protocol.md §3).
"""

from __future__ import annotations

import errno
import os
import pwd
import threading
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence

from .emitter import MAX_TEXT, Emitter, split_plan
from .errors import StepError
from .home import image_environment, system_path, user_home
from .redact import Redactor
from .tools import Result, ToolRunner, clean_environment

__all__ = ["Context", "Result", "TaskHandle"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FINAL = ("succeeded", "failed", "skipped", "cancelled")
SPARE_BYTES = 16 << 20  # below this, git and pip leave half files behind
MAX_LOG_EVENTS = 2000  # of one step; the output file has everything


class TaskHandle:
    """One row of the task list. As a context manager: running → succeeded, StepError → failed with its sentence.

    Thread-safe. Progress is sent at most 5 times a second per task, the latest wins; a state change goes out at once.
    """

    def __init__(self, emitter: Emitter, step: str, id: str) -> None:
        self.id = id
        self.state = "pending"
        self.label: Optional[str] = None
        self._emitter = emitter
        self._step = step
        self._said: Dict[str, Any] = {}
        self._progress: Dict[str, Any] = {}
        self._last_progress: Dict[str, Any] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> "TaskHandle":
        self.running()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Optional[bool]:
        if error is None:
            if self.state not in FINAL:
                self.succeeded()
        elif isinstance(error, StepError):
            self.failed(error.sentence)
        elif isinstance(error, OSError) and error.errno in NO_ROOM:
            self.failed(StepError("disk_full", path=error.filename or "").sentence)
        else:
            self.failed("broke off: %s" % (error or type(error).__name__))
        return None

    def running(self, note: Optional[str] = None) -> None:
        self._become("running", note)

    def waiting(self, note: Optional[str] = None) -> None:
        self._become("waiting", note)

    def succeeded(self, note: Optional[str] = None) -> None:
        self._become("succeeded", note)

    def skipped(self, note: Optional[str] = None) -> None:
        self._become("skipped", note)

    def failed(self, note: str) -> None:
        self._become("failed", note)

    def note(self, text: str) -> None:
        with self._lock:
            if self._said.get("note") != text:
                self._said["note"] = text
                self._emitter.send_later(self.id, self._event(note=text))

    def relabel(self, label: str) -> None:
        with self._lock:
            self.label = label
            self._emitter.send(self._event(label=label), self.id)

    def progress(
        self,
        done: float,
        total: float,
        unit: str = "%",
        rate: Optional[float] = None,
        size_bytes: Optional[int] = None,
        eta_s: Optional[float] = None,
    ) -> None:
        """Never falls (while unit and total stay the same) and never passes its total."""
        with self._lock:
            done = max(0, min(done, total))
            before = self._progress
            if (before.get("unit"), before.get("total")) == (unit, total):
                done = max(done, before["done"])
            self._progress = {"done": done, "total": total, "unit": unit}
            event = self._event(progress=dict(self._progress))
            figures = {"rate": rate, "size_bytes": size_bytes, "eta_s": eta_s}
            event.update((name, round(value, 1)) for name, value in figures.items() if value is not None)
            if event != self._last_progress:
                self._last_progress = event
                self._emitter.send_later(self.id, event)

    def describe(self, label: Optional[str], parent: Optional[str], kind: Optional[str]) -> None:
        """What the plan did not say of this task goes along with its next event."""
        with self._lock:
            self.label = label or self.label
            given = {"label": label, "parent": parent, "kind": kind}
            self._said.update({key: value for key, value in given.items() if value is not None})

    def planned(self, task: Mapping[str, Any]) -> None:
        with self._lock:
            self.label = task.get("label")
            self._said = {}

    def _become(self, state: str, note: Optional[str]) -> None:
        with self._lock:
            if state == self.state and (note is None or note == self._said.get("note")):
                return
            self.state = state
            if note is not None:
                self._said["note"] = note
            self._emitter.send(self._event(**({} if note is None else {"note": note})), self.id)

    def _event(self, **fields: Any) -> Dict[str, Any]:
        unplanned: Dict[str, Any] = {
            key: self._said.pop(key) for key in ("label", "parent", "kind") if key in self._said
        }
        return {"type": "task", "step": self._step, "id": self.id, "state": self.state, **unplanned, **fields}


class Context:
    """The world of a running step. `emitter` and `write_output` are where its events and its tools' raw output go."""

    job: str
    step_id: str
    params: Mapping[str, Any]
    profile: Mapping[str, Any]  # {"comfyui": path | None, "python": path | None}, set by the user or by probe
    home: str  # ~/.vastdesk
    work: str  # a folder of this step in the job folder, for scratch files

    def __init__(
        self,
        *,
        job: str,
        step_id: str,
        params: Mapping[str, Any],
        profile: Mapping[str, Any],
        home: str,
        work: str,
        emitter: Emitter,
        write_output: Callable[[bytes], None],
        secrets: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.job, self.step_id, self.params, self.profile = job, step_id, params, profile
        self.home, self.work = home, work
        self._secrets = dict(secrets or {})
        self._redactor = Redactor(self._secrets.values())
        self._emitter = emitter
        self._write_output = write_output
        self.tools = ToolRunner(write_output, self._redactor)
        self._tasks: Dict[str, TaskHandle] = {}
        self._lock = threading.Lock()
        self._log_events = 0

    def plan(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Announce tasks: {id, label, parent?, kind?}. Call before working on them; may be called again."""
        tasks = [dict(task) for task in tasks]
        for task in tasks:
            self._handle(task["id"]).planned(task)
        for event in split_plan(self.step_id, tasks):
            self._emitter.send(event)

    def task(
        self, id: str, label: Optional[str] = None, parent: Optional[str] = None, kind: Optional[str] = None
    ) -> TaskHandle:
        """The handle of a task (the same object for the same id)."""
        handle = self._handle(id)
        if label or parent or kind:
            handle.describe(label, parent, kind)
        return handle

    def _handle(self, id: str) -> TaskHandle:
        with self._lock:
            if id not in self._tasks:
                self._tasks[id] = TaskHandle(self._emitter, self.step_id, id)
            return self._tasks[id]

    def run(
        self,
        argv: Sequence[str],
        on_line: Optional[Callable[[str], None]] = None,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        stdin: Optional[bytes] = None,
        timeout_s: Optional[float] = None,
        stall_s: Optional[float] = None,
        quiet: bool = False,
    ) -> Result:
        """Run a tool. An argument list only, never a shell string. stdout and stderr together, split on \\r and \\n,
        lines cut at 4 KiB, decoded as UTF-8 with replacement, ANSI removed before `on_line`; raw bytes go to the capped
        output log unless `quiet`. Raises StepError("tool_missing", tool=…) when argv[0] is not there,
        StepError("disk_full") when it fails and says that the disk is full.
        The tool gets: stdin at end of file, its own process group, a clean environment (see `environment`) plus `env`.
        `stall_s`: killed after that long without any output."""
        merged = {**self.environment(), **(env or {})}
        return self.tools.run(argv, merged, on_line, cwd, stdin, timeout_s, stall_s, quiet)

    def stop_tools(self) -> None:
        """End the tools that run now, because the step fails anyway. Later ones are refused."""
        self.tools.children.end_all(1.0)

    def environment(self) -> Dict[str, str]:
        """PATH, HOME, LANG=C.UTF-8, GIT_TERMINAL_PROMPT=0, VASTDESK_JOB, what /etc/environment says. No secrets."""
        return clean_environment(os.environ, image_environment(), user_home(), _user(), self.job)

    def log(self, text: str, task: Optional[str] = None) -> None:
        """A line for the event log (bounded) and the output file."""
        text = self._redactor.text(text)
        self.output(text)
        with self._lock:
            self._log_events += 1
            count = self._log_events
        if count > MAX_LOG_EVENTS:
            return
        if count == MAX_LOG_EVENTS:
            text = "Further lines are only in the output file."
        event: Dict[str, Any] = {"type": "log", "step": self.step_id, "text": text[:MAX_TEXT]}
        if task is not None:
            event["task"] = task
        self._emitter.send(event)

    def output(self, text: str) -> None:
        """A line for the output file alone."""
        self._write_output((self._redactor.text(text) + "\n").encode("utf-8", "replace"))

    def secret(self, name: str) -> Optional[str]:
        """A secret the desktop handed over, or None. Never put it in argv, a log line or an event."""
        return self._secrets.get(name) or None

    def path(self, absolute: str) -> str:
        """A system path below VASTDESK_SYSROOT; `~` is the user's home. Paths the user gave are used as they are."""
        return system_path(absolute)

    def require_space(self, path: str, need_bytes: int = 0) -> None:
        """Raises StepError("disk_full") when the file system of `path` has less than that (plus 16 MiB) free."""
        place = os.path.abspath(path)
        while not os.path.exists(place):
            place = os.path.dirname(place)
        status = os.statvfs(place)
        if status.f_bavail * status.f_frsize < need_bytes + SPARE_BYTES:
            raise StepError("disk_full", path=path)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "root" if os.getuid() == 0 else "user"
