"""What a mistyped name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean test_ssh?)`, or nothing when no known name is close."""
    names = list(known)
    by_folded = {name.casefold(): name for name in names}
    close = get_close_matches(word[:100].casefold(), list(by_folded), n=1, cutoff=0.6)
    return f" (did you mean {by_folded[close[0]]}?)" if close else ""
