"""What the engine itself says of a run: events of its job `desktop`, stored and then rung out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vastdesk.domain.views import RunView
from vastdesk.store import Store


class Journal:
    """Of one run. `published` rings for whoever follows it."""

    def __init__(self, run_id: str, store: Store, published: Callable[[str], None]) -> None:
        self.run_id = run_id
        self.store = store
        self.state: str | None = None
        """The state that was said last."""
        self._published = published

    async def append(self, type_: str, **fields: Any) -> None:
        """Stores an event. Fields without a value are left out."""
        given = {name: value for name, value in fields.items() if value is not None}
        await self.store.append_desktop(self.run_id, type_, **given)
        self.ring()

    async def say(self, state: str, **fields: Any) -> None:
        """The run's new state; said once."""
        if self.state != state:
            self.state = state
            await self.append("run_state", state=state, **fields)

    def ring(self) -> None:
        """Something was stored."""
        self._published(self.run_id)

    async def view(self) -> RunView:
        """The run as its events tell it."""
        return await self.store.view(self.run_id)
