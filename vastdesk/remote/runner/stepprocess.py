"""One step as a process of its own: started with its pipes, listened to, its end judged by nobody here."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from typing import Callable, Dict, List, Mapping, Optional

from . import kernel
from .intake import Intake
from .pulse import Pulse

OOM_POINTS = 300
COMPLAINT_BYTES = 4096
READ_BYTES = 64 << 10
DRAIN_READS = 256
SECRETS_BYTES = 48 << 10  # they must fit into a pipe that nobody reads yet

StepCommand = Callable[[str, int], List[str]]


class StepProcess:
    """A running step. `code` is its exit code, or minus the signal, once it has ended."""

    def __init__(self, pulse: Pulse, intake: Intake) -> None:
        self._pulse = pulse
        self.intake = intake
        self.pid = 0
        self._popen: Optional["subprocess.Popen[bytes]"] = None
        self._life = -1
        self._pipes: Dict[int, Callable[[bytes], None]] = {}
        self._complaint = b""

    @property
    def code(self) -> Optional[int]:
        return self._pulse.exits.get(self.pid)

    def has_ended(self) -> bool:
        return self.code is not None

    @property
    def complaint(self) -> str:
        """The last lines it wrote to stdout or stderr, where it should write nothing: the traceback of a crash."""
        return self.intake.mask(self._complaint.decode("utf-8", "replace")).strip()

    def start(self, command: List[str], job_dir: str, job: str, secrets: Mapping[str, str]) -> None:
        """Raises OSError if the process cannot be made."""
        event_read, event_write = os.pipe()
        complaint_read, complaint_write = os.pipe()
        life_read, self._life = os.pipe()
        environment = dict(os.environ, VASTDESK_JOB=job)
        environment.update(VASTDESK_EVENT_FD=str(event_write), VASTDESK_LIFE_FD=str(life_read))
        self._pipes = {event_read: self.intake.feed, complaint_read: self._keep_complaint}
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=complaint_write,
                stderr=complaint_write,
                cwd=job_dir,
                env=environment,
                pass_fds=(event_write, life_read),
                start_new_session=True,
                preexec_fn=_prepare_child,
            )
        except OSError:
            self.close()
            raise
        finally:
            for fd in (event_write, complaint_write, life_read):
                os.close(fd)
        self.pid = self._popen.pid
        self._hand_over(secrets)
        for fd in self._pipes:
            os.set_blocking(fd, False)
            self._pulse.watch(fd, functools.partial(self._read, fd))

    def _hand_over(self, secrets: Mapping[str, str]) -> None:
        assert self._popen is not None and self._popen.stdin is not None
        try:
            self._popen.stdin.write(json.dumps(dict(secrets)).encode())
            self._popen.stdin.close()
        except OSError:  # it died at once; its exit code says more
            pass

    def drain(self) -> None:
        """Read what is still in the pipes: a bounded amount, because what the step left behind may talk for ever."""
        for fd in list(self._pipes):
            for _ in range(DRAIN_READS):
                if not self._read(fd):
                    break

    def close(self) -> None:
        """Close our ends. The life pipe last: its end tells whatever is left that it is over."""
        for fd in list(self._pipes):
            self._forget(fd)
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        if self._popen is not None:
            self._popen.returncode = self.code or 0  # reaped by the pulse: Popen must not look for it

    def _read(self, fd: int) -> bool:
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._pipes[fd](data)
        else:
            self._forget(fd)
        return bool(data)

    def _forget(self, fd: int) -> None:
        del self._pipes[fd]
        if self.pid:
            self._pulse.unwatch(fd)
        os.close(fd)

    def _keep_complaint(self, data: bytes) -> None:
        self._complaint = (self._complaint + data)[-COMPLAINT_BYTES:]


def _prepare_child() -> None:
    kernel.die_with_parent()
    kernel.prefer_to_die(OOM_POINTS)
