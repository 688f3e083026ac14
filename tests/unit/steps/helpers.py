"""A context whose events and output land in lists."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vastdesk.remote.runner.context import Context
from vastdesk.remote.runner.emitter import Emitter
from vastdesk.remote.runner.redact import Redactor


class Events:
    """The reader of an emitter's pipe."""

    def __init__(self) -> None:
        self._read, self.fd = os.pipe()
        self.lines: list[bytes] = []
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        with open(self._read, "rb") as pipe:
            self.lines.extend(pipe)

    def close(self) -> list[dict[str, Any]]:
        """All events, after the last was written."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self._thread.join()
        return [json.loads(line) for line in self.lines]


class Bench:
    """A context on a bench. `events()` ends it."""

    def __init__(self, work: Path, params: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._events = Events()
        self.output = bytearray()
        self.emitter = Emitter(self._events.fd, Redactor(secrets.values()))
        self.ctx = Context(
            job="job-on-a-bench",
            step_id="step",
            params=params,
            profile={},
            home=str(work / "home"),
            work=str(work),
            emitter=self.emitter,
            write_output=self.output.extend,
            secrets=secrets,
        )

    @property
    def lines(self) -> list[bytes]:
        """What has arrived so far."""
        return self._events.lines

    def events(self) -> list[dict[str, Any]]:
        self.emitter.close_with({})
        return self._events.close()


@contextmanager
def bench(
    work: Path, params: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
) -> Iterator[Bench]:
    made = Bench(work, params or {}, secrets or {})
    try:
        yield made
    finally:
        made.ctx.tools.children.end_all(0)
        made.events()
