"""Following one job: what is new in its log, and when there will be nothing more."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from . import jobs, processes
from .eventlog import Batch, EventReader, parse
from .jobs import JobFolder


class Watch:
    """A client's view of a job, from the number it has on."""

    def __init__(self, folder: JobFolder, since: int) -> None:
        self._folder = folder
        self._reader = EventReader(folder.events, since)
        self.job = folder.job

    @property
    def damaged(self) -> int:
        """Lines of the log that were no events."""
        return self._reader.damaged

    def status(self) -> Dict[str, Any]:
        return jobs.status(self._folder)

    def read(self) -> Batch:
        return self._reader.read()

    def ending(self, thorough: bool) -> Optional[Dict[str, Any]]:
        """The final status if the job has ended, else None. Only a thorough look notices that it was killed."""
        if not thorough and self._folder.exit() is None:
            return None
        if jobs.state_of(self._folder) == "running":
            return None
        return self.status()

    def envelope(self, lines: List[bytes]) -> bytes:
        """Events as they stand in the log, in one message. ASCII on the wire, whatever the channel does to text."""
        ascii_lines = [
            line if line.isascii() else json.dumps(parse(line), separators=(",", ":")).encode() for line in lines
        ]
        return b'{"job":%s,"events":[%s]}' % (json.dumps(self.job).encode(), b",".join(ascii_lines))

    def sweep(self) -> int:
        """End what a lost job left behind."""
        return processes.sweep(self.job, processes.grace_seconds())
