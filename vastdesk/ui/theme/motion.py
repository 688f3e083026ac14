"""Whether things may move. The system's wish is followed until a setting says otherwise."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QStyle

_chosen: bool | None = None


def set_motion(reduced: bool | None) -> None:
    """True: nothing moves; False: all does; None: as the system says."""
    global _chosen
    _chosen = reduced


def is_motion_reduced() -> bool:
    """Qt tells "no animations" of the desktop as a duration of 0."""
    if _chosen is not None:
        return _chosen
    return QApplication.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) <= 0
