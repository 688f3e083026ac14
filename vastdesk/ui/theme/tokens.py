"""The colours by their meaning, once for light and once for dark. Nobody else writes a colour.

A test holds every text colour at a contrast of 4.5 : 1 or more on every ground it may stand on (WCAG 2.1, 1.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QColor

ColourName = Literal[
    "window", "surface", "raised", "sunken", "selected", "border", "border_strong", "text", "muted", "disabled",
    "accent", "accent_hover", "accent_pressed", "accent_text", "on_accent", "danger", "danger_hover", "danger_pressed",
    "succeeded", "failed", "running", "waiting", "blocked", "pending", "cancelled", "lost", "interrupted", "skipped",
    "reconnecting",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tokens:
    """One palette, as `#rrggbb`.

    Grounds: `window` (rail, toolbars), `surface` (content), `raised` (hover, chips), `sunken` (logs), `selected` (the
    chosen row). Texts: `text`, `muted`, `disabled`, `accent_text` (links). `accent` and `danger` are fills under
    `on_accent`. The rest are states.
    """

    is_dark: bool
    window: str
    surface: str
    raised: str
    sunken: str
    selected: str
    border: str
    border_strong: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hover: str
    accent_pressed: str
    accent_text: str
    on_accent: str
    danger: str
    danger_hover: str
    danger_pressed: str
    succeeded: str
    failed: str
    running: str
    waiting: str
    blocked: str
    pending: str
    cancelled: str
    lost: str
    interrupted: str
    skipped: str
    reconnecting: str

    def colour(self, name: ColourName) -> QColor:
        """A colour as Qt paints it."""
        return QColor(str(getattr(self, name)))

    def tint(self, name: ColourName, ground: ColourName = "surface", amount: float = 0.12) -> QColor:
        """A breath of a colour on a ground: what badges and banners lie on."""
        return QColor(mix(str(getattr(self, ground)), str(getattr(self, name)), amount))


LIGHT = Tokens(
    is_dark=False,
    window="#f4f5f7",
    surface="#ffffff",
    raised="#eceef2",
    sunken="#f9fafb",
    selected="#e2eafb",
    border="#dcdfe5",
    border_strong="#b4bac4",
    text="#1b2028",
    muted="#565e6a",
    disabled="#979fab",
    accent="#2e63d4",
    accent_hover="#2757be",
    accent_pressed="#214ba6",
    accent_text="#2456bd",
    on_accent="#ffffff",
    danger="#c2332b",
    danger_hover="#ab2a23",
    danger_pressed="#93211b",
    succeeded="#166c31",
    failed="#b92720",
    running="#2456bd",
    waiting="#7d5200",
    blocked="#9a4600",
    pending="#565e6a",
    cancelled="#565e6a",
    lost="#8530a5",
    interrupted="#94480f",
    skipped="#5a626e",
    reconnecting="#0a6577",
)

DARK = Tokens(
    is_dark=True,
    window="#14171c",
    surface="#1b1f26",
    raised="#272c35",
    sunken="#101317",
    selected="#24324f",
    border="#2c323c",
    border_strong="#48505d",
    text="#e5e8ed",
    muted="#a3abb7",
    disabled="#69717d",
    accent="#376bdb",
    accent_hover="#3c6fdd",
    accent_pressed="#2c5ac0",
    accent_text="#86adff",
    on_accent="#ffffff",
    danger="#c93b33",
    danger_hover="#cf473f",
    danger_pressed="#b1302a",
    succeeded="#56c87a",
    failed="#ff8a80",
    running="#86adff",
    waiting="#e3b54c",
    blocked="#ffab66",
    pending="#a3abb7",
    cancelled="#a3abb7",
    lost="#d5aaff",
    interrupted="#f2a67c",
    skipped="#a3abb7",
    reconnecting="#5bcbdc",
)


def mix(ground: str, colour: str, amount: float) -> str:
    """`ground` with `amount` (0–1) of `colour` in it."""
    pairs = zip(_channels(ground), _channels(colour), strict=True)
    return "#" + "".join(f"{round(low + (high - low) * amount):02x}" for low, high in pairs)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours as WCAG 2.1 defines it: 1 (none) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    shares = [channel / 255 for channel in _channels(colour)]
    red, green, blue = (share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
