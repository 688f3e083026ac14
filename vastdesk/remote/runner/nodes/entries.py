"""A node of an installation on its way: its rows in the task list, and what is known of it."""

from __future__ import annotations

import json
import os
from typing import List, Optional, Sequence

from ..context import Context
from .frozen import Installed
from .nodelist import Node
from .requirements import Requirements

REQUIREMENTS_FAILED = "cloned, requirements failed"
SCRIPT_FAILED = "cloned, install.py failed"
SCRIPT = "install.py"
_MARKER = "vastdesk-script-pending"


class Entry:
    """`there`: it was installed before this run. Its task ends exactly once, by `finish` or `fail`."""

    def __init__(self, ctx: Context, node: Node, number: int, custom_nodes: str) -> None:
        self.node = node
        self.target = os.path.join(custom_nodes, node.folder)
        self.id = "node:%d" % number
        self.key = node.name
        self.commit = ""
        self.there = False
        self.there_note = ""
        self.requirements: Optional[Requirements] = None
        self.outcome = ""  # succeeded, skipped, failed
        self.got_packages = False
        self._ctx = ctx
        self.task = ctx.task(self.id)

    def rows(self) -> "List[dict[str, str]]":
        """Its tasks, for the plan."""
        rows = [{"id": self.id, "label": self.node.name, "kind": "node"}]
        if self.node.requirements and not self.node.problem:
            rows.append({"id": self.id + ":deps", "label": "Install dependencies", "parent": self.id})
        return rows

    @property
    def done(self) -> bool:
        return bool(self.outcome)

    @property
    def short(self) -> str:
        return self.commit[:7]

    def finish(self) -> None:
        """Everything it needs is in place."""
        if self.there and not self.got_packages:
            self.outcome = "skipped"
            self.task.skipped(self.there_note)
        else:
            self.outcome = "succeeded"
            self.task.succeeded(
                self.there_note + ", its packages were installed" if self.there else "at %s" % self.short
            )

    def fail(self, note: str) -> None:
        self.outcome = "failed"
        self.task.failed(note)

    def fail_requirements(self, sentence: str) -> None:
        """The sub-task has the reason, the node the fixed words (spec of the task list)."""
        self._ctx.task(self.id + ":deps").failed(sentence)
        self._ctx.log("%s: %s" % (self.node.name, sentence), task=self.id)
        self.fail(REQUIREMENTS_FAILED)

    # install.py runs once after a clone. That it still has to is noted inside .git, where it goes with the clone and
    # changes none of its files.

    def script_pending(self) -> bool:
        return not self.done and os.path.isfile(_marker(self.target))

    def script_done(self) -> None:
        os.unlink(_marker(self.target))

    # Who kills an install.py in the middle leaves nobody to look at what it has moved: what was there before it is
    # noted in the same place until somebody has looked.

    def note_packages(self, packages: Sequence[Installed]) -> None:
        part = _marker(self.target) + ".part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(packages, file)
        os.replace(part, _marker(self.target))

    def noted_packages(self) -> List[Installed]:
        """What was there before a script that was killed; nothing otherwise."""
        if not self.script_pending():
            return []
        try:
            with open(_marker(self.target), encoding="utf-8") as file:
                return [Installed(*map(str, package)) for package in json.load(file)]
        except (OSError, ValueError, TypeError):
            return []


def note_script(clone: str) -> None:
    """In a fresh clone: its install.py has to run."""
    if os.path.isfile(os.path.join(clone, SCRIPT)):
        with open(_marker(clone), "w", encoding="utf-8"):
            pass


def _marker(clone: str) -> str:
    return os.path.join(clone, ".git", _MARKER)


def inside(entry: Entry, entries: Sequence[Entry]) -> Optional[Entry]:
    """The entry in whose folder this one lies, the nearest one."""
    around = [other for other in entries if entry.node.folder.startswith(other.node.folder + "/")]
    return max(around, key=lambda other: len(other.node.folder)) if around else None
