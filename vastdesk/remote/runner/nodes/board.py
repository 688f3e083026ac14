"""Shows the common installation on the rows of the nodes: the first four that still lack packages are running."""

from __future__ import annotations

import os
import threading
from typing import Callable, Dict, List, Sequence, Set

from ..context import Context, TaskHandle
from .entries import Entry
from .requirements import normalize

RUNNING = 4
_LOOK_S = 0.25


def in_place(site: Sequence[str], packages: Dict[str, str]) -> Set[str]:
    """Which of the packages are completely there. uv and pip write INSTALLER last."""
    found = set()
    for folder in site:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                package, _, version = name[: -len(".dist-info")].partition("-")
                wanted = packages.get(normalize(package))
                same = wanted is not None and wanted in ("", version)
                if same and os.path.exists(os.path.join(folder, name, "INSTALLER")):
                    found.add(normalize(package))
    return found


class Board:
    """As a context manager: looks at what is in place while the installation goes on.

    `needs` are the packages each entry (by id) waits for; `done(entry)` is called once, when they are all there.
    """

    def __init__(
        self,
        ctx: Context,
        row: TaskHandle,
        entries: Sequence[Entry],
        needs: Dict[str, Set[str]],
        packages: Dict[str, str],
        site: Sequence[str],
        done: Callable[[Entry], None],
    ) -> None:
        self._ctx = ctx
        self._row = row
        self._lacking: List[Entry] = [entry for entry in entries if needs.get(entry.id)]
        self._needs = needs
        self._packages = packages
        self._site = site
        self._done = done
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="vastdesk-board", daemon=True)

    def __enter__(self) -> "Board":
        self.refresh()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def refresh(self) -> None:
        """Count, end the rows of nodes that have everything, let the next ones run."""
        there = in_place(self._site, self._packages)
        self._row.progress(len(there), len(self._packages), "packages")
        complete = [entry for entry in self._lacking if self._needs[entry.id] <= there]
        self._lacking = [entry for entry in self._lacking if entry not in complete]
        for entry in complete:
            self._done(entry)
        for entry in self._lacking[:RUNNING]:
            entry.task.running()
            deps, needs = self._ctx.task(entry.id + ":deps"), self._needs[entry.id]
            deps.running()
            deps.progress(len(needs & there), len(needs), "packages")

    def give_up(self, entry: Entry) -> None:
        """Its packages will not come."""
        self._lacking = [other for other in self._lacking if other is not entry]

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self.refresh()
