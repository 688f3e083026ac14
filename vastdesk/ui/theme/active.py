"""Which palette is on. Painting code asks at paint time, so that a switch needs no subscriber."""

from __future__ import annotations

from vastdesk.ui.theme.tokens import LIGHT, Tokens

_active = LIGHT


def tokens() -> Tokens:
    """The colours in use now."""
    return _active


def use(chosen: Tokens) -> None:
    """Only `Theme` calls this."""
    global _active
    _active = chosen
