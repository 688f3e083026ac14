"""Testing a connection, rung by rung."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, until
from tests.ui.machines.fakes import FACTS, KEY, FakeEngine
from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.rungs import Rung
from vastdesk.ui.machines.ladder import RUNGS, LadderPanel, LadderView

OnRung = Callable[[Rung], Awaitable[None]]


class World:
    def __init__(self, qtbot: QtBot) -> None:
        self.engine = FakeEngine(instance("a"))
        self.panel = LadderPanel(FakeBridge(self.engine))  # type: ignore[arg-type]
        qtbot.addWidget(self.panel)
        self.panel.show()
        self.passed: list[Any] = []
        self.failed: list[Any] = []
        self.panel.passed.connect(self.passed.append)
        self.panel.failed.connect(self.failed.append)

    def breaks(self, error: VastDeskError, at: str = "kex") -> None:
        async def climb(on_rung: OnRung) -> None:
            await on_rung(Rung("key", "succeeded", "", 0.01))
            await on_rung(Rung(at, "running"))
            await on_rung(Rung(at, "failed", error.sentence, 0.01))
            raise error

        self.engine.climb = climb

    def button(self, text: str) -> QPushButton:
        return next(each for each in self.panel.findChildren(QPushButton) if text in each.text() and each.isVisible())


async def test_all_rungs_are_climbed_and_the_facts_told(qtbot: QtBot) -> None:
    world = World(qtbot)
    world.panel.test(instance("a"))
    assert world.button("Stop")
    await until(lambda: world.passed)
    assert world.passed == [FACTS]
    assert [world.panel.ladder.state_of(name) for name in RUNGS] == ["succeeded"] * len(RUNGS)
    assert world.button("Test again") and not world.panel.is_testing


@pytest.mark.parametrize(
    ("error", "offer"),
    [
        (VastDeskError("auth_refused", host="h", port=22, user="root", key="k"), "Choose another key"),
        (VastDeskError("connect_refused", host="h", port=22), "Edit the address"),
        (VastDeskError("dns_failed", host="h", detail="x"), "Edit the address"),
    ],
)
async def test_a_broken_rung_says_why_and_what_to_do(qtbot: QtBot, error: VastDeskError, offer: str) -> None:
    world = World(qtbot)
    world.breaks(error)
    asked: list[str] = []
    world.panel.edit_requested.connect(asked.append)
    world.panel.test(instance("a"))
    await until(lambda: world.failed)
    assert world.panel.ladder.state_of("kex") == "failed" and world.panel.ladder.state_of("login") == "pending"
    assert world.panel.outcome.banner is not None
    world.button(offer).click()
    assert asked == ["a"]


async def test_a_key_that_is_trusted_lets_the_test_go_on(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(qtbot)
    world.breaks(
        VastDeskError(
            "host_key_unknown", name="a", host="h", port=22, algorithm="x", fingerprint=KEY.fingerprint, trust=""
        )
    )
    asked: list[str] = []

    async def decide(parent: object, bridge: object, machine: object, fingerprint: str) -> bool:
        asked.append(fingerprint)
        world.engine.climb = FakeEngine().climb
        return True

    monkeypatch.setattr("vastdesk.ui.machines.ladder.decide_host_key", decide)
    world.panel.test(instance("a"))
    await until(lambda: world.failed)
    world.button("Compare the key").click()
    await until(lambda: world.passed)
    assert asked == [KEY.fingerprint]


async def test_a_test_can_be_stopped_and_what_comes_late_is_not_shown(qtbot: QtBot) -> None:
    world = World(qtbot)
    say: list[OnRung] = []

    async def climb(on_rung: OnRung) -> None:
        say.append(on_rung)
        await on_rung(Rung("resolve", "running"))
        await asyncio.Event().wait()

    world.engine.climb = climb
    world.panel.test(instance("a"))
    await until(lambda: say and world.panel.ladder.state_of("resolve") == "running")
    world.button("Stop").click()
    assert world.panel.ladder.state_of("resolve") == "cancelled" and not world.panel.is_testing
    await say[0](Rung("resolve", "succeeded", "late"))
    await asyncio.sleep(0)
    assert world.panel.ladder.state_of("resolve") == "cancelled"


def test_the_next_address_begins_at_its_first_rung(qtbot: QtBot) -> None:
    view = LadderView()
    qtbot.addWidget(view)
    for name in ("resolve", "tcp"):
        view.take(Rung(name, "succeeded"))
    view.take(Rung("resolve", "running"))
    assert view.state_of("tcp") == "pending"


@pytest.mark.parametrize("note", HOSTILE_NAMES)
def test_rungs_of_jump_hosts_and_of_newer_ladders_are_shown_as_text(qtbot: QtBot, note: str) -> None:
    view = LadderView()
    qtbot.addWidget(view)
    view.reset(jump=True)
    view.take(Rung("jump kex", "failed", note))
    view.take(Rung(f"new {note}", "succeeded", note))
    view.show()
    assert "\n" not in view.note_of("jump kex") or note.count("\n")
    assert view.state_of(f"new {note}") == "succeeded"


async def test_a_jump_host_has_rungs_of_its_own(qtbot: QtBot) -> None:
    world = World(qtbot)
    world.panel.test(replace(instance("a"), jump="root@j:22"))
    assert world.panel.ladder.state_of("jump kex") == "pending"
    await until(lambda: world.passed)


async def test_a_rung_may_arrive_after_the_panel_has_gone(qapp: QApplication) -> None:
    engine = FakeEngine()
    say: list[OnRung] = []

    async def climb(on_rung: OnRung) -> None:
        say.append(on_rung)
        await asyncio.Event().wait()

    engine.climb = climb
    panel = LadderPanel(FakeBridge(engine))  # type: ignore[arg-type]
    panel.test(instance("a"))
    await until(lambda: say)
    shiboken6.delete(panel)
    await say[0](Rung("tcp", "running"))
    await asyncio.sleep(0.01)
