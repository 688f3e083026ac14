"""The page of a run on a bridge with nothing behind it: every situation has its words and its buttons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QPushButton

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.run import stories
from tests.ui.run.stories import NODES, RUN, SHOWN
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView
from vastdesk.ui.run import output as output_module
from vastdesk.ui.run.page import RunPage
from vastdesk.ui.state import State
from vastdesk.workers.observer import Changes

SITUATIONS = tuple(stories.every_situation())


class FakeEngine:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.text = b"line one\nline two\n"
        self.store = SimpleNamespace(open_runs=self._open_runs)

    async def _open_runs(self) -> list[Any]:
        return []

    async def cancel(self, run_id: str) -> None:
        self.asked.append(("cancel", run_id))

    async def resume(self, run_id: str) -> None:
        self.asked.append(("resume", run_id))

    async def retry(self, run_id: str, failed_only: bool) -> Any:
        self.asked.append(("retry", run_id, failed_only))
        return SimpleNamespace(id="run-2")

    async def trust(self, instance_id: str, fingerprint: str) -> None:
        self.asked.append(("trust", instance_id, fingerprint))

    async def link(self, instance: Any) -> Any:
        return SimpleNamespace(client=self)

    async def log(self, job: str, step: str, offset: int, max_bytes: int) -> dict[str, Any]:
        data = self.text[offset : offset + max_bytes]
        end = offset + len(data)
        size = len(self.text)
        return {"offset": offset, "data": data.decode(), "next": end, "size": size, "eof": end >= size}


async def settled() -> None:
    """What was begun gets as far as it can: after its test nothing may be about to run, or it finds no loop."""
    for _ in range(20):
        await asyncio.sleep(0)


class World:
    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.bridge = FakeBridge(self.engine)
        self.state: State = state_of((instance("i1", "box"),))
        self.page = RunPage(self.state, cast(Any, self.bridge))
        self.page.resize(1100, 700)

    async def show(self, view: RunView) -> None:
        """The run is stored and looked at."""
        self.state.take(Changes(history=(stories.head(state=view.state),), views={RUN: view}))
        self.page.open(RUN)
        self.page.show()
        await settled()

    async def take(self, view: RunView) -> None:
        self.state.take(Changes(history=(stories.head(state=view.state),), views={RUN: view}))
        await settled()

    def button(self, words: str) -> QPushButton:
        return next(each for each in self.page.findChildren(QPushButton) if words in each.text().replace("&", ""))

    def seen_buttons(self) -> set[str]:
        """The verbs on the card."""
        found = self.page.situation.findChildren(QPushButton)
        return {button.text().replace("&", "") for button in found if button.isVisible()}


@pytest.fixture
async def world(qapp, theme) -> AsyncIterator[World]:
    world = World()
    yield world
    world.page.close()
    world.page.close_run()
    world.page.deleteLater()
    await asyncio.sleep(0)


@pytest.mark.parametrize("name", SITUATIONS)
async def test_each_situation_is_said_and_painted(world: World, name: str) -> None:
    view = stories.every_situation()[name]
    await world.show(view)
    assert not world.page.grab().isNull()
    assert world.page.situation.isVisible() == (view.state != "running")
    assert world.page.is_ticking == view.is_running


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        ("queued", set()),
        ("connecting", set()),
        ("reconnecting", set()),
        ("cancelling", set()),
        ("blocked", {"Trust and go on", "Not now"}),
        ("blocked_changed", {"Trust the new key and go on", "Not now"}),
        ("lost", {"Resume", "Retry all", "Copy details"}),
        ("interrupted", {"Resume", "Retry all"}),
        ("cancelled", {"Resume", "Retry all"}),
        ("failed", {"Resume", "Retry failed", "Copy details"}),
        ("succeeded", set()),
        ("succeeded_with_failures", {"Retry failed"}),
    ],
)
async def test_each_situation_has_its_own_buttons(world: World, name: str, buttons: set[str]) -> None:
    await world.show(stories.every_situation()[name])
    assert world.seen_buttons() == buttons


@pytest.mark.parametrize(
    ("name", "enabled"),
    [
        ("running", {"cancel"}),
        ("queued", {"cancel"}),
        ("cancelling", set()),
        ("failed", {"resume", "retry_failed", "retry_all"}),
        ("succeeded", {"retry_all"}),
        ("succeeded_with_failures", {"retry_failed", "retry_all"}),
    ],
)
async def test_what_is_not_possible_says_why(world: World, name: str, enabled: set[str]) -> None:
    await world.show(stories.every_situation()[name])
    actions = world.page.actions_of_run
    for each in ("cancel", "resume", "retry_failed", "retry_all"):
        action = getattr(actions, each)
        assert action.isEnabled() == (each in enabled), each
        assert action.statusTip()
    assert actions.copy.isEnabled()


async def test_commands_reach_the_engine_and_a_retry_asks_to_be_opened(world: World) -> None:
    opened: list[str] = []
    world.page.run_opened.connect(opened.append)
    await world.show(stories.cloning().view())
    QTest.mouseClick(world.button("Cancel"), Qt.MouseButton.LeftButton)
    await until(lambda: world.engine.asked)
    await world.take(stories.every_situation()["failed"])
    await until(lambda: world.button("Retry failed").isEnabled())
    world.button("Retry failed").click()
    await until(lambda: opened)
    assert world.engine.asked == [("cancel", RUN), ("retry", RUN, True)]
    assert opened == ["run-2"]


async def test_a_double_click_is_one_command(world: World) -> None:
    await world.show(stories.every_situation()["failed"])
    world.bridge.gate = asyncio.Event()
    for _ in range(2):
        world.button("Resume").click()
    assert not world.button("Resume").isEnabled()
    world.bridge.gate.set()
    await until(lambda: world.button("Resume").isEnabled())
    assert world.engine.asked == [("resume", RUN)]


async def test_a_refused_command_is_told_in_the_page(world: World) -> None:
    await world.show(stories.every_situation()["failed"])
    world.bridge.error = VastDeskError("instance_busy", run="r9", instance="box")
    world.button("Resume").click()
    await until(lambda: world.page._failures.banner is not None)
    assert "r9" in world.page._failures.banner.accessibleName()


async def test_an_unknown_key_is_trusted_with_the_fingerprint_that_was_shown(world: World) -> None:
    await world.show(stories.blocked().view())
    world.button("Trust and go on").click()
    await until(lambda: world.engine.asked)
    assert world.engine.asked == [("trust", "i1", SHOWN)]


async def test_a_changed_key_is_not_trusted_by_accident(world: World) -> None:
    await world.show(stories.blocked(changed=True).view())
    trust = world.button("Trust the new key")
    assert not trust.isEnabled()
    QTest.keyClick(trust, Qt.Key.Key_Return)
    assert not world.engine.asked
    world.page.situation.findChild(QCheckBox).click()
    assert trust.isEnabled()
    await world.take(stories.blocked(changed=True).view())
    assert trust.isEnabled(), "the same picture again takes no tick away"


async def test_not_now_puts_the_key_away_and_it_can_be_looked_at_again(world: World) -> None:
    await world.show(stories.blocked().view())
    world.button("Not now").click()
    assert world.seen_buttons() == {"Look at the key"}
    await world.take(stories.blocked().view())
    assert world.seen_buttons() == {"Look at the key"}
    world.button("Look at the key").click()
    assert "Trust and go on" in world.seen_buttons()


async def test_the_raw_output_is_read_while_the_step_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "POLL_S", 0.01)
    log = stories.cloning()
    await world.show(log.view())
    await until(lambda: "line two" in world.page.output.log.text())
    world.engine.text += b"line three\n"
    await until(lambda: "line three" in world.page.output.log.text())
    assert "Receiving objects" not in world.page.output.log.text()
    world.page.hide()
    await until(lambda: not world.page.output.is_reading)


async def test_looking_away_and_back_reads_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_module, "POLL_S", 0.01)
    await world.show(stories.cloning().view())
    await until(lambda: "line two" in world.page.output.log.text())
    world.page.hide()
    await until(lambda: not world.page.output.is_reading)
    world.engine.text += b"line three\n"
    world.page.show()
    await until(lambda: "line three" in world.page.output.log.text())
    assert world.page.output.log.text().split("\n") == ["line one", "line two", "line three"]
    world.page.hide()
    await settled()


async def test_of_a_long_output_the_end_is_read_first_and_all_on_demand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_module, "POLL_S", 0.01)
    world.engine.text = b"".join(b"line %d\n" % at for at in range(60_000))
    log = stories.cloning()
    await world.show(log.view())
    await until(lambda: "line 59999" in world.page.output.log.text())
    assert "line 100\n" not in world.page.output.log.text()
    log.runner("step_finished", step=NODES, state="succeeded", note="done")
    await world.take(log.view())
    await until(lambda: not world.page.output.is_reading)
    load = world.button("Load all")
    assert load.isVisible()
    load.click()
    await until(lambda: not world.page.output.is_reading)
    assert world.page.output.log.text().startswith("line 0\nline 1\n")
    assert not load.isVisible()


async def test_without_the_machine_the_lines_of_events_are_shown(world: World) -> None:
    world.bridge.error = VastDeskError("connect_refused", host="h", port=22)
    log = stories.cloning()
    await world.show(log.view())
    assert world.page.output.log.text().splitlines()[-1] == "Receiving objects: 29 % of ComfyUI-Node"
    log.runner("log", step=NODES, text="one more")
    await world.take(log.view())
    text = world.page.output.log.text()
    assert text.endswith("one more") and text.count("29 %") == 1


async def test_a_finished_step_is_read_only_on_demand(world: World) -> None:
    await world.show(stories.succeeded().view())
    calls = world.bridge.calls
    world.page._on_step_chosen(NODES)
    await asyncio.sleep(0)
    assert world.bridge.calls == calls
    world.button("Load all").click()
    await until(lambda: "line two" in world.page.output.log.text())


async def test_a_hidden_page_does_nothing_until_it_is_seen(world: World) -> None:
    log = stories.cloning()
    await world.show(log.view())
    world.page.hide()
    assert not world.page.is_ticking
    log.runner("step_finished", step=NODES, state="succeeded", note="done")
    await world.take(log.view())
    assert any(line.state == "running" for line in world.page.timeline._lines.lines)
    world.page.show()
    assert not any(line.state == "running" for line in world.page.timeline._lines.lines)


async def test_keys_fold_unfold_and_copy(world: World) -> None:
    await world.show(stories.succeeded().view())
    view = world.page.timeline
    model = view.model()
    view.setCurrentIndex(model.index(1, 0))
    QTest.keyClick(view, Qt.Key.Key_Right)
    unfolded = model.rowCount()
    assert unfolded > 4
    view.setCurrentIndex(model.index(3, 0))
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert view.currentIndex().row() == 1, "Left on a row goes to its step"
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert model.rowCount() == 4
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text().startswith("Install custom nodes, Succeeded")


async def test_a_failed_placeholder_leads_to_the_failed_nodes(world: World) -> None:
    await world.show(stories.cloning().view())
    view = world.page.timeline
    at = next(row for row in range(view.model().rowCount()) if "others (3/4)" in str(view.model().index(row, 0).data()))
    view.setCurrentIndex(view.model().index(at, 0))
    QTest.keyClick(view, Qt.Key.Key_Space)
    labels = [str(view.model().index(row, 0).data()) for row in range(view.model().rowCount())]
    assert [label for label in labels if label.startswith("ComfyUI")] == [
        "ComfyUI-Node-2, Failed, repository not found"
    ]


async def test_details_are_copied_as_plain_text(world: World) -> None:
    await world.show(stories.every_situation()["failed"])
    world.page.actions_of_run.copy.trigger()
    text = QGuiApplication.clipboard().text()
    assert "state: failed" in text and "ComfyUI-Node-2: failed - repository not found" in text


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_hostile_names_break_no_layout(world: World, name: str) -> None:
    await world.show(stories.cloning(prefix=name).view())
    assert not world.page.grab().isNull()
    assert world.page.minimumSizeHint().width() < 1100


async def test_every_control_has_a_name(world: World) -> None:
    await world.show(stories.blocked(changed=True).view())
    nameless = [
        type(button).__name__
        for button in world.page.findChildren(QAbstractButton)
        if not (button.text() or button.accessibleName()) and button.objectName() != "qt_toolbar_ext_button"
    ]
    assert not nameless
    assert world.page.timeline.accessibleName()


async def test_opening_another_run_leaves_the_first(world: World) -> None:
    await world.show(stories.cloning().view())
    world.page.open("run-9")
    assert world.bridge.shown == [RUN, "run-9"]
    assert world.bridge.hidden == [RUN]
    assert world.page.timeline.model().rowCount() == 0
