"""From what tools print to lines one can read: pure text, no Qt."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LINE = 4096
"""Characters of a line that are shown. Laying out one line of 1 MB takes Qt seconds."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?"  # OSC and other strings: titles, links
    r"|[ -/]*[0-~])?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_HARMFUL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_line(line: str) -> str:
    """One line as a terminal would leave it: escapes removed, the last of what `\\r` overwrote, no control or bidi
    characters, at most `MAX_LINE` characters and how many are missing. Spaces and tabs stay."""
    if len(line) <= MAX_LINE and line.isascii() and line.isprintable():
        return line
    cut = _ESCAPES.sub("", line[: MAX_LINE * 16])
    shown = _SURROGATES.sub("\ufffd", _HARMFUL.sub("", _overwritten(cut) if "\r" in cut else cut))
    missing = len(shown) - MAX_LINE + max(0, len(line) - MAX_LINE * 16)
    return shown if missing <= 0 else f"{shown[:MAX_LINE]} … (+{missing:,})"


def _overwritten(line: str) -> str:
    """The last piece that says something: `10%\\r20%\\r` ends as 20%."""
    return next((piece for piece in reversed(line.split("\r")) if piece.strip()), "")


class LineMaker:
    """Chunks in, lines out. `open_line` is the one that has no end yet: a progress bar that overwrites itself."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, chunk: str) -> list[str]:
        """The lines that ended in this chunk, cleaned."""
        *ended, rest = (self._rest + chunk).split("\n")
        self._rest = _bounded(rest)
        return clean_lines(ended)

    @property
    def open_line(self) -> str:
        return clean_line(self._rest)

    def close(self) -> list[str]:
        """The open line, as the last one."""
        rest, self._rest = self._rest, ""
        return [clean_line(rest)] if rest else []


def clean_lines(lines: Iterable[str]) -> list[str]:
    """Lines without their ends."""
    return [clean_line(line) for line in lines]


def _bounded(rest: str) -> str:
    """A bar that never ends its line does not grow for ever: what it overwrote goes, and so does a line beyond any
    use."""
    if len(rest) <= MAX_LINE:
        return rest
    before, _, last = rest.rstrip("\r").rpartition("\r")
    kept = last if before else rest
    return kept[: MAX_LINE * 16] + ("\r" if rest.endswith("\r") and before else "")
