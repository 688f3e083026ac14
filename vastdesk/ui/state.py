"""What the window knows: the newest of everything the bridge delivered, and a signal for each kind of change.

Pages read here and connect to the signals; commands go to the bridge. Nothing here is computed: a picture of a run is
what `reduce` made of its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from vastdesk.domain.instances import Instance
from vastdesk.domain.views import RunView

if TYPE_CHECKING:  # the engine brings SSH along, which takes longer to import than the window to paint
    from vastdesk.workers.observer import Changes, RunHead


class State(QObject):
    """Lives in the window's thread."""

    instances_changed = Signal()
    history_changed = Signal()
    runs_changed = Signal(object)
    """frozenset of run ids whose picture changed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.instances: tuple[Instance, ...] = ()
        self.history: tuple[RunHead, ...] = ()
        """All runs, the newest first."""
        self._views: dict[str, RunView] = {}

    @property
    def views(self) -> Mapping[str, RunView]:
        """Pictures by run id: of all open runs, and of those that were shown (`Bridge.show`)."""
        return MappingProxyType(self._views)

    def instance(self, instance_id: str) -> Instance | None:
        """The instance, None when it was removed."""
        return next((instance for instance in self.instances if instance.id == instance_id), None)

    def current_run(self, instance_id: str) -> RunHead | None:
        """The run that is on (or waits) at an instance, else its newest one."""
        own = [head for head in self.history if head.instance_id == instance_id]
        return next((head for head in own if head.ended_ts is None), own[0] if own else None)

    @Slot(object)
    def take(self, changes: Changes) -> None:
        """Connect `Bridge.changed` to it."""
        if changes.history is not None:
            self.history = changes.history
            known = {head.id for head in self.history}
            for run_id in self._views.keys() - known - changes.views.keys():
                del self._views[run_id]
        if changes.instances is not None:
            self.instances = changes.instances
            self.instances_changed.emit()
        self._views.update(changes.views)
        if changes.history is not None:
            self.history_changed.emit()
        if changes.views:
            self.runs_changed.emit(frozenset(changes.views))
