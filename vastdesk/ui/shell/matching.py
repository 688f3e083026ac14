"""How well a text fits what somebody types in a hurry: the letters in their order, better at the beginning of words."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Without case and accents, so that `a` finds `Ä`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def fit(typed: str, text: str) -> int | None:
    """None when it does not fit; else the more the better. Each word typed must fit somewhere. Both `folded`."""
    total = 0
    for word in typed.split():
        found = _fit_word(word, text)
        if found is None:
            return None
        total += found
    return total


def _fit_word(word: str, text: str) -> int | None:
    at = text.find(word)
    if at >= 0:
        begins_word = at == 0 or not text[at - 1].isalnum()
        return 1000 * len(word) + (500 if begins_word else 0) - min(at, 100)
    score, place = 0, -1
    for char in word:
        found = text.find(char, place + 1)
        if found < 0:
            return None
        begins_word = found == 0 or not text[found - 1].isalnum()
        score += 20 if begins_word else 10 if found == place + 1 else 1
        place = found
    return score if len(word) == 1 or score >= 8 * len(word) else None  # letters strewn about are no match
