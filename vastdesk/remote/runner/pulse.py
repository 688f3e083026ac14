"""The supervisor's clock: waits for something to happen, shows that it lives, notices that it is to stop."""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from typing import Any, Callable, Dict

HEARTBEAT_S = 2.0
CANCEL_LOOK_S = 0.2
HEARTBEAT_BYTES = 64

CANCELLED = "cancelled"
STOPPED = "stopped"


class Pulse:
    """One thread, one `wait()`: pipes, signals, the heartbeat file and the cancel marker all come in through it."""

    def __init__(self, cancel_path: str, heartbeat_path: str, seq: Callable[[], int]) -> None:
        self._cancel_path = cancel_path
        self._seq = seq
        self._selector = selectors.DefaultSelector()
        self._next_look = 0.0
        self._next_beat = 0.0
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wake)
        self._heartbeat_fd = os.open(heartbeat_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.exits: Dict[int, int] = {}
        self.stop = ""

    def listen_to_signals(self) -> None:
        """TERM and INT: the container stops. HUP and PIPE mean nothing to us. CHLD wakes `wait()`."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        # Handlers, not SIG_IGN: an ignored signal would stay ignored in the steps and all that they start.
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def _on_stop(self, *_: Any) -> None:
        self.stop = self.stop or STOPPED

    def watch(self, fd: int, on_readable: Callable[[], object]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, on_readable)

    def unwatch(self, fd: int) -> None:
        self._selector.unregister(fd)

    def wait(self, timeout_s: float) -> None:
        """One round: at most that long, at once if something happens. Dead children are in `exits` afterwards."""
        now = time.monotonic()
        timeout_s = min(timeout_s, self._next_look - now, self._next_beat - now)
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            key.data()
        self._reap()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + CANCEL_LOOK_S
            if not self.stop and os.path.exists(self._cancel_path):
                self.stop = CANCELLED
        if now >= self._next_beat:
            self._next_beat = now + HEARTBEAT_S
            self.beat()

    def beat(self) -> None:
        """Rewrite the heartbeat in place: that needs no new room on the disk, so a full one does not stop the heart."""
        text = json.dumps({"mono": round(time.monotonic(), 2), "seq": self._seq()})
        try:
            os.pwrite(self._heartbeat_fd, text.ljust(HEARTBEAT_BYTES - 1).encode() + b"\n", 0)
        except OSError:  # only a hint for people; the lock is the truth
            pass

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for fd in (self._wake_read, self._wake_write, self._heartbeat_fd):
            os.close(fd)

    def _drain_wake(self) -> None:
        try:
            while os.read(self._wake_read, 512):
                pass
        except BlockingIOError:
            pass

    def _reap(self) -> None:
        """All dead children: the step process, and orphans that came to us as their subreaper."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.exits[pid] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
