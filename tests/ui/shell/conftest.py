"""A window on a bridge that only plays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.ui.fakes import FakeBridge, instance, state_of
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView, StepView
from vastdesk.ui.shell.memory import WindowMemory
from vastdesk.ui.shell.parts import Parts
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.workers.catalogue import catalogue
from vastdesk.workers.observer import Changes, RunHead


def head(
    id: str, instance_id: str = "m1", state: str = "running", ended: bool = False, created: float = 1e9
) -> RunHead:
    return RunHead(id, instance_id, "ComfyUI set-up", state, created, created + 60 if ended else None, None, 5)


def view(id: str, state: str = "running", job: str = "desktop") -> RunView:
    step = StepView("s1", "test_ssh", "Test SSH", state="running", job=job)
    return RunView(run=id, state=state, workflow="ComfyUI set-up", instance="box", steps=(step,), current_step=0)


class Store:
    """What pages read of a store in which there is next to nothing."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.stored: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []

    async def settings(self) -> dict[str, str]:
        return dict(self.stored)

    async def set_setting(self, name: str, text: str | None) -> None:
        self.asked.append((name, str(text)))
        if text is None:
            self.stored.pop(name, None)
        else:
            self.stored[name] = text

    async def host_key(self, instance_id: str) -> None:
        """None is pinned."""

    async def offered_host_key(self, instance_id: str) -> None:
        """None is offered."""


class Engine:
    """Carries out nothing, and remembers what was asked."""

    def __init__(self, data_dir: Path) -> None:
        self.store = Store(data_dir)
        self.catalogue = catalogue()
        self.asked: list[tuple[str, str]] = []

    async def cancel(self, run_id: str) -> None:
        self.asked.append(("cancel", run_id))

    async def link(self, instance: object) -> NoReturn:
        raise VastDeskError("engine_closed")

    probe = link


@pytest.fixture
def memory(qapp: object, tmp_path: Path) -> WindowMemory:
    return WindowMemory(tmp_path)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def bridge(qapp: object, engine: Engine) -> FakeBridge:
    return FakeBridge(engine)


@pytest.fixture
async def window(theme: object, memory: WindowMemory) -> AsyncIterator[MainWindow]:
    made = MainWindow(memory)
    made.show()
    yield made
    made.close_for_good()
    made.deleteLater()


@pytest.fixture
async def filled(window: MainWindow, bridge: Any, memory: WindowMemory) -> tuple[MainWindow, State]:
    """Two machines, a run that is on at the second."""
    state = state_of(
        (instance("m1", "box-1"), instance("m2", "box-2")), (head("r1", "m2"),), {"r1": view("r1", job="j1")}
    )
    window.fill(Parts(state, bridge, memory))
    return window, state


def changes(state: State, **parts: Any) -> None:
    state.take(Changes(**parts))
