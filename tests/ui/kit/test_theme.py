"""Colours one can read, icons in their colour, type and distances that follow the font."""

from __future__ import annotations

import gc
from dataclasses import fields

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPalette
from PySide6.QtWidgets import QLabel, QPushButton

from vastdesk.ui.kit import KNOWN_STATES, state_look
from vastdesk.ui.theme import (
    DARK,
    LIGHT,
    app_icon,
    contrast,
    font,
    icon,
    icon_names,
    icons,
    mix,
    set_font,
    space,
    tokens,
)
from vastdesk.ui.theme.icons import icons_folder, tinted
from vastdesk.ui.theme.palette import palette_of
from vastdesk.ui.theme.sheet import style_sheet

GROUNDS = ("window", "surface", "raised", "sunken", "selected")
TEXTS = (
    "text", "muted", "accent_text", "succeeded", "failed", "running", "waiting", "blocked", "pending", "cancelled",
    "lost", "interrupted", "skipped", "reconnecting",
)  # fmt: skip
FILLS = ("accent", "accent_hover", "accent_pressed", "danger", "danger_hover", "danger_pressed")
both = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


@both
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_can_be_read_on_every_ground(palette, text, ground):
    assert contrast(getattr(palette, text), getattr(palette, ground)) >= 4.5


@both
@pytest.mark.parametrize("text", TEXTS)
def test_states_can_be_read_on_their_badges_and_banners(palette, text):
    for amount in (0.08, 0.12):
        assert contrast(getattr(palette, text), mix(palette.surface, getattr(palette, text), amount)) >= 4.5
        assert contrast(palette.text, mix(palette.surface, getattr(palette, text), amount)) >= 4.5


@both
@pytest.mark.parametrize("fill", FILLS)
def test_words_on_filled_buttons_can_be_read(palette, fill):
    assert contrast(palette.on_accent, getattr(palette, fill)) >= 4.5


def test_contrast_is_what_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@both
def test_the_palette_leaves_nothing_of_the_desktops_own(palette):
    made = palette_of(palette)
    assert made.color(QPalette.ColorRole.Window) == QColor(palette.window)
    assert made.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text) == QColor(palette.disabled)
    assert made.color(QPalette.ColorRole.PlaceholderText) == QColor(palette.muted)


@both
def test_the_style_sheet_has_no_colour_of_its_own(theme, palette):
    used = {word.strip(";,)") for word in style_sheet(palette).split() if word.startswith("#")}
    known = {getattr(palette, field.name) for field in fields(palette)}
    assert len(used - known) <= 7, "three banners with ground and line, and the scroll bar's handle are mixed"
    assert "$" not in style_sheet(palette)


def test_a_switch_is_live_and_told(theme, qapp, qtbot):
    with qtbot.waitSignal(theme.changed):
        theme.set_mode("dark")
    assert theme.mode == "dark"
    assert tokens() is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    theme.set_mode("light")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT.window)


def test_the_system_is_followed_only_when_asked_to(theme, qapp, monkeypatch):
    wish = Qt.ColorScheme.Dark
    monkeypatch.setattr(type(qapp.styleHints()), "colorScheme", lambda hints: wish)
    theme.set_mode("light")
    theme._on_scheme_changed(wish)
    assert tokens() is LIGHT
    theme.set_mode("system")
    assert tokens() is DARK
    wish = Qt.ColorScheme.Unknown  # a desktop without a wish
    theme._on_scheme_changed(wish)
    assert tokens() is LIGHT


def test_there_is_an_icon_for_every_file_and_state(theme):
    assert len(icon_names()) >= 45
    for state in KNOWN_STATES:
        assert state_look(state).icon in icon_names()
    with pytest.raises(KeyError):
        icon("no-such-icon")
    assert not app_icon().pixmap(64).isNull()


@pytest.mark.parametrize("name", [path.stem for path in icons_folder().glob("*.svg") if path.stem != "app"])
def test_an_icon_is_drawn_in_one_colour_on_one_grid(theme, name):
    text = (icons_folder() / f"{name}.svg").read_text("utf-8")
    assert 'viewBox="0 0 24 24"' in text
    assert text.count("#") == 1, "one colour; the tint comes when it is painted"
    picture = tinted(name, "#ff0000", QSize(32, 32), 1.0).toImage()
    painted = [picture.pixelColor(x, y) for x in range(32) for y in range(32) if picture.pixelColor(x, y).alpha() > 200]
    assert painted or name == "running", "nothing was drawn"
    assert all(colour.red() > 250 and colour.green() < 5 and colour.blue() < 5 for colour in painted)
    edge = [picture.pixelColor(x, y).alpha() for x in range(32) for y in (0, 31)]
    assert max(edge) == 0, "it is cut off"


def darkest(picture) -> QColor:
    image = picture.toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda colour: colour.alpha())


def test_an_icon_set_once_follows_theme_mode_and_scale(theme):
    chosen = icon("stop", "failed")
    size = QSize(24, 24)
    assert darkest(chosen.pixmap(size)).name() == LIGHT.failed
    assert darkest(chosen.pixmap(size, QIcon.Mode.Disabled)).name() == LIGHT.disabled
    theme.set_mode("dark")
    assert darkest(chosen.pixmap(size)).name() == DARK.failed
    sharp = chosen.pixmap(size, 2.0)
    assert sharp.size() == QSize(48, 48)
    assert sharp.devicePixelRatio() == 2.0


def test_a_tinted_icon_is_made_once(theme):
    assert tinted("run", "#00ff00", QSize(16, 16), 1.0) is tinted("run", "#00ff00", QSize(16, 16), 1.0)


def test_icons_survive_copies_and_their_owner(theme, qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    kept = []
    for _ in range(300):
        original = icon("run")
        changed = QIcon(original)
        changed.setIsMask(True)  # no longer shared: Qt makes a copy of the engine
        kept.append(changed)
        button.setIcon(changed)
    del changed, original
    gc.collect()
    assert all(not one.pixmap(QSize(16, 16)).isNull() for one in kept)
    kept.clear()
    gc.collect()
    for _ in range(300):
        original = icon("run")
        QIcon(original).setIsMask(True)
    assert len(icons._copies) <= 200, "copies are let go"
    button.resize(100, 40)
    assert not button.grab().isNull()


def test_distances_and_type_grow_with_the_font(theme, qapp, qtbot):
    label = QLabel("Title")
    qtbot.addWidget(label)
    set_font(label, "title")
    small, unit, before = label.font().pointSizeF(), space(1), qapp.font()
    large = QFont(before)
    large.setPointSize(20)
    try:
        qapp.setFont(large)
        assert space(1) >= unit * 1.8
        assert label.font().pointSizeF() == pytest.approx(small * 2)
        assert font("caption").pointSizeF() < font("body").pointSizeF() < font("headline").pointSizeF()
        large.setPixelSize(30)
        qapp.setFont(large)
        assert font("title").pixelSize() == 36
    finally:
        qapp.setFont(before)
    assert font("mono").families() == ["DejaVu Sans Mono"]
