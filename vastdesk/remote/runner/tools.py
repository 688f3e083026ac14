"""Runs tools for a step: argument lists only, bounded output, limits that hold, and nothing left when it is ended."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from typing import Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from .errors import StepError
from .redact import Redactor

LINE_BYTES = 4096
TAIL_LINES = 40
_CHUNK = 65536
_LOOK_S = 0.25  # how often the end of a tool is looked for when its output stays open (a child of its own holds it)
_KILL_GRACE_S = 3.0

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~]|$)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|errno 28\b", re.IGNORECASE)


class Result(NamedTuple):
    """How a tool ended. `code` is the exit code, or minus the signal. `tail` are its last lines of output (≤ 40)."""

    code: int
    tail: List[str]
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.timed_out

    @property
    def killed(self) -> str:
        """That somebody else killed it, in words; nothing when it ended by itself."""
        if self.code >= 0 or self.timed_out:
            return ""
        return "was killed (signal %d%s)" % (-self.code, "; out of memory?" if self.code == -signal.SIGKILL else "")

    @property
    def last_words(self) -> str:
        """Why it failed, as far as it can be known: its last line, if it got as far as saying why."""
        if self.killed:
            return "it " + self.killed
        return self.tail[-1] if self.tail else "it ended with code %d and said nothing" % self.code


def plain(line: bytes) -> str:
    """A line of output as text: UTF-8 with replacement, no colours, no control characters."""
    return _CONTROL.sub("", _ANSI.sub("", line.decode("utf-8", "replace"))).rstrip()


class LineSplitter:
    """Lines out of a stream, split on \\r and \\n, without empty ones; of a line without end only the first 4 KiB."""

    def __init__(self) -> None:
        self._open = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> List[bytes]:
        lines = []
        parts = chunk.replace(b"\r", b"\n").split(b"\n")
        for number, part in enumerate(parts):
            if not self._skipping:
                self._open += part[: LINE_BYTES - len(self._open)]
                self._skipping = len(self._open) >= LINE_BYTES
            if number < len(parts) - 1:
                lines += self.flush()
        return lines

    def flush(self) -> List[bytes]:
        line, self._open, self._skipping = self._open, b"", False
        return [line] if line.strip() else []


class Children:
    """The process groups of the tools that run now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Set["subprocess.Popen[bytes]"] = set()
        self.all_ended = False

    def start(
        self, argv: Sequence[str], cwd: Optional[str], env: Mapping[str, str], stdin: bool
    ) -> "subprocess.Popen[bytes]":
        # The lock is held over the start: a tool that begins while all are being ended would outlive the step.
        with self._lock:
            if self.all_ended:
                raise StepError("cancelled")
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,  # a group of its own, and no terminal that git or ssh could ask on
                bufsize=0,
            )
            self._running.add(process)
            return process

    def ended(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._running.discard(process)

    def end(self, process: "subprocess.Popen[bytes]", grace_s: Optional[float] = None) -> None:
        """SIGTERM to the group of a tool, SIGKILL when it is still there after the grace."""
        grace_s = _KILL_GRACE_S if grace_s is None else grace_s
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        _signal_group(process.pid, signal.SIGKILL)

    def end_all(self, grace_s: float) -> None:
        """Every tool and what it started in its group. No tool starts after this."""
        # Without waiting for the lock for ever: this may run while a start hangs on a dead file system.
        locked = self._lock.acquire(timeout=1)
        self.all_ended = True
        running = list(self._running)
        if locked:
            self._lock.release()
        for process in running:
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and any(process.poll() is None for process in running):
            time.sleep(0.02)
        for process in running:
            _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)


class ToolRunner:
    """Runs tools with their raw output going to a sink (`write(bytes)`), for one step."""

    def __init__(self, write: Callable[[bytes], None], redactor: Redactor) -> None:
        self.children = Children()
        self._write = write
        self._redactor = redactor

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        on_line: Optional[Callable[[str], None]] = None,
        cwd: Optional[str] = None,
        stdin: Optional[bytes] = None,
        timeout_s: Optional[float] = None,
        stall_s: Optional[float] = None,
        quiet: bool = False,
    ) -> Result:
        """See `Context.run`."""
        if isinstance(argv, (str, bytes)) or not argv or not all(isinstance(word, str) for word in argv):
            raise TypeError("a tool is run by a list of words")
        if not quiet:
            self._write(self._redactor.text("$ %s\n" % " ".join(argv)).encode("utf-8", "replace"))
        process = self._start(argv, cwd, env, stdin)
        reader = _Reader(process, on_line, self._redactor, None if quiet else self._write)
        try:
            timed_out = reader.read(timeout_s, stall_s)
            if timed_out:
                self.children.end(process)
            code = process.wait()
        except BaseException:
            self.children.end(process, 0.5)
            process.wait()
            raise
        finally:
            reader.close()
            self.children.ended(process)
        if self.children.all_ended:
            raise StepError("cancelled")
        if code and reader.no_space:
            raise StepError("disk_full", path=cwd or os.getcwd())
        return Result(code, list(reader.tail), timed_out)

    def _start(
        self, argv: Sequence[str], cwd: Optional[str], env: Mapping[str, str], stdin: Optional[bytes]
    ) -> "subprocess.Popen[bytes]":
        try:
            process = self.children.start(argv, cwd, env, stdin is not None)
        except OSError as error:
            if cwd is not None and not os.path.isdir(cwd):
                raise StepError("no_folder", path=cwd) from error
            raise StepError("tool_missing", tool=argv[0], detail=error.strerror or str(error)) from error
        if stdin is not None:
            threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
        return process


def _feed(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:
        process.stdin.write(data)


class _Reader:
    """Reads a tool's output until it ends, for at most the limits."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        on_line: Optional[Callable[[str], None]],
        redactor: Redactor,
        write: Optional[Callable[[bytes], None]],
    ) -> None:
        assert process.stdout is not None
        self._process = process
        self._fd = process.stdout.fileno()
        self._on_line = on_line
        self._redactor = redactor
        self._stream = redactor.stream()
        self._write = write
        self._splitter = LineSplitter()
        self.tail: Deque[str] = collections.deque(maxlen=TAIL_LINES)
        self.no_space = False
        os.set_blocking(self._fd, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._fd, selectors.EVENT_READ)

    def read(self, timeout_s: Optional[float], stall_s: Optional[float]) -> bool:
        """Until the end of the output. True when a limit was reached."""
        now = time.monotonic()
        deadline = now + timeout_s if timeout_s is not None else float("inf")
        stalled = now + stall_s if stall_s is not None else float("inf")
        ended_at: Optional[float] = None
        while True:
            wait = min(_LOOK_S, max(0.0, min(deadline, stalled) - now))
            chunk = self._read_chunk(wait)
            now = time.monotonic()
            if chunk == b"":
                # Closed by the tool (or its last child); the tool itself may go on without output.
                self._lines(self._splitter.flush())
                return self._wait_for_end(deadline)
            if chunk is not None:
                self._take(chunk)
                if stall_s is not None:
                    stalled = now + stall_s
            elif ended_at is None and self._process.poll() is not None:
                ended_at = now  # what it left in the pipe was read; a child in the background may hold it open
            elif ended_at is not None:
                self._lines(self._splitter.flush())
                return False
            if ended_at is None and now >= min(deadline, stalled):
                return True

    def _wait_for_end(self, deadline: float) -> bool:
        try:
            self._process.wait(None if deadline == float("inf") else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return True
        return False

    def _read_chunk(self, wait: float) -> Optional[bytes]:
        """Bytes, b"" at the end of file, None when nothing came."""
        if not self._selector.select(wait):
            return None
        try:
            return os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return None

    def _take(self, chunk: bytes) -> None:
        if self._write is not None:
            self._write(self._stream.feed(chunk))
        self._lines(self._splitter.feed(chunk))

    def _lines(self, lines: List[bytes]) -> None:
        for raw in lines:
            line = self._redactor.text(plain(raw))
            if not line:
                continue
            self.tail.append(line)
            self.no_space = self.no_space or bool(_NO_SPACE.search(line))
            if self._on_line is not None:
                self._on_line(line)

    def close(self) -> None:
        rest = self._stream.flush()
        if self._write is not None and rest:
            self._write(rest)
        self._selector.close()
        if self._process.stdout is not None:
            self._process.stdout.close()


def clean_environment(
    inherited: Mapping[str, str], image: Mapping[str, str], home: str, user: str, job: str
) -> Dict[str, str]:
    """What a tool gets: the little that is needed from ours, what the image says of itself, and no secrets.

    The image's file is needed: an SSH session on Vast gets nothing of it (docs/facts.md#vast-ssh-environment).
    """
    env = {name: value for name, value in inherited.items() if name in _PASSED or name.lower() in _PASSED_ANY_CASE}
    env.update((name, value) for name, value in image.items() if not name.startswith("VASTDESK_"))
    env = {name: value for name, value in env.items() if not _SECRET_NAME.search(name) and "\0" not in value}
    path = env.get("PATH") or inherited.get("PATH") or ""
    folders = [folder for folder in path.split(":") if folder]
    folders += [folder for folder in _USUAL_PATH if folder not in folders]
    env.update(PATH=":".join(folders), HOME=home, USER=user, LOGNAME=user)
    # English and UTF-8 in any image: the messages of git, pip and uv are read.
    env.update(LANG="C.UTF-8", LC_ALL="C.UTF-8", LANGUAGE="", TERM="dumb", NO_COLOR="1")
    env.update(GIT_TERMINAL_PROMPT="0", DEBIAN_FRONTEND="noninteractive", PYTHONUNBUFFERED="1", VASTDESK_JOB=job)
    return env


_PASSED = ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
           "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "WORKSPACE")  # fmt: skip
_PASSED_ANY_CASE = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_USUAL_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_SECRET_NAME = re.compile(r"TOKEN|PASSW|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
