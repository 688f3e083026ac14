"""Instances, their endpoints, identities and host keys, as they cross borders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EndpointKind = Literal["saved", "direct", "proxy"]
IdentityKind = Literal["file", "stored", "agent"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to reach an instance. An instance may have several, tried in order."""

    host: str
    port: int
    user: str
    kind: EndpointKind = "saved"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Instance:
    """One machine. `profile` holds what the user or `probe` knows of it: `comfyui` and `python` paths."""

    id: str
    name: str
    endpoints: tuple[Endpoint, ...]
    identity: str | None = None
    """Name of a saved identity."""
    identity_file: str | None = None
    """Path of a private key on this computer, used when there is no `identity`."""
    jump: str | None = None
    """`user@host:port` of a jump host."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    vast_id: str | None = None
    created_ts: float = 0.0


@dataclass(frozen=True, slots=True)
class HostKey:
    """A server's public key: `public_key` is `<algorithm> <base64>` as in known_hosts, `fingerprint` is `SHA256:…`."""

    algorithm: str
    public_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Identity:
    """An SSH key pair. kind `file`: the user's own file at `path`; `stored`: an encrypted file of ours, its passphrase
    in the keyring; `agent`: held by the SSH agent, only `public_key` is known here."""

    name: str
    kind: IdentityKind
    public_key: str
    fingerprint: str
    path: str | None = None
