"""The key of a jump host is kept beside the instance's own, and neither answers for the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey
from vastdesk.store import Store

OWN = HostKey("ssh-ed25519", "ssh-ed25519 AAAAown", "SHA256:own")
JUMP = HostKey("ssh-ed25519", "ssh-ed25519 AAAAjump", "SHA256:jump")


async def test_each_hop_has_its_own_pin(tmp_path: Path) -> None:
    async with await Store.open(tmp_path) as store:
        box = await store.add_instance("box", [Endpoint("h", 22, "root")], jump="root@j:22")
        await store.offer_host_key(f"{box.id}:jump", JUMP)
        assert await store.host_key(box.id) is None
        assert await store.trust_host_key(box.id, JUMP.fingerprint) == JUMP
        assert await store.host_key(f"{box.id}:jump") == JUMP
        assert await store.host_key(box.id) is None
        await store.offer_host_key(box.id, OWN)
        assert await store.trust_host_key(box.id, OWN.fingerprint) == OWN
        assert (await store.host_key(box.id), await store.host_key(f"{box.id}:jump")) == (OWN, JUMP)
        await store.forget_host_key(box.id)
        assert await store.host_key(f"{box.id}:jump") is None
        with pytest.raises(VastDeskError):
            await store.trust_host_key(box.id, JUMP.fingerprint)
