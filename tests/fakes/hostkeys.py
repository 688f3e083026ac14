"""Pins of host keys in memory: the part of `Store` that a link needs."""

from __future__ import annotations

from vastdesk.domain.instances import HostKey


class MemoryHostKeys:
    def __init__(self) -> None:
        self.pinned: dict[str, HostKey] = {}
        self.offered: dict[str, HostKey] = {}

    async def host_key(self, instance_id: str) -> HostKey | None:
        return self.pinned.get(instance_id)

    async def offer_host_key(self, instance_id: str, key: HostKey) -> None:
        self.offered[instance_id] = key

    def trust_offered(self) -> None:
        """What the user does after comparing the fingerprints."""
        self.pinned.update(self.offered)
        self.offered.clear()
