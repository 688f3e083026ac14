"""The window: what is shown when, and how one gets about in it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.shell.conftest import Engine, changes, head, view
from vastdesk.domain.errors import VastDeskError
from vastdesk.ui.shell.commands import RunCommands
from vastdesk.ui.shell.finding import entries
from vastdesk.ui.shell.memory import WindowMemory
from vastdesk.ui.shell.parts import Parts
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State

Filled = tuple[MainWindow, State]


async def test_it_is_painted_before_there_is_anything(window: MainWindow, qtbot: QtBot) -> None:
    assert window.page_name == "opening"
    window.grab()
    assert window.machines is None


async def test_without_machines_it_explains_itself(window: MainWindow, bridge: Any, memory: WindowMemory) -> None:
    state = state_of()
    window.fill(Parts(state, bridge, memory))
    assert window.page_name == "welcome"
    asked: list[str] = []
    window.add_requested.connect(lambda: asked.append("add"))
    window.practice_requested.connect(lambda: asked.append("practice"))
    for button in window.findChildren(QAbstractButton):
        if button.isVisible() and button.text().replace("&", "") in ("Add a machine", "Try it on this computer"):
            button.click()
    assert asked == ["add", "practice"]
    window.show_practice("git repositories", 1, 4)
    assert not window.actions_by_name["practice"].isEnabled()
    changes(state, instances=(instance("m1", "box-1"),))
    window.end_practice()
    assert window.page_name == "machine"
    assert window.actions_by_name["practice"].isEnabled()


async def test_the_machine_of_the_last_time_is_shown_again(
    window: MainWindow, bridge: Any, memory: WindowMemory
) -> None:
    memory.write("machine", "m2")
    window.fill(Parts(state_of((instance("m1"), instance("m2"))), bridge, memory))
    assert window.current_machine() == "m2"


async def test_a_machine_with_a_run_on_shows_the_run_first(
    window: MainWindow, bridge: Any, memory: WindowMemory
) -> None:
    memory.write("machine", "m2")
    state = state_of((instance("m1"), instance("m2")), (head("r1", "m2"),), {"r1": view("r1")})
    window.fill(Parts(state, bridge, memory))
    assert window.machine_page is not None and window.machine_page.tab == "run"
    assert window.machine_page.run_id == "r1"


async def test_keys_lead_everywhere(filled: Filled, qtbot: QtBot) -> None:
    window, _ = filled
    actions = window.actions_by_name
    window.show_machine("m1")
    assert window.machine_page is not None
    for name, tab in (("workflows", "workflows"), ("live", "run"), ("overview", "overview")):
        actions[name].trigger()
        assert window.machine_page.tab == tab
    actions["next_machine"].trigger()
    assert window.current_machine() == "m2"
    actions["next_machine"].trigger()
    assert window.current_machine() == "m1"
    actions["previous_machine"].trigger()
    assert window.current_machine() == "m2"
    actions["runs"].trigger()
    assert window.page_name == "runs"
    window.machines.view.clicked.emit(window.machines.view.currentIndex())
    assert window.page_name == "machine", "a click on the machine that is chosen already leads back"


async def test_a_run_that_begins_elsewhere_comes_into_view(filled: Filled) -> None:
    window, state = filled
    window.show_machine("m2", "run")
    assert window.machine_page is not None and window.machine_page.run_id == "r1"
    done = head("r1", "m2", "succeeded", ended=True)
    changes(state, history=(head("r2", "m2", created=2e9), done), views={"r2": view("r2")})
    assert window.machine_page.page("run").run_id == "r2"


async def test_an_old_run_that_was_chosen_stays(filled: Filled) -> None:
    window, state = filled
    old = head("r0", "m2", "failed", ended=True, created=5e8)
    changes(state, history=(head("r1", "m2"), old))
    window.show_run("r0")
    changes(state, history=(head("r2", "m2", created=2e9), head("r1", "m2", "succeeded", ended=True), old))
    assert window.machine_page is not None and window.machine_page.page("run").run_id == "r0"
    window.machine_page.show_tab("overview")
    window.machine_page.show_tab("run")
    assert window.machine_page.page("run").run_id == "r2", "whoever comes back sees what is on"


async def test_a_run_that_was_just_started_is_shown_when_it_is_known(filled: Filled) -> None:
    window, state = filled
    window.show_machine("m1", "overview")
    window.show_run("r9")
    assert window.machine_page is not None and window.machine_page.tab == "overview"
    changes(state, history=(head("r9", "m1", created=2e9), head("r1", "m2")))
    assert (window.machine_page.tab, window.machine_page.run_id) == ("run", "r9")


async def test_the_run_of_a_removed_machine_can_be_seen(filled: Filled) -> None:
    window, state = filled
    changes(state, history=(head("r1", "gone", "failed", ended=True),))
    window.show_run("r1")
    assert window.machine_page is not None and window.machine_page.page("run").run_id == "r1"


async def test_closing_is_the_apps_decision(filled: Filled) -> None:
    window, _ = filled
    asked: list[int] = []
    window.close_requested.connect(lambda: asked.append(1))
    event = QCloseEvent()
    window.closeEvent(event)
    assert asked == [1] and not event.isAccepted() and window.isVisible()


async def test_a_storage_that_cannot_be_opened_says_why_and_what_to_do(window: MainWindow) -> None:
    tried: list[int] = []
    window.show_broken(VastDeskError("store_readonly", path="/data"), lambda: tried.append(1))
    assert window.page_name == "broken"
    texts = [button.text().replace("&", "") for button in window.findChildren(QAbstractButton) if button.isVisible()]
    assert "Try again" in texts
    next(b for b in window.findChildren(QAbstractButton) if b.text() == "Try again").click()
    assert tried == [1]


async def test_the_menu_cancels_the_run_that_is_looked_at(filled: Filled, bridge: Any, engine: Engine) -> None:
    window, state = filled
    RunCommands(window, state, bridge)
    actions = window.actions_by_name
    window.show_machine("m1", "overview")
    assert not actions["cancel_run"].isEnabled() and actions["cancel_run"].statusTip()
    window.show_machine("m2", "run")
    assert actions["cancel_run"].isEnabled()
    assert not actions["resume_run"].isEnabled()
    actions["cancel_run"].trigger()
    actions["cancel_run"].trigger()
    await until(lambda: engine.asked)
    assert engine.asked == [("cancel", "r1")]


async def test_a_refused_command_is_told_in_place(filled: Filled, bridge: FakeBridge) -> None:
    window, state = filled
    RunCommands(window, state, bridge)
    window.show_machine("m2", "run")
    bridge.error = VastDeskError("run_ended", run="r1", state="failed")
    window.actions_by_name["cancel_run"].trigger()
    await until(lambda: window.failures.banner is not None)
    banner = window.failures.banner
    assert banner is not None and "ended already" in banner.accessibleName()


async def test_the_palette_offers_actions_machines_and_runs(filled: Filled) -> None:
    window, state = filled
    window.show_machine("m1", "overview")
    found = {entry.text: entry for entry in entries(window, state)}
    assert {"box-1", "box-2", "box-2: ComfyUI set-up", "Settings", "Quit VastDesk", "Rename"} <= found.keys()
    found["box-2"].act()
    assert window.current_machine() == "m2"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_hostile_names_break_nothing(
    window: MainWindow, bridge: Any, memory: WindowMemory, name: str, qtbot: QtBot
) -> None:
    state = state_of((instance("m1", name),), (head("r1"),), {"r1": view("r1")})
    window.fill(Parts(state, bridge, memory))
    width = window.width()
    window.grab()
    entries(window, state)
    assert window.width() == width


async def test_every_control_has_a_name(filled: Filled) -> None:
    window, _ = filled
    for name in ("overview", "workflows", "run"):
        window.show_machine("m2", name)
    window.show_runs()
    kinds = (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit)
    nameless = [
        f"{type(widget).__name__} in {type(widget.parentWidget()).__name__}"
        for widget in window.findChildren(QWidget)
        if isinstance(widget, kinds)
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not (widget.accessibleName() or getattr(widget, "text", str)())
        and not widget.objectName().startswith("qt_")
    ]
    assert not nameless


async def test_f6_goes_between_the_panes(filled: Filled) -> None:
    window, _ = filled
    window.show_machine("m2", "overview")
    window.machines.view.setFocus()
    window.focus_other_pane()
    assert window.focusWidget() is not window.machines.view
    window.focus_other_pane()
    assert window.focusWidget() is window.machines.view


async def test_where_the_window_was_is_remembered(window: MainWindow, memory: WindowMemory, theme: object) -> None:
    window.resize(760, 600)
    window.keep_state()
    other = MainWindow(memory)
    assert (other.width(), other.height()) == (760, 600)
    other.close_for_good()
    other.deleteLater()


async def test_it_is_usable_on_a_small_screen(filled: Filled) -> None:
    window, _ = filled
    window.show_machine("m2", "run")
    assert window.minimumSizeHint().width() <= 1024
    assert window.minimumSizeHint().height() <= 700
