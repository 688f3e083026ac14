"""Text from machines is data. Qt guesses that some texts are HTML and that `&` marks a key; here nothing is guessed."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.theme import FontRole, set_font

MAX_BUTTON = 80
MAX_LABEL = 1000
"""Characters of a text in a label; nobody reads more, and laying out 10 kB at every repaint is felt."""


def plain_tooltip(text: str) -> str:
    """A tooltip that shows `text` as it is, and wraps it. Qt reads a tooltip as HTML whenever it looks like it."""
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if text else ""


def unmarked(text: str) -> str:
    """`text` for a button, an action or a tab: harmless, and with `&` shown as `&`."""
    return display_text(text, MAX_BUTTON).replace("&", "&&")


_BREAK = "\u200b"
_UNBROKEN = re.compile(r"\S{40}(?=\S)")
_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse
_READ_ONLY = Qt.TextInteractionFlag.NoTextInteraction


class TextLabel(QLabel):
    """A label for running text: plain, wrapped where it is too long, selectable with the mouse. `muted` for what stands
    back, `problem` for what is wrong. Words without end are broken, so that they do not widen the page."""

    def __init__(self, text: str = "", role: FontRole = "body", *, kind: str = "", parent: QWidget | None = None):
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        if kind:
            self.setProperty("kind", kind)
        if role != "body":
            set_font(self, role)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Line breaks are kept; everything else that is not text is taken out."""
        lines = text[: MAX_LABEL * 4].splitlines()[:50]
        whole = "\n".join(display_text(line, MAX_LABEL) for line in lines)
        shown = _UNBROKEN.sub(rf"\g<0>{_BREAK}", whole)
        # Nobody shall copy an address with invisible characters in it.
        self.setTextInteractionFlags(_READ_ONLY if shown != whole else _SELECTABLE)
        super().setText(shown)
