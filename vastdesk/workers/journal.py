"""What the engine itself says of a run: events of its job `desktop`, stored and then rung out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from vastdesk.domain.views import RunView
from vastdesk.store import Store
from vastdesk.workers.bells import Event


class Published(Protocol):
    """Hears what was stored of a run."""

    def __call__(self, run_id: str, events: Sequence[Event] = ()) -> None: ...


class Journal:
    """Of one run. `published` tells whoever follows it."""

    def __init__(self, run_id: str, store: Store, published: Published) -> None:
        self.run_id = run_id
        self.store = store
        self.state: str | None = None
        """The state that was said last."""
        self._published = published

    async def append(self, type_: str, **fields: Any) -> None:
        """Stores an event. Fields without a value are left out."""
        given = {name: value for name, value in fields.items() if value is not None}
        self.publish([await self.store.append_desktop(self.run_id, type_, **given)])

    async def say(self, state: str, **fields: Any) -> None:
        """The run's new state; said once."""
        if self.state != state:
            self.state = state
            await self.append("run_state", state=state, **fields)

    def publish(self, events: Sequence[Event]) -> None:
        """These were stored."""
        self._published(self.run_id, events)

    async def view(self) -> RunView:
        """The run as its events tell it."""
        return await self.store.view(self.run_id)
