"""The failures a step can name, each with its sentence and the next action, in one place.

`docs/troubleshooting.md` has an entry for every kind; a test compares the two.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple


class Kind(NamedTuple):
    """A kind of failure. `sentence` and `action` are `str.format` templates over the facts given."""

    sentence: str
    action: str


KINDS: Dict[str, Kind] = {
    "disk_full": Kind(
        "the disk of the instance is full ({path})", "Free some space or rent a larger disk, then resume the run."
    ),
    "internal": Kind("the step broke off: {detail}", "Copy the details and report it; the run can be resumed."),
}


class StepError(Exception):
    """A failure with a kind from the table. `str()` is the sentence, `action` the next thing to do."""

    def __init__(self, kind: str, **facts: Any) -> None:
        self.kind = kind
        self.facts = facts
        entry = KINDS[kind]
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        super().__init__(self.sentence)
