"""Host keys: pinned per instance id, never per host and port, because Vast gives both to other machines."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Protocol

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey

if TYPE_CHECKING:
    import asyncssh

ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class HostKeys(Protocol):
    """Where pins are kept; the store is one."""

    async def host_key(self, instance_id: str) -> HostKey | None:
        """The pinned key."""

    async def offer_host_key(self, instance_id: str, key: HostKey) -> None:
        """Remember the key that was shown, so that the user can trust exactly that one."""


def jump_id(instance_id: str) -> str:
    """Under which id the key of an instance's jump host is pinned."""
    return f"{instance_id}:jump"


def algorithms_for(pin: HostKey | None) -> list[str]:
    """What to ask the server for: the pinned kind first, or it would show another of its keys and look changed.

    The others stay: a server that has only another kind now is a changed server, not one without a common algorithm.
    """
    if pin is None:
        return list(ALGORITHMS)
    kinds = ("rsa-sha2-512", "rsa-sha2-256") if pin.algorithm == "ssh-rsa" else (pin.algorithm,)
    first = [name for name in ALGORITHMS if name in kinds]
    return first + [name for name in ALGORITHMS if name not in kinds]


def to_host_key(key: asyncssh.SSHKey) -> HostKey:
    """What a server showed, in the words of the domain."""
    public_key = " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])
    return HostKey(key.get_algorithm(), public_key, key.get_fingerprint())


def is_pinned(pin: HostKey | None, shown: HostKey) -> bool:
    """Byte for byte; comments do not count."""
    return pin is not None and pin.public_key.split()[:2] == shown.public_key.split()[:2]


def refusal(name: str, endpoint: Endpoint, shown: HostKey, pin: HostKey | None) -> VastDeskError:
    """Why a key was refused, with the command that would trust it."""
    facts = {
        "name": name,
        "host": endpoint.host,
        "port": endpoint.port,
        "algorithm": shown.algorithm,
        "fingerprint": shown.fingerprint,
        "trust": f"vastdesk instances trust {shlex.quote(name)} {shown.fingerprint}",
    }
    if pin is None:
        return VastDeskError("host_key_unknown", **facts)
    return VastDeskError("host_key_changed", pinned=pin.fingerprint, **facts)
