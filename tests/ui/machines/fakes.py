"""An engine in memory, as far as the pages of machines ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey, Identity, Instance
from vastdesk.remote.rungs import Rung
from vastdesk.ui.state import State
from vastdesk.workers.observer import Changes, RunHead

KEY = HostKey("ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDdfTyuzIbdHMQ5R1M")
OTHER = HostKey("ssh-ed25519", "ssh-ed25519 BBBB", "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8")

FACTS: dict[str, Any] = {
    "gpus": [{"name": "RTX 4090", "memory_total": 24 << 30, "load": 3}],
    "memory": {"total": 64 << 30, "available": 51 << 30},
    "disk": {"home": {"path": "/root", "total": 100 << 30, "free": 61 << 30}},
    "comfyui": {"path": "/workspace/ComfyUI", "running": []},
    "comfyui_python": {"path": "/venv/main/bin/python"},
}


def head(id: str, instance_id: str, state: str = "succeeded", ended_ts: float | None = 200.0) -> RunHead:
    return RunHead(id, instance_id, "ComfyUI set-up", state, 100.0, ended_ts, None, 5)


class FakeStore:
    """Instances, keys and identities."""

    def __init__(self, *instances: Instance) -> None:
        self.by_id = {instance.id: instance for instance in instances}
        self.pinned: dict[str, HostKey] = {}
        self.offered: dict[str, HostKey] = {}
        self.saved_identities = [Identity("work", "stored", "ssh-ed25519 A", "SHA256:abc")]

    async def instances(self) -> list[Instance]:
        return sorted(self.by_id.values(), key=lambda instance: instance.name.casefold())

    async def find_instance(self, id: str) -> Instance:
        if id not in self.by_id:
            raise VastDeskError("no_instance", instance=id)
        return self.by_id[id]

    async def add_instance(self, name: str, endpoints: list[Endpoint], **fields: Any) -> Instance:
        self._refuse_taken(name, "")
        id = f"new{len(self.by_id)}"
        self.by_id[id] = Instance(id, name, tuple(endpoints), **fields)
        return self.by_id[id]

    async def update_instance(self, id: str, **fields: Any) -> Instance:
        self._refuse_taken(fields.get("name", ""), id)
        self.by_id[id] = replace(await self.find_instance(id), **fields)
        return self.by_id[id]

    async def remove_instance(self, id: str) -> None:
        await self.find_instance(id)
        del self.by_id[id]

    async def open_runs(self) -> list[Any]:
        return []

    async def identities(self) -> list[Identity]:
        return self.saved_identities

    async def find_identity(self, name: str) -> Identity:
        return next(identity for identity in self.saved_identities if identity.name == name)

    async def host_key(self, id: str) -> HostKey | None:
        return self.pinned.get(id)

    async def offered_host_key(self, id: str) -> HostKey | None:
        return self.offered.get(id)

    async def forget_host_key(self, id: str) -> None:
        self.pinned.pop(id, None)

    def _refuse_taken(self, name: str, own: str) -> None:
        if any(instance.name == name and instance.id != own for instance in self.by_id.values()):
            raise VastDeskError("instance_exists", instance=name)


class FakeEngine:
    """`climb` is what a link does when it connects."""

    def __init__(self, *instances: Instance) -> None:
        self.store = FakeStore(*instances)
        self.climb: Callable[[Callable[[Rung], Awaitable[None]]], Awaitable[None]] = climb_all
        self.trusted: list[str] = []
        self.facts: dict[str, Any] = FACTS

    def new_link(self, instance: Instance) -> Any:
        async def close() -> None:
            """Nothing is open."""

        return SimpleNamespace(connect=self.climb, client=SimpleNamespace(probe=self.probed), close=close)

    async def probed(self) -> dict[str, Any]:
        return self.facts

    async def probe(self, instance: Instance) -> dict[str, Any]:
        return self.facts

    async def trust(self, instance_id: str, fingerprint: str) -> HostKey:
        for holder in (instance_id, f"{instance_id}:jump"):
            key = self.store.offered.get(holder)
            if key is not None and key.fingerprint == fingerprint:
                self.store.pinned[holder] = self.store.offered.pop(holder)
                self.trusted.append(fingerprint)
                return key
        raise VastDeskError("host_key_not_offered", instance=instance_id, fingerprint=fingerprint)


async def climb_all(on_rung: Callable[[Rung], Awaitable[None]]) -> None:
    for name in ("key", "resolve", "tcp", "kex", "login", "runner"):
        await on_rung(Rung(name, "running"))
        await asyncio.sleep(0)
        await on_rung(Rung(name, "succeeded", "fine", 0.01))


async def tell(state: State, engine: FakeEngine) -> None:
    """What the observer would bring after a change."""
    state.take(Changes(instances=tuple(await engine.store.instances())))
