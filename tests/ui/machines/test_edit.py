"""Adding a machine by pasting, and editing it the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.machines.fakes import FakeEngine
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.ui.machines.edit import Added, AddMachineDialog
from vastdesk.ui.machines.identity import KeyChoice
from vastdesk.ui.tasks import ViewTasks


class World:
    def __init__(self, qtbot: QtBot, *instances: Instance, edit: Instance | None = None) -> None:
        self.engine = FakeEngine(*instances)
        self.bridge = FakeBridge(self.engine)
        self.state = state_of(instances)
        self.dialog = AddMachineDialog(self.state, self.bridge, edit)  # type: ignore[arg-type]
        self.tasks = ViewTasks(self.state)
        self.answers: list[Added | None] = []

    async def ask(self) -> None:
        self.tasks.spawn(self._ask(), "ask")
        await until(self.dialog.isVisible)

    async def _ask(self) -> None:
        self.answers.append(await self.dialog.ask())


async def test_a_pasted_command_becomes_a_machine(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a"))
    await world.ask()
    dialog = world.dialog
    assert not dialog.save.isEnabled()
    dialog.string.setText("ssh -p 41234 -i ~/.ssh/vast root@ssh5.vast.ai -L 8080:localhost:8080")
    told = dialog.facts.as_text()
    assert "Host: ssh5.vast.ai" in told and "Port: 41234" in told and "~/.ssh/vast" in told
    assert dialog.name.text() == "ssh5.vast.ai"
    assert dialog.key.choice() == KeyChoice(file="~/.ssh/vast")
    dialog.save_and_test.click()
    dialog.save_and_test.click()  # twice: once
    await until(lambda: world.answers)
    added = world.answers[0]
    assert added is not None and added.test
    assert added.instance.endpoints == (Endpoint("ssh5.vast.ai", 41234, "root"),)
    assert added.instance.identity_file == str(Path("~/.ssh/vast").expanduser())
    assert len(world.engine.store.by_id) == 2


async def test_what_is_wrong_is_said_beside_the_field(qtbot: QtBot) -> None:
    world = World(qtbot, instance("a", "box"))
    await world.ask()
    dialog = world.dialog
    dialog.string.setText("ssh -X root@h")
    assert "-X" in dialog.string.accessibleDescription() and not dialog.save.isEnabled()
    dialog.string.setText("root@h")
    assert not dialog.string.accessibleDescription() and dialog.save.isEnabled()
    dialog.name.setText("box")
    dialog.name.textEdited.emit("box")
    assert "already" in dialog.name.accessibleDescription() and not dialog.save.isEnabled()
    dialog.reject()
    await until(lambda: world.answers)
    assert world.answers == [None]


async def test_a_name_one_typed_is_not_replaced(qtbot: QtBot) -> None:
    dialog = World(qtbot).dialog
    dialog.name.setText("mine")
    dialog.name.textEdited.emit("mine")
    dialog.string.setText("root@h")
    assert dialog.name.text() == "mine"
    dialog.deleteLater()


async def test_a_refusal_stays_in_the_dialog(qtbot: QtBot) -> None:
    world = World(qtbot)
    await world.ask()
    await until(lambda: world.dialog.key.box.count() == 3)
    world.dialog.string.setText("root@h")
    world.bridge.error = VastDeskError("store_readonly", path="/data")
    world.dialog.save.click()
    await until(lambda: world.dialog.failure.banner)
    world.bridge.error = None
    assert world.dialog.save.isEnabled() and world.dialog.isVisible()
    world.dialog.save.click()
    await until(lambda: world.answers)
    assert world.answers[0] is not None and not world.answers[0].test


async def test_a_saved_identity_can_be_chosen(qtbot: QtBot) -> None:
    world = World(qtbot)
    await world.ask()
    await until(lambda: world.dialog.key.box.count() == 3)
    world.dialog.string.setText("root@h")
    world.dialog.key.set_choice(KeyChoice(identity="work"))
    world.dialog.key.changed.emit()
    world.dialog.save.click()
    await until(lambda: world.answers)
    assert world.answers[0] is not None and world.answers[0].instance.identity == "work"


async def test_a_key_file_must_be_named(qtbot: QtBot) -> None:
    dialog = World(qtbot).dialog
    dialog.string.setText("root@h")
    dialog.key.box.setCurrentIndex(dialog.key.box.count() - 1)
    dialog.key.changed.emit()
    assert not dialog.save.isEnabled()
    dialog.deleteLater()


async def test_editing_changes_only_what_was_changed(qtbot: QtBot) -> None:
    proxy = Endpoint("ssh5.vast.ai", 12345, "root", "proxy")
    old = replace(instance("a", "box", port=2200), identity="gone", jump="j@k:22", profile={"comfyui": "/opt/ComfyUI"})
    old = replace(old, endpoints=(*old.endpoints, proxy))
    world = World(qtbot, old, edit=old)
    await world.ask()
    assert world.dialog.save.isEnabled()
    world.dialog.save.click()
    await until(lambda: world.answers)
    assert world.engine.store.by_id["a"] == old


async def test_another_address_keeps_the_trusted_key_and_says_so(qtbot: QtBot) -> None:
    old = instance("a", "box")
    dialog = World(qtbot, old, edit=old).dialog
    assert dialog._note.isHidden()
    dialog.string.setText("root@elsewhere")
    assert "host key stays" in dialog._note.text()
    dialog.deleteLater()


@pytest.mark.parametrize("text", [*HOSTILE_NAMES, "ssh root@h\u2028"])
async def test_anything_can_be_typed(qtbot: QtBot, text: str) -> None:
    dialog = World(qtbot, instance("a")).dialog
    dialog.string.setText(text)
    dialog.name.setText(text)
    dialog.name.textEdited.emit(text)
    dialog.deleteLater()


async def test_closing_the_window_behind_it_ends_the_question(qtbot: QtBot) -> None:
    world = World(qtbot)
    await world.ask()
    world.bridge.gate = None
    world.dialog.close()
    await until(lambda: world.answers)
    assert world.answers == [None]
