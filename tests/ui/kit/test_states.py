"""States and progress: a word, an icon and a colour; what moves, and when."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QAccessible, QPainter, QPixmap
from PySide6.QtWidgets import QVBoxLayout, QWidget

from tests.ui.kit.helpers import shown
from vastdesk.domain.events import RUN_STATES, TASK_STATES
from vastdesk.ui.kit import KNOWN_STATES, ProgressRing, StateBadge, badge_size, paint_badge, state_look
from vastdesk.ui.theme import set_motion

pytestmark = pytest.mark.usefixtures("theme")


# States


def test_every_state_has_a_look_of_its_own():
    assert set(KNOWN_STATES) >= RUN_STATES | TASK_STATES
    looks = [state_look(state) for state in KNOWN_STATES]
    assert len({look.word for look in looks}) == len(looks)


def test_a_state_of_a_newer_machine_is_shown_by_its_name():
    assert state_look("hibernating").word == "hibernating"
    assert "\x1b" not in state_look("\x1b[31m" + "x" * 500).word
    assert len(state_look("x" * 500).word) <= 30
    assert state_look("").word == "–"


def test_a_badge_says_its_word(qtbot):
    badge = shown(qtbot, StateBadge("failed"))
    assert badge.text() == "Failed"
    assert QAccessible.queryAccessibleInterface(badge).text(QAccessible.Text.Name) == "Failed"
    width = badge.sizeHint().width()
    badge.set_state("reconnecting")
    assert (badge.text(), badge.state) == ("Reconnecting", "reconnecting")
    assert badge.sizeHint().width() > width


def test_a_badge_fits_into_too_little_room():
    picture = QPixmap(400, 40)
    picture.fill(Qt.GlobalColor.white)
    painter = QPainter(picture)
    paint_badge(painter, QRect(0, 0, 60, 40), state_look("reconnecting"))
    painter.end()
    image = picture.toImage()
    assert badge_size(state_look("reconnecting")).width() > 60
    assert all(image.pixelColor(x, y) == Qt.GlobalColor.white for x in range(62, 400) for y in range(40))


# Rings and motion


def test_a_ring_is_a_progress_bar_to_a_screen_reader(qtbot):
    ring = shown(qtbot, ProgressRing("Progress of box-1", 14))
    ring.set_percent(42.9)
    ring.set_state("running")
    reader = QAccessible.queryAccessibleInterface(ring)
    assert reader.role() == QAccessible.Role.ProgressBar
    assert reader.text(QAccessible.Text.Name) == "Progress of box-1"
    assert reader.valueInterface().currentValue() == 42
    assert ring.accessibleDescription() == "Running"
    assert ring.height() == ring.width() == ring.sizeHint().width()


@pytest.mark.parametrize("odd", [-5.0, 150.0, float("nan"), float("inf"), None])
def test_a_ring_takes_any_number(qtbot, odd):
    ring = shown(qtbot, ProgressRing("Progress", 14))
    ring.set_percent(odd)
    assert not ring.grab().isNull()
    ring.set_percent(100)
    assert ring.value() == 100


def test_a_ring_moves_only_when_it_may(qtbot):
    set_motion(False)
    box, ring = QWidget(), ProgressRing("Progress")
    QVBoxLayout(box).addWidget(ring)
    qtbot.addWidget(box)
    ring.set_percent(None)
    assert not ring.is_moving, "nobody sees it yet"
    with qtbot.waitActive(box):
        box.show()
        box.activateWindow()
    qtbot.waitUntil(lambda: ring.is_moving)
    ring.hide()
    assert not ring.is_moving
    ring.show()
    assert ring.is_moving
    ring.set_percent(3)
    assert not ring.is_moving, "a number does not move by itself"


def test_a_ring_stands_still_in_a_window_one_does_not_work_in(qtbot):
    set_motion(False)
    ring, other = ProgressRing("Progress"), QWidget()
    qtbot.addWidget(ring)
    qtbot.addWidget(other)
    ring.set_percent(None)
    with qtbot.waitActive(ring):
        ring.show()
        ring.activateWindow()
    qtbot.waitUntil(lambda: ring.is_moving)
    with qtbot.waitActive(other):
        other.show()
        other.activateWindow()
    qtbot.waitUntil(lambda: not ring.is_moving)


def test_reduced_motion_is_respected(qtbot):
    set_motion(True)
    ring = ProgressRing("Progress")
    qtbot.addWidget(ring)
    ring.set_percent(None)
    with qtbot.waitActive(ring):
        ring.show()
        ring.activateWindow()
    assert not ring.is_moving
