"""What every state looks like: a word, an icon and a colour, never a colour alone."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from vastdesk.domain.sentences import display_text
from vastdesk.ui.theme import ColourName


class StateLook(NamedTuple):
    """`word` is translated; `icon` and `colour` are names of the theme."""

    word: str
    icon: str
    colour: ColourName


_LOOKS: dict[str, tuple[object, str, ColourName]] = {
    "pending": (QT_TRANSLATE_NOOP("State", "Pending"), "pending", "pending"),
    "queued": (QT_TRANSLATE_NOOP("State", "Queued"), "queue", "pending"),
    "connecting": (QT_TRANSLATE_NOOP("State", "Connecting"), "connecting", "running"),
    "running": (QT_TRANSLATE_NOOP("State", "Running"), "running", "running"),
    "waiting": (QT_TRANSLATE_NOOP("State", "Waiting"), "waiting", "waiting"),
    "blocked": (QT_TRANSLATE_NOOP("State", "Needs you"), "blocked", "blocked"),
    "reconnecting": (QT_TRANSLATE_NOOP("State", "Reconnecting"), "reconnecting", "reconnecting"),
    "cancelling": (QT_TRANSLATE_NOOP("State", "Cancelling"), "cancelled", "waiting"),
    "succeeded": (QT_TRANSLATE_NOOP("State", "Succeeded"), "succeeded", "succeeded"),
    "failed": (QT_TRANSLATE_NOOP("State", "Failed"), "failed", "failed"),
    "skipped": (QT_TRANSLATE_NOOP("State", "Skipped"), "skipped", "skipped"),
    "cancelled": (QT_TRANSLATE_NOOP("State", "Cancelled"), "cancelled", "cancelled"),
    "interrupted": (QT_TRANSLATE_NOOP("State", "Interrupted"), "interrupted", "interrupted"),
    "lost": (QT_TRANSLATE_NOOP("State", "Lost"), "lost", "lost"),
}

KNOWN_STATES = tuple(_LOOKS)


def state_look(state: str) -> StateLook:
    """The look of a state of a run, a step or a task. One that a newer machine invented is shown by its own name."""
    known = _LOOKS.get(state)
    if known is None:
        return StateLook(display_text(state, 30) or "–", "lost", "pending")
    word, icon, colour = known
    return StateLook(QCoreApplication.translate("State", str(word)), icon, colour)
