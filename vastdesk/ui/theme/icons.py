"""The icons: one set of single-colour drawings in `resources/icons`, tinted when they are painted.

Because the tint is chosen at paint time, an icon set once is right in light and dark, enabled and disabled, at every
scale.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from shiboken6 import isValid

from vastdesk.ui.theme.active import tokens
from vastdesk.ui.theme.tokens import ColourName

_CACHE_LIMIT = 1000
_COPIES_LIMIT = 100
_pixmaps: dict[tuple[str, str, int, int, float], QPixmap] = {}
_copies: list[TintedIcon] = []


@cache
def icons_folder() -> Path:
    """Beside the package in the wheel and in the frozen app, at the top of a checkout."""
    package = Path(__file__).resolve().parents[2]
    packed = package / "_resources"
    return (packed if packed.is_dir() else package.parent / "resources") / "icons"


@cache
def icon_names() -> tuple[str, ...]:
    """All names that `icon` takes."""
    return tuple(sorted(path.stem for path in icons_folder().glob("*.svg") if path.stem != "app"))


def icon(name: str, colour: ColourName = "text") -> QIcon:
    """An icon in a colour of the theme. An unknown name is a mistake of ours: KeyError."""
    if name not in icon_names():
        raise KeyError(name)
    return QIcon(TintedIcon(name, colour))


def app_icon() -> QIcon:
    """The application's own picture, in its own colours."""
    return QIcon(str(icons_folder() / "app.svg"))


class TintedIcon(QIconEngine):
    """Paints one drawing in the colour a token has at that moment."""

    def __init__(self, name: str, colour: ColourName) -> None:
        super().__init__()
        self._name = name
        self._colour = colour

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        dpr = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect, tinted(self._name, self._shade(mode), rect.size() * dpr, dpr))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return tinted(self._name, self._shade(mode), size, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return tinted(self._name, self._shade(mode), size * scale, scale)  # `size` is without the scale since Qt 6.8

    def clone(self) -> QIconEngine:
        copy = TintedIcon(self._name, self._colour)
        _hold(copy)
        return copy

    def iconName(self) -> str:
        return self._name

    def _shade(self, mode: QIcon.Mode) -> str:
        return str(getattr(tokens(), "disabled" if mode == QIcon.Mode.Disabled else self._colour))


def _hold(copy: TintedIcon) -> None:
    """PySide6 leaves a virtual method's result to Python, which would free it under the icon that uses it. So it is
    held until Qt has deleted it; `clone` is called when a shared icon is changed, which is rare."""
    if len(_copies) >= _COPIES_LIMIT:
        _copies[:] = [held for held in _copies if isValid(held)]
    _copies.append(copy)


def tinted(name: str, shade: str, size: QSize, dpr: float) -> QPixmap:
    """A drawing in one colour, `size` in device pixels; made once per colour, size and scale."""
    key = (name, shade, size.width(), size.height(), dpr)
    found = _pixmaps.get(key)
    if found is not None:
        return found
    if len(_pixmaps) >= _CACHE_LIMIT:
        _pixmaps.clear()
    picture = QPixmap(size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    side = min(size.width(), size.height())
    _drawing(name).render(painter, QRectF((size.width() - side) / 2, (size.height() - side) / 2, side, side))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(picture.rect(), QColor(shade))
    painter.end()
    picture.setDevicePixelRatio(dpr)
    _pixmaps[key] = picture
    return picture


@cache
def _drawing(name: str) -> QSvgRenderer:
    return QSvgRenderer(str(icons_folder() / f"{name}.svg"))
