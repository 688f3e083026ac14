"""Host keys: compared by eye or by pasting, pinned exactly as shown, replaced only on purpose."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, until
from tests.ui.machines.fakes import KEY, OTHER, FakeEngine
from vastdesk.domain.instances import HostKey
from vastdesk.ui.machines.hostkey import (
    ChangedKeyDialog,
    Fingerprint,
    UnknownKeyDialog,
    decide_host_key,
    groups,
    key_dialog,
    same_fingerprint,
)
from vastdesk.ui.tasks import ViewTasks
from vastdesk.workers.desk import ShownKey


def test_a_fingerprint_is_shown_in_groups_of_four() -> None:
    pieces = groups(KEY.fingerprint)
    assert pieces[:3] == ["SHA256:", "uNiV", "ztks"] and "".join(pieces) == KEY.fingerprint
    assert all(len(piece) <= 4 for piece in pieces[1:])
    assert groups("") == []


@pytest.mark.parametrize(
    ("pasted", "same"),
    [
        (KEY.fingerprint, True),
        (KEY.fingerprint.removeprefix("SHA256:"), True),
        (f"256 {KEY.fingerprint} root@box (ED25519)", True),
        (" ".join(groups(KEY.fingerprint)), True),
        (KEY.fingerprint + "=", True),
        (KEY.fingerprint.lower(), False),
        (OTHER.fingerprint, False),
        (KEY.fingerprint[:20], False),
        ("", False),
    ],
)
def test_pasted_fingerprints_are_compared_in_every_usual_form(pasted: str, same: bool) -> None:
    assert same_fingerprint(pasted, KEY.fingerprint) is same


def test_the_whole_fingerprint_is_copied(qtbot: QtBot) -> None:
    card = Fingerprint("Key shown", KEY)
    qtbot.addWidget(card)
    card.findChild(QToolButton).click()
    assert QGuiApplication.clipboard().text() == KEY.fingerprint
    assert KEY.fingerprint in card.accessibleDescription()


async def test_trusting_pins_exactly_the_key_on_the_screen(qtbot: QtBot) -> None:
    engine = FakeEngine(instance("a"))
    engine.store.offered["a"] = KEY
    dialog = UnknownKeyDialog(FakeBridge(engine), instance("a"), ShownKey(KEY, None, False))  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.show()
    engine.store.offered["a"] = OTHER  # another key arrives while the person compares
    dialog.trust.click()
    await until(lambda: dialog.failure.banner)
    assert not dialog.trusted and not engine.store.pinned
    engine.store.offered["a"] = KEY
    dialog.trust.click()
    dialog.trust.click()
    await until(lambda: dialog.trusted)
    assert engine.trusted == [KEY.fingerprint]


def test_the_safe_answer_is_the_default_one(qtbot: QtBot) -> None:
    for shown in (ShownKey(KEY, None, False), ShownKey(OTHER, KEY, False)):
        dialog = key_dialog(FakeBridge(FakeEngine()), instance("a"), shown)  # type: ignore[arg-type]
        qtbot.addWidget(dialog)
        danger = dialog.trust if isinstance(dialog, UnknownKeyDialog) else dialog.replace
        assert not danger.isDefault() and not danger.autoDefault()


def test_replacing_a_key_takes_a_look_at_the_new_one(qtbot: QtBot) -> None:
    dialog = ChangedKeyDialog(FakeBridge(FakeEngine()), instance("a"), ShownKey(OTHER, KEY, False))  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    assert not dialog.replace.isEnabled()
    for typed, allowed in (("nthb", False), ("uNiV", False), ("nThb", True), ("nTh", False), (" nThb ", True)):
        dialog.typed.setText(typed)
        assert dialog.replace.isEnabled() is allowed
    shown = {label.text() for label in dialog.findChildren(QLabel)}
    assert {"uNiV", "nThb"} <= shown


def test_a_pasted_fingerprint_gets_a_verdict(qtbot: QtBot) -> None:
    dialog = UnknownKeyDialog(FakeBridge(FakeEngine()), instance("a"), ShownKey(KEY, None, False))  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.pasted.setText(KEY.fingerprint)
    assert "same" in dialog.pasted.accessibleDescription()
    dialog.pasted.setText(OTHER.fingerprint)
    assert "not the key" in dialog.pasted.accessibleDescription()


async def test_the_question_is_about_the_key_that_was_named(qapp: QApplication) -> None:
    engine = FakeEngine(instance("a"))
    engine.store.offered["a:jump"] = KEY
    engine.store.offered["a"] = OTHER
    bridge = FakeBridge(engine)
    tasks = ViewTasks(bridge)
    answers: list[bool] = []

    async def ask() -> None:
        answers.append(await decide_host_key(None, bridge, instance("a"), OTHER.fingerprint))  # type: ignore[arg-type]

    tasks.spawn(ask(), "ask")
    dialogs = QApplication.topLevelWidgets
    await until(lambda: [each for each in dialogs() if isinstance(each, UnknownKeyDialog) and each.isVisible()])
    (dialog,) = [each for each in dialogs() if isinstance(each, UnknownKeyDialog) and each.isVisible()]
    assert not dialog.shown.is_jump
    dialog.trust.click()
    await until(lambda: answers)
    assert answers == [True] and engine.store.pinned == {"a": OTHER}
    # Decided meanwhile by somebody else: no question.
    assert await decide_host_key(None, bridge, instance("a"), OTHER.fingerprint)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_and_keys_are_text(qtbot: QtBot, name: str) -> None:
    odd = HostKey(name[:200], name[:200], name[:200])
    dialog = UnknownKeyDialog(FakeBridge(FakeEngine()), instance("a", name), ShownKey(odd, None, True))  # type: ignore[arg-type]
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.grab().isNull()
