"""Type and distances. All grow with the application's font, so that a person's font size is respected everywhere."""

from __future__ import annotations

from typing import Literal

from PySide6.QtGui import QFont, QFontDatabase, QFontMetrics
from PySide6.QtWidgets import QApplication, QWidget

FontRole = Literal["caption", "body", "strong", "title", "headline", "mono"]

_ROLE = "vastdeskFontRole"
_SIZES: dict[str, float] = {"caption": 0.9, "title": 1.2, "headline": 1.6}
_HEAVY = ("strong", "title", "headline")


def space(count: float) -> int:
    """`count` units in pixels. One unit is a quarter of a line of text: 4 px at the usual size."""
    return round(count * max(3, round(QFontMetrics(QApplication.font()).height() / 4)))


def radius() -> int:
    """The rounding of controls and cards."""
    return space(1.25)


def icon_size(units: float = 4) -> int:
    """The side of an icon: as high as a line of text by default."""
    return space(units)


def font(role: FontRole) -> QFont:
    """A step of the type scale, from the application's font; `mono` from the system's fixed one."""
    base = QApplication.font()
    chosen = QFont(base)
    if role == "mono":
        chosen.setFamilies(fixed_families())
        chosen.setFixedPitch(True)
    factor = _SIZES.get(role, 1.0)
    if base.pointSizeF() > 0:
        chosen.setPointSizeF(base.pointSizeF() * factor)
    else:  # somebody set pixels
        chosen.setPixelSize(round(base.pixelSize() * factor))
    if role in _HEAVY:
        chosen.setWeight(QFont.Weight.DemiBold)
    return chosen


def fixed_families() -> list[str]:
    """The fonts of the system whose characters are all equally wide."""
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families()


def set_font(widget: QWidget, role: FontRole) -> None:
    """Gives a widget a step of the scale, and keeps it there when the application's font changes."""
    widget.setProperty(_ROLE, role)
    widget.setFont(font(role))


def renew_fonts() -> None:
    """After the application's font has changed."""
    for widget in QApplication.allWidgets():
        role = widget.property(_ROLE)
        if role is not None:
            widget.setFont(font(role))
