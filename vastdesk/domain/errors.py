"""Failures the desktop can name, each with its sentence, the next action and its exit code, in one place.

`docs/troubleshooting.md` has an entry for every kind; a test compares the two. Add a kind here, never a sentence elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of failure. `sentence` and `action` are `str.format` templates over the facts given; `exit_code` as in the
    command line's table (1 failed, 2 wrong use, 3 host key, 4 cannot connect, 5 lost, 6 busy, 7 no such thing)."""

    sentence: str
    action: str
    exit_code: int


KINDS: dict[str, Kind] = {
    "internal": Kind("VastDesk itself broke off: {detail}", "Copy the details and report it; nothing stored is lost.", 1),
}


class VastDeskError(Exception):
    """A failure with a kind from the table. `str()` is the sentence; `action` the next thing to do; never holds a secret."""

    def __init__(self, kind: str, **facts: Any) -> None:
        entry = KINDS[kind]
        self.kind = kind
        self.facts = facts
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        self.exit_code = entry.exit_code
        super().__init__(self.sentence)
