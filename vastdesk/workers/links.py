"""One connection per instance, shared by all that needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vastdesk.domain.instances import Instance
from vastdesk.remote.link import Link
from vastdesk.remote.rungs import OnRung


class LinkPool:
    """Links by instance id. `make` builds an unconnected link."""

    def __init__(self, make: Callable[[Instance], Link]) -> None:
        self._make = make
        self._links: dict[str, Link] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def connected(self, instance: Instance, on_rung: OnRung | None = None) -> Link:
        """The live link, or a new one. Raises VastDeskError as `Link.connect` does."""
        async with self._locks.setdefault(instance.id, asyncio.Lock()):
            link = self._links.get(instance.id)
            if link is not None and link.connected:
                return link
            if link is not None:
                await link.close()
            link = self._links[instance.id] = self._make(instance)
            try:
                await link.connect(on_rung)
            except BaseException:
                self._links.pop(instance.id, None)
                await link.close()
                raise
            return link

    def all(self) -> list[Link]:
        """Those that are connected."""
        return [link for link in self._links.values() if link.connected]

    async def close(self, instance_id: str) -> None:
        """Ends the connection to one instance, if there is one."""
        link = self._links.pop(instance_id, None)
        if link is not None:
            await link.close()

    async def aclose(self) -> None:
        """Ends all connections."""
        await asyncio.gather(*(self.close(instance_id) for instance_id in list(self._links)))
