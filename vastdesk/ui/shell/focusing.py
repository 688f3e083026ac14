"""Where the keyboard goes."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def focus_first_filter(places: Iterable[QWidget]) -> None:
    """The first search field that is seen, in the order of the places; what is in it is selected, to be typed over."""
    from vastdesk.ui.kit.search import SearchField

    for place in places:
        field = next((field for field in place.findChildren(SearchField) if field.isVisible()), None)
        if field is not None:
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)
            field.selectAll()
            return
