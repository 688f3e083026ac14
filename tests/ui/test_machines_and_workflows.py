"""Machines and workflows on a real engine, and what every control on these pages must have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.ui.fakes import FakeBridge, instance, state_of, until
from tests.ui.machines.fakes import KEY, OTHER
from tests.ui.machines.fakes import FakeEngine as MachinesEngine
from tests.ui.workflows.fakes import FakeEngine as WorkflowsEngine
from tests.ui.workflows.fakes import at_once
from vastdesk.domain.ssh_string import parse_ssh
from vastdesk.ui.machines.edit import AddMachineDialog
from vastdesk.ui.machines.hostkey import ChangedKeyDialog, UnknownKeyDialog
from vastdesk.ui.machines.list import MachineList
from vastdesk.ui.machines.overview import OverviewPage
from vastdesk.ui.state import State
from vastdesk.ui.workflows.page import WorkflowPage
from vastdesk.ui.workflows.saving import NameDialog
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.desk import ShownKey


@pytest.fixture
async def bridge(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Bridge]:
    bridge = Bridge(tmp_path)
    bridge.start()
    yield bridge
    await bridge.close()


@pytest.fixture
def state(bridge: Bridge) -> State:
    state = State()
    bridge.changed.connect(state.take)
    return state


@pytest.fixture
def closed_port() -> int:
    """A port of this computer where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_a_machine_is_added_tested_renamed_and_removed(
    bridge: Bridge, state: State, qtbot: QtBot, closed_port: int, tmp_path: Path
) -> None:
    machines, overview = MachineList(state, bridge), OverviewPage(state, bridge)
    for page in (machines, overview):
        qtbot.addWidget(page)
        page.show()
    machines.selected.connect(overview.open)
    key = tmp_path / "no-such-key"
    target = parse_ssh(f"root@127.0.0.1:{closed_port}")
    saved = await bridge.call(lambda engine: desk.add_machine(engine, "box", target))
    await bridge.call(lambda engine: desk.edit_machine(engine, saved.id, identity_file=str(key)))
    machines.select(saved.id)
    await until(lambda: overview.instance is not None and overview.instance.identity_file)
    overview.test()
    await until(lambda: overview.ladder.outcome.banner)
    assert overview.ladder.ladder.state_of("key") == "failed"
    machines.model.setData(machines.model.index(0), "renamed")
    await until(lambda: state.instances[0].name == "renamed")
    machines.actions_by_name()["remove"].trigger()
    assert machines.model.rowCount() == 0 and state.instances
    await machines.aclose()
    await until(lambda: not state.instances)


async def test_a_workflow_is_kept_and_started_once(
    bridge: Bridge, state: State, qtbot: QtBot, closed_port: int, tmp_path: Path
) -> None:
    page = WorkflowPage(state, bridge)
    qtbot.addWidget(page)
    page.show()
    target = parse_ssh(f"root@127.0.0.1:{closed_port}")
    saved = await bridge.call(lambda engine: desk.add_machine(engine, "box", target))
    await until(lambda: state.instances and page.library.listed)
    workflow = page._checked(all_steps=True)
    assert workflow is not None
    await page.library.save_as(workflow, "My own", "")
    assert (tmp_path / "workflows" / "my-own.yaml").is_file()
    started: list[str] = []
    page.run_started.connect(started.append)
    page.open(saved.id)
    page.footer.run.click()
    page.footer.run.click()
    await until(lambda: started)
    page.footer.run.click()  # the second half of a double click
    await until(lambda: len(started) == 2)
    assert len(set(started)) == 1
    await until(lambda: state.history)
    assert [head.id for head in state.history] == started[:1]


# -- every control -----------------------------------------------------------------------------------------------------


def nameless(root: QWidget) -> Iterator[str]:
    """Controls one can get to with the keyboard that say nothing to a screen reader."""
    for widget in root.findChildren(QWidget):
        if widget.window() is not root.window():
            continue  # the list of a combo box
        if isinstance(widget, QScrollArea | QLabel) or not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            continue
        if widget.objectName() == "qt_spinbox_lineedit" or widget.focusProxy() is not None:
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not (widget.accessibleName() or text):
            yield f"{type(widget).__name__} {widget.objectName()} in {type(widget.parent()).__name__}"


async def test_every_control_has_a_name(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "to_thread", at_once)
    state = state_of((instance("a"), instance("b")))
    machines = FakeBridge(MachinesEngine(instance("a"), instance("b")))
    workflows = FakeBridge(WorkflowsEngine(tmp_path))
    page = WorkflowPage(state, workflows)  # type: ignore[arg-type]
    overview = OverviewPage(state, machines)  # type: ignore[arg-type]
    shown: list[QWidget] = [
        page,
        overview,
        MachineList(state, machines),  # type: ignore[arg-type]
        AddMachineDialog(state, machines),  # type: ignore[arg-type]
        UnknownKeyDialog(machines, instance("a"), ShownKey(KEY, None, False)),  # type: ignore[arg-type]
        ChangedKeyDialog(machines, instance("a"), ShownKey(OTHER, KEY, False)),  # type: ignore[arg-type]
        NameDialog("n", "d", []),
    ]
    for widget in shown:
        qtbot.addWidget(widget)
        widget.show()
    overview.open("a")
    await until(lambda: page.library.listed)
    page.editor.add_step("install_custom_nodes")
    assert page.pane.form is not None
    assert not [found for widget in shown for found in nameless(widget)]
    for widget in shown:
        if isinstance(widget, QDialog):
            first = widget.focusWidget()
            assert isinstance(first, QLineEdit | QAbstractButton | QPlainTextEdit), type(widget).__name__
