"""Private keys: from a file, from our own encrypted store, or left in the SSH agent. Exactly one key is ever offered.

Key derivation and file access run in threads. A passphrase is asked for through a callback and forgotten at once; the
unlocked key is kept in memory, as long as the process lives.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Identity, Instance

if TYPE_CHECKING:
    import asyncssh

DEFAULT_FILES = ("id_ed25519", "id_ecdsa", "id_rsa")
TRIES = 3
MAX_KEY_BYTES = 1 << 18

Ask = Callable[[str], Awaitable[str | None]]
"""Shows a question and returns the passphrase, or None when the user gives up. Must not block the loop."""
FindIdentity = Callable[[str], Awaitable[Identity]]
ReadStored = Callable[[Identity], Awaitable[tuple[bytes, str | None]]]
"""The encrypted bytes of a stored identity and the passphrase that opens them, from the keyring."""


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key that can log in. `description` tells the user which one; nothing in it is secret."""

    pair: Any = field(repr=False)
    """What asyncssh takes as a client key: a private key, or an agent's key pair."""
    fingerprint: str
    description: str


class KeySource:
    """Where the key of an instance comes from: its identity, its key file, or the default file in `~/.ssh`."""

    def __init__(
        self,
        *,
        ask: Ask | None = None,
        find_identity: FindIdentity | None = None,
        read_stored: ReadStored | None = None,
        ssh_dir: Path | None = None,
        agent_path: str | None = None,
    ) -> None:
        """Without `ask`, a locked key raises `key_locked`. `agent_path` defaults to what the environment says."""
        self._ask = ask
        self._find_identity = find_identity
        self._read_stored = read_stored
        self._ssh_dir = ssh_dir if ssh_dir is not None else Path.home() / ".ssh"
        self._agent_path = agent_path
        self._unlocked: dict[str, asyncssh.SSHKey] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def __repr__(self) -> str:
        return f"<KeySource {self._ssh_dir}>"

    @contextlib.asynccontextmanager
    async def opened(self, instance: Instance) -> AsyncIterator[LoadedKey]:
        """The one key to offer; an agent stays connected inside the block.

        Raises `key_missing`, `key_unreadable`, `key_locked`, `agent_missing`, `agent_lacks_key`; what `find_identity`
        and `read_stored` raise passes through.
        """
        identity = await self._identity(instance)
        if identity is not None and identity.kind == "agent":
            async with _agent_key(identity, self._agent_path) as key:
                yield key
        elif identity is not None and identity.kind == "stored":
            yield await self._stored(identity)
        else:
            chosen = identity.path if identity is not None else instance.identity_file
            yield await self._file(Path(chosen).expanduser() if chosen else self._default_file())

    async def _identity(self, instance: Instance) -> Identity | None:
        if instance.identity is None:
            return None
        if self._find_identity is None:
            raise VastDeskError("key_missing", path=instance.identity)
        return await self._find_identity(instance.identity)

    def _default_file(self) -> Path:
        """The first that exists, as `ssh` would choose it, and only that one."""
        for name in DEFAULT_FILES:
            if (self._ssh_dir / name).exists():
                return self._ssh_dir / name
        raise VastDeskError("key_missing", path=f"{self._ssh_dir}{os.sep}{DEFAULT_FILES[0]}")

    async def _stored(self, identity: Identity) -> LoadedKey:
        if self._read_stored is None:
            raise VastDeskError("key_missing", path=identity.name)
        data, passphrase = await self._read_stored(identity)
        name = f"identity {identity.name}"
        key = await self._unlock(data, name, passphrase)
        return LoadedKey(key, key.get_fingerprint(), f"{name} ({key.get_fingerprint()})")

    async def _file(self, path: Path) -> LoadedKey:
        data, warning = await asyncio.to_thread(_read_key_file, path)
        key = await self._unlock(data, str(path), None)
        parts = [f"{path} ({key.get_fingerprint()})", warning]
        return LoadedKey(key, key.get_fingerprint(), "; ".join(part for part in parts if part))

    async def _unlock(self, data: bytes, name: str, passphrase: str | None) -> asyncssh.SSHKey:
        digest = hashlib.sha256(data).hexdigest()
        # One lock a key: ten instances that connect at once ask once.
        async with self._locks.setdefault(digest, asyncio.Lock()):
            if digest not in self._unlocked:
                self._unlocked[digest] = await self._import(data, name, passphrase)
            return self._unlocked[digest]

    async def _import(self, data: bytes, name: str, passphrase: str | None) -> asyncssh.SSHKey:
        try:
            return await asyncio.to_thread(import_key, data, passphrase, name)
        except Locked:
            if passphrase is not None or self._ask is None:
                raise VastDeskError("key_locked", path=name) from None
        for attempt in range(TRIES):
            prompt = f"Passphrase for {name}: " if attempt == 0 else f"That was not it. Passphrase for {name}: "
            given = await self._ask(prompt)
            if given is None:
                break
            with contextlib.suppress(Locked):
                return await asyncio.to_thread(import_key, data, given, name)
        raise VastDeskError("key_locked", path=name)


class Locked(Exception):
    """The key is encrypted, and the passphrase missing or wrong."""


def import_key(data: bytes, passphrase: str | None, name: str) -> asyncssh.SSHKey:
    """Raises Locked, or VastDeskError("key_unreadable"). Nothing of the key or the passphrase is in either."""
    import asyncssh

    try:
        return asyncssh.import_private_key(data, passphrase)
    except asyncssh.KeyEncryptionError:
        raise Locked from None
    except asyncssh.KeyImportError as error:
        if "Passphrase must be specified" in str(error):
            raise Locked from None
        if data.lstrip().startswith(b"PuTTY"):
            detail = "it is a PuTTY key; export it as an OpenSSH key with PuTTYgen"
        elif data.lstrip().startswith((b"ssh-", b"ecdsa-", b"sk-")):
            detail = "it is the public half; choose the file without .pub"
        else:
            detail = "it is no private key in OpenSSH or PEM form"
        raise VastDeskError("key_unreadable", path=name, detail=detail) from None


def _read_key_file(path: Path) -> tuple[bytes, str]:
    """The bytes of a private key, and a warning when others can read it. Raises `key_missing`, `key_unreadable`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_BYTES)
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        raise VastDeskError("key_missing", path=str(path)) from None
    except OSError as error:
        raise VastDeskError("key_unreadable", path=str(path), detail=error.strerror or "cannot be opened") from error
    return data, permission_warning(path, mode)


def permission_warning(path: Path, mode: int) -> str:
    """What to tell the user about a key file that others can read; "" when all is well. Windows has no such bits."""
    if sys.platform == "win32" or not stat.S_IMODE(mode) & 0o077:
        return ""
    return f"others on this computer can read {path}: run chmod 600 on it"


@contextlib.asynccontextmanager
async def _agent_key(identity: Identity, agent_path: str | None) -> AsyncIterator[LoadedKey]:
    import asyncssh

    wanted = base64.b64decode(identity.public_key.split()[1])
    try:
        agent = await asyncssh.connect_agent(agent_path or "")
    except (OSError, asyncssh.Error) as error:
        raise VastDeskError("agent_missing", identity=identity.name) from error
    try:
        try:
            pairs = await agent.get_keys()
        except ValueError as error:
            raise VastDeskError("agent_missing", identity=identity.name) from error
        for pair in pairs:
            if pair.public_data == wanted:
                description = f"agent key {identity.name} ({identity.fingerprint})"
                yield LoadedKey(pair, identity.fingerprint, description)
                return
        raise VastDeskError("agent_lacks_key", identity=identity.name, fingerprint=identity.fingerprint)
    finally:
        agent.close()
        await agent.wait_closed()
