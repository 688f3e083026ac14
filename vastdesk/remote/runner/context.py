"""What a step gets to work with: its task list, tools run as argument lists, its log, secrets and paths.

The only writer is the event descriptor handed over by the supervisor (docs/protocol.md §3).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence


class Result(NamedTuple):
    """How a tool ended. `code` is the exit code, or minus the signal. `tail` are its last lines of output (≤ 40)."""

    code: int
    tail: List[str]
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.timed_out


class TaskHandle:
    """One row of the task list. As a context manager: running → succeeded, StepError → failed with its sentence.

    Thread-safe. Progress is sent at most 5 times a second per task, the latest wins; a state change goes out at once.
    """

    id: str
    state: str

    def __enter__(self) -> "TaskHandle":
        raise NotImplementedError

    def __exit__(self, *exc: Any) -> Optional[bool]:
        raise NotImplementedError

    def running(self, note: Optional[str] = None) -> None: ...
    def waiting(self, note: Optional[str] = None) -> None: ...
    def succeeded(self, note: Optional[str] = None) -> None: ...
    def skipped(self, note: Optional[str] = None) -> None: ...
    def failed(self, note: str) -> None: ...
    def note(self, text: str) -> None: ...
    def relabel(self, label: str) -> None: ...
    def progress(
        self,
        done: float,
        total: float,
        unit: str = "%",
        rate: Optional[float] = None,
        size_bytes: Optional[int] = None,
        eta_s: Optional[float] = None,
    ) -> None: ...


class Context:
    """The world of a running step."""

    job: str
    step_id: str
    params: Mapping[str, Any]
    profile: Mapping[str, Any]  # {"comfyui": path | None, "python": path | None}, set by the user or by probe
    home: str  # ~/.vastdesk
    work: str  # a folder of this step in the job folder, for scratch files

    def plan(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Announce tasks: {id, label, parent?, kind?}. Call before working on them; may be called again."""

    def task(self, id: str, label: Optional[str] = None, parent: Optional[str] = None, kind: Optional[str] = None) -> TaskHandle:
        """The handle of a task (the same object for the same id)."""
        raise NotImplementedError

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
        """Run a tool. An argument list only, never a shell string. stdout and stderr together, split on \\r and \\n, lines
        cut at 4 KiB, decoded as UTF-8 with replacement, ANSI removed before `on_line`; raw bytes go to the capped output log
        unless `quiet`. Raises StepError("tool_missing", tool=…) when argv[0] is not there.
        The tool gets: stdin at end of file, its own process group, a clean environment (see `environment`) plus `env`.
        `stall_s`: killed after that long without any output."""
        raise NotImplementedError

    def environment(self) -> Dict[str, str]:
        """PATH, HOME, LANG=C.UTF-8, GIT_TERMINAL_PROMPT=0, VASTDESK_JOB, what /etc/environment says. No secrets."""
        raise NotImplementedError

    def log(self, text: str, task: Optional[str] = None) -> None:
        """A line for the event log (bounded) and the output file."""

    def secret(self, name: str) -> Optional[str]:
        """A secret the desktop handed over, or None. Never put it in argv, a log line or an event."""
        raise NotImplementedError

    def path(self, absolute: str) -> str:
        """A system path below VASTDESK_SYSROOT; `~` is the user's home. Paths the user gave are used as they are."""
        raise NotImplementedError

    def require_space(self, path: str, need_bytes: int = 0) -> None:
        """Raises StepError("disk_full") when the file system of `path` has less than that (plus 16 MiB) free."""
