"""One machine: what is known of it, and what can be done with it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.machines.fakes import FACTS, KEY, FakeEngine, head, tell
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.ui.machines.facts import found_paths, machine_facts
from vastdesk.ui.machines.overview import OverviewPage


class World:
    def __init__(self, qtbot: QtBot, *instances: Instance, runs: tuple[Any, ...] = ()) -> None:
        self.engine = FakeEngine(*instances)
        self.bridge = FakeBridge(self.engine)
        self.state = state_of(instances, runs)
        self.page = OverviewPage(self.state, self.bridge)  # type: ignore[arg-type]
        qtbot.addWidget(self.page)
        self.page.resize(1000, 800)
        self.page.show()


async def test_a_machine_is_shown_with_its_pinned_key_and_last_run(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a", "box"), runs=(head("r", "a", "failed"),))
    world.engine.store.pinned["a"] = KEY
    opened: list[str] = []
    world.page.run_opened.connect(opened.append)
    world.page.open("a")
    await until(lambda: KEY.fingerprint in world.page.connection.as_text())
    assert "root@203.0.113.7:22" in world.page.connection.as_text()
    assert world.page.last_badge.state == "failed"
    world.page.show_run.click()
    assert opened == ["r"]


async def test_the_machine_is_asked_what_it_is(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    world.page.look.click()
    world.page.look.click()
    await until(lambda: "RTX 4090" in world.page.facts.as_text())
    assert "51.0 GiB free of 64.0 GiB" in world.page.facts.as_text()
    field = world.page.paths.form.editor("comfyui")
    assert isinstance(field, QLineEdit) and field.placeholderText() == "/workspace/ComfyUI"


async def test_a_machine_that_does_not_answer_is_told_in_the_page(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    world.bridge.error = VastDeskError("connect_refused", host="h", port=22)
    world.page.probe()
    await until(lambda: world.page.failure.banner)
    assert world.page.look.isVisibleTo(world.page)


async def test_a_test_runs_in_the_page_and_brings_the_facts(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    world.page.test_button.click()
    assert world.page.ladder.isVisible()
    await until(lambda: "RTX 4090" in world.page.facts.as_text())


async def test_paths_are_saved_when_one_leaves_the_field(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    field = world.page.paths.form.editor("comfyui")
    assert isinstance(field, QLineEdit)
    for text, stored in (("relative", {}), ("/opt/ComfyUI", {"comfyui": "/opt/ComfyUI"})):
        field.setText(text)
        field.textEdited.emit(text)
        field.editingFinished.emit()
        await until(lambda: not world.page.paths._tasks.is_running("save"))
        assert world.engine.store.by_id["a"].profile == stored
    await tell(world.state, world.engine)
    field.clear()
    field.textEdited.emit("")
    field.editingFinished.emit()
    await until(lambda: world.engine.store.by_id["a"].profile == {})


async def test_what_is_being_typed_survives_news(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    field = world.page.paths.form.editor("comfyui")
    assert isinstance(field, QLineEdit)
    field.setText("/half/typ")
    await world.engine.store.update_instance("a", name="renamed")
    await tell(world.state, world.engine)
    assert field.text() == "/half/typ" and world.page.header.accessibleName() == "renamed"


async def test_the_host_key_is_forgotten_after_a_question(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.engine.store.pinned["a"] = KEY
    world.page.open("a")
    await until(world.page.forget.isVisible)
    world.page.forget.click()
    await until(lambda: [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog)])
    (dialog,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]
    next(button for button in dialog.findChildren(QPushButton) if button.text() == "Forget").click()
    await until(lambda: not world.engine.store.pinned)
    await until(lambda: "not trusted yet" in world.page.connection.as_text())


async def test_a_machine_that_goes_away_leaves_no_page(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    world.page.open("a")
    await world.engine.store.remove_instance("a")
    await tell(world.state, world.engine)
    assert not world.page.run.isVisible()
    world.page.open("")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_hostile_names_and_facts_are_text(qtbot: QtBot, name: str) -> None:
    world = World(qtbot, Instance("a", name, (), identity=name, jump=name), runs=(head("r", "a", name[:50]),))
    world.engine.facts = {"os": name, "gpus": [{"name": name}], "comfyui": {"path": name}, "home_warning": name}
    world.page.open("a")
    world.page.probe()
    await until(lambda: world.page.facts.isVisibleTo(world.page))
    assert not world.page.grab().isNull()


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"gpus": "x", "memory": [], "disk": 7, "comfyui": None, "python": [1]},
        {"gpus": [7, {}, {"memory_total": "x", "load": -1}], "memory": {"total": True}, "disk": {"a": None}},
        {"comfyui": {"path": 7, "running": 7}, "cpu_count": "many", "git": 7},
    ],
)
def test_odd_answers_of_a_machine_break_nothing(qapp: QApplication, odd: dict[str, Any]) -> None:
    assert all(isinstance(fact.value, str) for fact in machine_facts(odd))
    assert found_paths(odd) == ("", "")


def test_the_usual_answer_is_told_whole(qapp: QApplication) -> None:
    told = {fact.key: fact.value for fact in machine_facts(FACTS)}
    assert told["GPU"] == "RTX 4090 · 24.0 GiB · 3 % busy"
    assert told["Disk"] == "61.0 GiB free of 100.0 GiB · /root"
