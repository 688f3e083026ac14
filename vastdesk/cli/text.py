"""Texts on a terminal: harmless, aligned, never wider than they have to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vastdesk.domain.sentences import display_text

MAX_TEXT = 1000


def clean(value: Any) -> str:
    """Somebody else's text on one line, without what could steer the terminal."""
    return display_text(str(value), MAX_TEXT)


def local_time(ts: float | None) -> str:
    """`2025-06-26 10:20` on this computer's clock, `–` when there is none."""
    return "–" if ts is None else datetime.fromtimestamp(ts).strftime("%Y-%m-%d %H:%M")


def short_id(run_id: str, others: Sequence[str] = ()) -> str:
    """The shortest beginning (13 characters at least: the time part of our ids) that no other id shares."""
    length = 13
    while length < len(run_id) and any(other != run_id and other.startswith(run_id[:length]) for other in others):
        length += 1
    return run_id[:length]


def columns(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table as text: columns two blanks apart, the last one as long as it is. Wide characters count as two cells."""
    from rich.cells import cell_len

    cells = [list(header), *([clean(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(row[index]) for row in cells) for index in range(len(header))]
    lines = []
    for row in cells:
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def facts(pairs: Sequence[tuple[str, Any]]) -> str:
    """`name   value` lines, the values aligned; pairs without a value are left out."""
    shown = [(name, clean(value)) for name, value in pairs if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown)
