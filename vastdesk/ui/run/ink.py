"""Fonts, their metrics and the unit of distance, asked for once: a timeline would ask ten thousand times a second."""

from __future__ import annotations

from PySide6.QtGui import QFont, QFontMetrics

from vastdesk.ui.theme import FontRole, font, space

_ROLES: tuple[FontRole, ...] = ("caption", "body", "strong")


class Ink:
    """As they are now; make a new one when the application's font changes."""

    def __init__(self) -> None:
        self._unit = space(1)
        self.fonts: dict[FontRole, QFont] = {role: font(role) for role in _ROLES}
        self.metrics: dict[FontRole, QFontMetrics] = {role: QFontMetrics(self.fonts[role]) for role in _ROLES}

    def space(self, units: float) -> int:
        """As the theme's, to the pixel."""
        return round(units * self._unit)
