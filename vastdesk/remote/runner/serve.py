"""The served channel: one process per connection, stateless, for all jobs of the instance (docs/protocol.md §5).

One thread reads requests, follows jobs and writes; what may take long (starting, probing, sweeping) has a thread of its
own, so that events and beats go on meanwhile.
"""

from __future__ import annotations

import json
import os
import platform
import re
import selectors
import sys
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping

from . import VERSION, home
from .bell import Listener
from .jobs import JobFolder, RequestError
from .requests import FAST, SLOW
from .watching import Watch

BEAT_S = 2.0
LOOK_S = 0.5  # how often a watched job is looked at without a ring of the bell: when its supervisor was killed
POLL_FAST_S, POLL_SLOW_S = 0.02, 0.1  # without a bell
REQUEST_BYTES = 8 << 20  # a spec of 2 MiB, escaped
OUTPUT_HIGH_BYTES = 1 << 20  # more is not taken from the logs until the client has read
SLOW_AT_ONCE = 8


class Gone(Exception):
    """The client has closed the channel."""


class Server:
    """Speaks on two descriptors until the first one ends."""

    def __init__(self, token: str, home_dir: str, stdin: int = 0, stdout: int = 1) -> None:
        self._prefix = token.encode() + b" "
        self._home = home_dir
        self._stdin, self._stdout = stdin, stdout
        self._input = b""
        self._input_overlong = False
        self._output = bytearray()
        self._watches: Dict[str, Watch] = {}
        self._bell = Listener(home_dir)
        self._poll_s = POLL_FAST_S
        self._beats = 0
        self._next_beat = time.monotonic() + BEAT_S
        self._next_look = 0.0
        self._behind = False
        self._answers: Deque[Callable[[], None]] = deque()
        self._slow_running = 0
        self._wake_read, self._wake_write = os.pipe()
        # Not epoll: it refuses plain files and /dev/null, which a test or a person may put on stdin.
        self._selector: selectors.BaseSelector = getattr(selectors, "PollSelector", selectors.SelectSelector)()

    def run(self) -> int:
        """Until the client goes. Jobs are not touched by that."""
        for fd in (self._stdin, self._stdout, self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._selector.register(self._stdin, selectors.EVENT_READ, self._read_requests)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._take_answers)
        if self._bell.socket is not None:
            self._selector.register(self._bell.socket, selectors.EVENT_READ, self._heard_bell)
        try:
            self._hello()
            while True:
                self._round()
        except (Gone, BrokenPipeError, ConnectionResetError):
            return 0
        finally:
            self._bell.close()
            for fd in (self._stdin, self._stdout):
                os.set_blocking(fd, True)

    def _round(self) -> None:
        for key, mask in self._selector.select(self._patience()):
            if mask & selectors.EVENT_WRITE:
                self._write_out()
            else:
                key.data()
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            self._beats += 1
            self._send({"beat": self._beats, "time": round(time.time(), 3)})
        if now >= self._next_look:
            self._follow_all(thorough=True)

    def _patience(self) -> float:
        """How long nothing needs to be done unless something is heard."""
        now = time.monotonic()
        wait_s = self._next_beat - now
        if self._watches and len(self._output) < OUTPUT_HIGH_BYTES:
            wait_s = min(wait_s, self._next_look - now)
        return max(0.0, wait_s)

    def _hello(self) -> None:
        facts = {
            "runner": home.runner_sha256(),
            "version": VERSION,
            "python": platform.python_version(),
            "pid": os.getpid(),
            "time": round(time.time(), 3),
            "home": self._home,
            "boot_id": home.boot_id(),
        }
        self._send({"hello": facts})

    # Requests

    def _read_requests(self) -> None:
        try:
            data = os.read(self._stdin, 256 << 10)
        except BlockingIOError:
            return
        if not data:
            raise Gone
        lines = (self._input + data).split(b"\n")
        self._input = lines.pop()
        for line in lines:
            if self._input_overlong:
                self._input_overlong = False
            elif line.strip():
                self._handle(line)
        if len(self._input) > REQUEST_BYTES:
            self._input = b""
            if not self._input_overlong:
                self._input_overlong = True
                self._answer_error(None, RequestError("bad_request", "a request is at most 8 MiB"))

    def _handle(self, line: bytes) -> None:
        try:
            request = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self._answer_error(None, RequestError("bad_request", "a request is one JSON object a line"))
            return
        id_, op = request.get("id"), request.get("op")
        if not isinstance(op, str):
            self._answer_error(id_, RequestError("bad_request", "`op` names no operation"))
        elif op in ("watch", "unwatch"):
            self._guard(id_, lambda: self._watch(id_, request) if op == "watch" else self._unwatch(id_, request))
        elif op in FAST:
            self._guard(id_, lambda: self._answer(id_, FAST[op](self._home, request)))
        elif op in SLOW:
            self._run_aside(id_, lambda: SLOW[op](self._home, request))
        else:
            known = ", ".join(sorted([*FAST, *SLOW, "watch", "unwatch"]))
            self._answer_error(id_, RequestError("unknown_op", "%.40r is none of: %s" % (op, known)))

    def _guard(self, id_: Any, work: Callable[[], None]) -> None:
        try:
            work()
        except (Gone, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 – whatever a request does, the channel of all other jobs goes on
            self._answer_error(id_, error)

    def _run_aside(self, id_: Any, work: Callable[[], Any]) -> None:
        """In a thread of its own; the answer comes back through the loop."""
        if self._slow_running >= SLOW_AT_ONCE:
            self._answer_error(id_, RequestError("busy", "%d slow requests are running already" % SLOW_AT_ONCE))
            return

        def finish(answer: Callable[[], None]) -> None:
            self._answers.append(answer)
            os.write(self._wake_write, b"!")

        def run() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 – answered, like in _guard
                finish(lambda error=error: self._answer_error(id_, error))  # type: ignore[misc]
            else:
                finish(lambda: self._answer(id_, result))

        self._slow_running += 1
        threading.Thread(target=run, daemon=True).start()

    def _take_answers(self) -> None:
        try:
            os.read(self._wake_read, 512)
        except BlockingIOError:
            pass
        while self._answers:
            self._slow_running -= 1
            self._answers.popleft()()

    def _answer(self, id_: Any, result: Any) -> None:
        self._send({"id": id_, "ok": True, "result": result})

    def _answer_error(self, id_: Any, error: Exception) -> None:
        kind = error.kind if isinstance(error, RequestError) else "internal"
        message = str(error) if isinstance(error, RequestError) else "%s: %s" % (type(error).__name__, error)
        self._send({"id": id_, "ok": False, "error": {"kind": kind, "message": message[:2000]}})

    # Following

    def _watch(self, id_: Any, request: Mapping[str, Any]) -> None:
        since = request.get("since", 0)
        if not isinstance(since, int) or isinstance(since, bool) or since < 0:
            raise RequestError("bad_request", "`since` is not a sequence number")
        watch = Watch(JobFolder(self._home, request.get("job", "")), since)
        self._watches[watch.job] = watch
        self._answer(id_, watch.status())
        self._follow(watch, thorough=True)

    def _unwatch(self, id_: Any, request: Mapping[str, Any]) -> None:
        self._watches.pop(JobFolder(self._home, request.get("job", "")).job, None)
        self._answer(id_, None)

    def _heard_bell(self) -> None:
        self._bell.drain()
        self._follow_all(thorough=False)

    def _follow_all(self, thorough: bool) -> None:
        self._behind = False
        heard = [self._follow(watch, thorough) for watch in list(self._watches.values())]
        if self._bell.socket is not None:
            wait_s = LOOK_S
        else:
            self._poll_s = POLL_FAST_S if any(heard) else min(POLL_SLOW_S, self._poll_s * 1.5)
            wait_s = self._poll_s
        self._next_look = time.monotonic() + (0.0 if self._behind else wait_s)

    def _follow(self, watch: Watch, thorough: bool) -> bool:
        """Send what is new of a job. Says whether there was something."""
        heard = False
        while len(self._output) < OUTPUT_HIGH_BYTES:
            ending = watch.ending(thorough)  # looked at before the events: what was written until then is read below
            batch = watch.read()
            if batch.lines:
                heard = True
                self._send_raw(watch.envelope(batch.lines))
            if batch.more:
                continue
            if ending is not None:
                self._end(watch, ending)
            break
        else:
            self._behind = True  # the client reads slowly: go on when it has caught up
            self._next_look = 0.0
        return heard

    def _end(self, watch: Watch, ending: Dict[str, Any]) -> None:
        """The last word on a job. What a lost one has left behind is ended first, or a resumed one would meet it."""
        if self._watches.get(watch.job) is watch:
            del self._watches[watch.job]
        message = {"job": watch.job, "end": dict(ending, damaged=watch.damaged)}
        if ending["state"] not in ("lost", "interrupted"):
            self._send(message)
            return

        def sweep_and_tell() -> None:
            try:
                watch.sweep()
            finally:
                self._answers.append(lambda: self._send(message))
                os.write(self._wake_write, b"!")

        self._slow_running += 1
        threading.Thread(target=sweep_and_tell, daemon=True).start()

    # Output

    def _send(self, message: Mapping[str, Any]) -> None:
        self._send_raw(json.dumps(message, separators=(",", ":")).encode())

    def _send_raw(self, line: bytes) -> None:
        self._output += self._prefix + line + b"\n"
        self._write_out()

    def _write_out(self) -> None:
        """As much as the pipe takes; the rest when it is writable again."""
        try:
            while self._output:
                written = os.write(self._stdout, self._output[: 64 << 10])
                del self._output[:written]
        except BlockingIOError:
            pass
        registered = self._stdout in self._selector.get_map()
        if self._output and not registered:
            self._selector.register(self._stdout, selectors.EVENT_WRITE)
        elif registered and not self._output:
            self._selector.unregister(self._stdout)


def main(arguments: List[str]) -> int:
    """`serve --token T`."""
    if len(arguments) != 2 or arguments[0] != "--token" or not re.match(r"[!-~]{1,100}\Z", arguments[1]):
        sys.stderr.write("usage: serve --token TOKEN (no spaces)\n")
        return 2
    try:
        home_dir = home.runner_home()
    except OSError as error:
        sys.stderr.write("vastdesk-runner: no place for its files: %s\n" % error)
        return 1
    os.chdir(os.path.join(home_dir, "bell"))  # see bell.py: short addresses
    code = Server(arguments[1], home_dir).run()
    os._exit(code)  # a thread with a slow request must not keep the channel of a client that has gone
