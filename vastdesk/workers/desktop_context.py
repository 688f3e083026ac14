"""What a desktop step gets to work with; the counterpart of the runner's Context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from vastdesk.domain.instances import Instance
from vastdesk.remote.link import Link
from vastdesk.remote.rungs import OnRung
from vastdesk.workers.links import LinkPool


class Append(Protocol):
    """Stores an event of the run's job `desktop`."""

    async def __call__(self, type_: str, **fields: Any) -> None: ...


class DesktopContext:
    """The world of a running desktop step."""

    def __init__(
        self,
        run_id: str,
        step_id: str,
        params: Mapping[str, Any],
        instance: Instance,
        links: LinkPool,
        append: Append,
    ) -> None:
        self.run_id = run_id
        self.step_id = step_id
        self.params = params
        self.instance = instance
        self._links = links
        self._append = append

    async def plan(self, tasks: Iterable[Mapping[str, Any]]) -> None:
        """Announce tasks ({id, label, parent?, kind?}) before working on them."""
        await self._append("plan", step=self.step_id, tasks=[dict(task) for task in tasks])

    async def task(self, id: str, state: str, note: str | None = None, **fields: Any) -> None:
        """One task's new state."""
        if note:
            fields["note"] = note
        await self._append("task", step=self.step_id, id=id, state=state, **fields)

    async def log(self, text: str) -> None:
        """A line for the event log."""
        await self._append("log", step=self.step_id, text=text[:2000])

    async def link(self, on_rung: OnRung | None = None) -> Link:
        """The instance's connection. Raises VastDeskError as `Link.connect` does."""
        return await self._links.connected(self.instance, on_rung)

    async def disconnect(self) -> None:
        """Ends the connection, so that the next `link()` climbs every rung anew."""
        await self._links.close(self.instance.id)
