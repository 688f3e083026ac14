"""Durations as people write them: `45m`, `1h30m`, `90s`, `250ms`, or a number of seconds."""

from __future__ import annotations

import math
import re

_DECIMAL = r"(\d{1,9}(?:\.\d{1,9})?)"
_PARTS = re.compile(rf"(?:{_DECIMAL}h)?(?:{_DECIMAL}m)?(?:{_DECIMAL}s)?(?:{_DECIMAL}ms)?")
_NUMBER = re.compile(_DECIMAL)
_SECONDS = (3600.0, 60.0, 1.0, 0.001)

HOW = "a number of seconds, or like 90s, 45m, 1h30m"


def parse_duration(value: object) -> float:
    """Seconds ≥ 0. Raises ValueError with a sentence."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value) and 0 <= value <= 1e9:
            return float(value)
    elif isinstance(value, str):
        text = value.strip().lower().replace(" ", "")
        if _NUMBER.fullmatch(text):
            return float(text)
        match = _PARTS.fullmatch(text)
        if text and match:
            return sum(float(part) * factor for part, factor in zip(match.groups(), _SECONDS, strict=True) if part)
    raise ValueError(f"is {HOW}")


def write_duration(seconds: float) -> str | int | float:
    """The shortest form that `parse_duration` reads back: `45m`, `1h`, or the plain number."""
    for suffix, factor in (("h", 3600), ("m", 60)):
        if seconds and seconds % factor == 0:
            return f"{int(seconds // factor)}{suffix}"
    return int(seconds) if seconds == int(seconds) else seconds
