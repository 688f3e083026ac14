"""The whole kit at once: how it looks, how it is reached, what a screen reader hears.

After a wanted change of the look: `RENEW_PICTURES=1 pytest tests/ui/kit/test_gallery.py`, then look at the
pictures before they are committed.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QWidget,
)

from vastdesk.ui.kit.gallery import SIZE, Gallery, example_dialog
from vastdesk.ui.theme import set_motion

PICTURES = Path(__file__).parent / "pictures"
ROOT = Path(__file__).parents[3]
INTERACTIVE = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QProgressBar)


@pytest.fixture
def gallery(theme, qtbot) -> Gallery:
    set_motion(True)
    made = Gallery()
    qtbot.addWidget(made)
    made.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    made.resize(SIZE)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: "Downloading 42%" in made.log.edit.toPlainText())
    yield made
    made.undo.expire()


def compare(picture: QImage, name: str, tmp_path: Path) -> None:
    """Every pixel, with the picture that was looked at and found good."""
    golden = PICTURES / f"{name}.png"
    picture = picture.convertToFormat(QImage.Format.Format_RGB32)
    if os.environ.get("RENEW_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        picture.save(str(golden))
        return
    wanted = QImage(str(golden)).convertToFormat(QImage.Format.Format_RGB32)
    if picture == wanted:
        return
    found = tmp_path / f"{name}.png"
    picture.save(str(found))
    assert picture.size() == wanted.size(), found
    width, height = picture.width(), picture.height()
    wrong = [(x, y) for y in range(height) for x in range(width) if picture.pixel(x, y) != wanted.pixel(x, y)]
    pytest.fail(f"{len(wrong)} pixels differ from {golden.name}, the first at {wrong[0]}: see {found}")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_it_looks_as_it_did(theme, qtbot, gallery, tmp_path, mode):
    theme.set_mode(mode)
    assert gallery.devicePixelRatio() == 1
    if QApplication.focusWidget() is not None:
        QApplication.focusWidget().clearFocus()
    compare(gallery.grab().toImage(), f"gallery-{mode}", tmp_path)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_dialog_looks_as_it_did(theme, qtbot, tmp_path, mode):
    theme.set_mode(mode)
    dialog = example_dialog()
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    with qtbot.waitExposed(dialog):
        dialog.show()
    if dialog.focusWidget() is not None:
        dialog.focusWidget().clearFocus()
    compare(dialog.grab().toImage(), f"dialog-{mode}", tmp_path)


def test_everything_one_can_use_has_a_name(gallery):
    nameless = []
    for widget in gallery.findChildren(QWidget):
        if isinstance(widget, INTERACTIVE) and widget.isVisible() and not widget.objectName().startswith("qt_"):
            name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
            if not name.strip():
                nameless.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    assert nameless == []


def test_every_button_can_be_reached_with_the_tab_key(gallery):
    for button in gallery.findChildren(QAbstractButton):
        if button.isVisible() and button.toolTip() not in gallery_icons(gallery):
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus, button.accessibleName() or button.text()


def gallery_icons(gallery: Gallery) -> set[str]:
    """Those that only show the icons."""
    return {
        button.toolTip()
        for button in gallery.findChildren(QAbstractButton)
        if button.focusPolicy() == Qt.FocusPolicy.NoFocus
    }


def test_the_tab_key_gets_round_and_is_never_caught(qtbot, gallery):
    with qtbot.waitActive(gallery):
        gallery.activateWindow()
    gallery.search.setFocus()
    seen: list[QWidget] = []
    for _ in range(200):
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in seen:
            break
        seen.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is gallery.search, "it came back"
    assert len(seen) > 30
    assert not [widget for widget in seen if type(widget) is QAbstractScrollArea]


def test_no_timer_of_the_kit_runs_while_nothing_moves(qtbot, gallery):
    from PySide6.QtCore import QTimer

    gallery.undo.expire()
    gallery.hide()
    running = [timer for timer in gallery.findChildren(QTimer) if timer.isActive()]
    assert running == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_it_fits_a_font_twice_as_large(theme, qtbot, qapp, mode):
    theme.set_mode(mode)
    before, large = qapp.font(), qapp.font()
    large.setPointSize(20)
    qapp.setFont(large)
    try:
        made = Gallery()
        qtbot.addWidget(made)
        with qtbot.waitExposed(made):
            made.show()
        assert not made.grab().isNull()
        made.undo.expire()
        made.hide()
    finally:
        qapp.setFont(before)


# The rules of this room


def sources() -> list[Path]:
    rooms = (ROOT / "vastdesk" / "ui" / "kit", ROOT / "vastdesk" / "ui" / "theme")
    return sorted(path for room in rooms for path in room.rglob("*.py"))


def test_nobody_waits_inside_the_loop():
    """`QMessageBox.question` and its like run a loop of their own; tasks that wake up during it are lost."""
    forbidden = {"question", "warning", "critical", "getOpenFileName", "getSaveFileName", "getText", "getItem"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in forbidden, f"{path.name}:{node.lineno}"


def test_nobody_writes_a_colour_but_the_tokens():
    for path in sources():
        if path.name != "tokens.py":
            strings = [
                node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
            ]
            hexes = [text for text in strings if isinstance(text, str) and text.startswith("#") and len(text) in (4, 7)]
            assert hexes == [], path.name


def test_what_is_translated_has_placeholders_and_no_f_strings():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tr":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"
