"""Signs and colours of the states. A word stands with every sign: nothing is said by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SPINNER_PER_S = 8

STYLES: Mapping[str, str] = {
    "succeeded": "green",
    "failed": "red",
    "running": "cyan",
    "waiting": "cyan",
    "skipped": "dim",
    "pending": "dim",
    "queued": "dim",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "interrupted": "yellow",
    "lost": "red",
    "blocked": "yellow",
    "connecting": "cyan",
    "reconnecting": "yellow",
}
BUSY = frozenset({"running", "connecting", "reconnecting", "cancelling"})


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs, each one cell wide."""

    signs: Mapping[str, str]
    frames: str
    rail: str
    bar_full: str
    bar_empty: str

    def of(self, state: str, frame: int) -> str:
        """The sign of a state; what works turns with `frame`."""
        if state in BUSY:
            return self.frames[frame % len(self.frames)]
        return self.signs.get(state, self.signs["pending"])


UNICODE = Glyphs(
    signs={
        "succeeded": "✓",
        "failed": "✗",
        "skipped": "↷",
        "pending": "○",
        "queued": "○",
        "waiting": "◌",
        "cancelled": "⊘",
        "interrupted": "!",
        "lost": "?",
        "blocked": "!",
    },
    frames="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    rail="│",
    bar_full="━",
    bar_empty="─",
)

ASCII = Glyphs(
    signs={
        "succeeded": "+",
        "failed": "x",
        "skipped": ">",
        "pending": ".",
        "queued": ".",
        "waiting": "~",
        "cancelled": "/",
        "interrupted": "!",
        "lost": "?",
        "blocked": "!",
    },
    frames="|/-\\",
    rail="|",
    bar_full="#",
    bar_empty="-",
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """The nice ones where the terminal can write them all."""
    try:
        ("".join(UNICODE.signs.values()) + UNICODE.frames + UNICODE.rail + UNICODE.bar_full).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
