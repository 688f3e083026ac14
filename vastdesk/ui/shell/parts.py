"""The pages, each imported when it is first looked at: the window must not wait for what nobody sees."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from vastdesk.ui.kit.split import Memory
from vastdesk.ui.state import State

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge

PAGES = {
    "machines": "vastdesk.ui.machines.list:MachineList",
    "overview": "vastdesk.ui.machines.overview:OverviewPage",
    "workflows": "vastdesk.ui.workflows.page:WorkflowPage",
    "run": "vastdesk.ui.run.page:RunPage",
    "runs": "vastdesk.ui.runs.page:RunsPage",
}


class Parts:
    """Makes the pages of one window. All get the same state, bridge and memory."""

    def __init__(self, state: State, bridge: Bridge, memory: Memory) -> None:
        self.state = state
        self.bridge = bridge
        self._memory = memory

    def make(self, name: str) -> QWidget:
        """A new page of that name."""
        module, _, kind = PAGES[name].partition(":")
        page = getattr(importlib.import_module(module), kind)
        options = {"memory": self._memory} if name in ("workflows", "run", "runs") else {}
        made: QWidget = page(self.state, self.bridge, **options)
        return made
