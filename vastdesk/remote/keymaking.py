"""Making and taking over keys: ed25519 by default; what leaves here is encrypted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.keys import Locked, import_key

if TYPE_CHECKING:
    import asyncssh


KDF_ROUNDS = 16
"""ssh-keygen's default, 0.1 s. More would protect a weak passphrase; ours are 256 random bits."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A private key ready to be written, and its public half."""

    private: bytes = field(repr=False)
    """OpenSSH form, encrypted with the passphrase that was given."""
    public_key: str
    """One line for authorized_keys, comment included."""
    fingerprint: str


def generate_key(passphrase: str, comment: str) -> KeyFile:
    """A new ed25519 key. Blocks for the key derivation (0.1 s): call it in a thread."""
    import asyncssh

    return _encrypted(asyncssh.generate_private_key("ssh-ed25519", comment=comment), passphrase)


def import_key_file(data: bytes, opens_with: str | None, passphrase: str, name: str) -> KeyFile:
    """A key of the user, encrypted anew with `passphrase`. Blocks like `generate_key`.

    Raises `key_locked` when it is encrypted and `opens_with` is missing or wrong, `key_unreadable` when it is no key.
    """
    try:
        key = import_key(data, opens_with, name)
    except Locked:
        raise VastDeskError("key_locked", path=name) from None
    return _encrypted(key, passphrase)


def public_half(data: bytes, opens_with: str | None, name: str) -> tuple[str, str]:
    """Public key line and fingerprint of a private key that stays where it is. Raises as `import_key_file`."""
    try:
        key = import_key(data, opens_with, name)
    except Locked:
        raise VastDeskError("key_locked", path=name) from None
    return _public_line(key), key.get_fingerprint()


def read_public_key(text: str) -> tuple[str, str]:
    """A public key line, cleaned, and its fingerprint. Raises `key_unreadable`."""
    import asyncssh

    try:
        key = asyncssh.import_public_key(text)
    except asyncssh.KeyImportError:
        raise VastDeskError("key_unreadable", path="the text", detail="it is no public key in OpenSSH form") from None
    return _public_line(key), key.get_fingerprint()


def _encrypted(key: asyncssh.SSHKey, passphrase: str) -> KeyFile:
    private = key.export_private_key("openssh", passphrase=passphrase, rounds=KDF_ROUNDS, ignore_few_rounds=True)
    return KeyFile(private, _public_line(key), key.get_fingerprint())


def _public_line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode("utf-8").strip()
