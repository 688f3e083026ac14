"""Secrets: in the operating system's keyring, never in a file, a log or the database as plain text.

A keyring may ask the user for its password, may be locked, and may never answer: every call runs in a thread of its
own, and the caller stops waiting after a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets as randomness
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard, TypeVar
from urllib.parse import quote

from vastdesk.domain.errors import VastDeskError
from vastdesk.store import vault
from vastdesk.store.opening import os_error

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")

KEYRING_CHARACTERS = 1_280
"""What Windows' store holds: 2,560 bytes of UTF-16. Longer secrets go to the vault, on every system alike."""
TIMEOUT_S = 60.0
"""How long a user may take to answer the keyring's prompt."""
PASSPHRASE_BYTES = 32
NO_KEEPERS = ("keyring.backends.null", "keyrings.alt.file")
"""Backends that take a secret and forget it, or write it down for everybody to read."""
SHOWN_CHARACTERS = 200


class StoredKey(NamedTuple):
    """The private key of a `stored` identity: an encrypted file and what opens it."""

    data: bytes
    """OpenSSH private key format, encrypted."""
    passphrase: str

    def __repr__(self) -> str:
        return "StoredKey(…)"  # never into a log or a traceback by accident


def new_passphrase() -> str:
    """A random one for a new key file, of 256 bits."""
    return randomness.token_urlsafe(PASSPHRASE_BYTES)


class Secrets:
    """The secrets of one data folder. `backend` None: the keyring of this computer, found at first use.

    Methods raise `VastDeskError`: `keyring_missing`, `keyring_null`, `keyring_locked` (also: it did not answer in
    time), `keyring_failed`. Each secret has a kind (`api-key`, `passphrase`, …) and a name.
    """

    def __init__(self, data_dir: Path, *, backend: KeyringBackend | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._vault = data_dir / "vault"
        self._identities = data_dir / "identities"
        self._given = backend
        self._backend: KeyringBackend | None = None
        self._timeout_s = timeout_s
        self._one_at_a_time = threading.Lock()

    async def backend_name(self) -> str:
        """The keyring's name for people."""
        return await self._call(lambda backend: backend_name(backend))

    async def check(self) -> str:
        """Writes, reads and deletes a probe, for some backends fail or forget only when they are used. The keyring's
        name."""
        service, value = f"VastDesk/probe/{randomness.token_hex(8)}", randomness.token_hex(8)

        def probe(backend: KeyringBackend) -> str:
            backend.set_password(service, "probe", value)
            kept = backend.get_password(service, "probe") == value
            if kept:
                backend.delete_password(service, "probe")
            if not kept or backend.get_password(service, "probe") is not None:
                raise VastDeskError("keyring_null", backend=backend_name(backend))
            return backend_name(backend)

        return await self._call(probe)

    async def get(self, kind: str, name: str) -> str | None:
        """The secret, or None when there is none."""
        service = _service(kind, name)

        def work(backend: KeyringBackend) -> str | None:
            entry = backend.get_password(service, name)
            return vault.read(self._vault, service, entry) if _is_in_vault(entry) else entry

        return await self._call(work)

    async def set(self, kind: str, name: str, value: str) -> None:
        """Stores or replaces it."""
        service = _service(kind, name)

        untold = [value]

        def work(backend: KeyringBackend) -> None:
            before = backend.get_password(service, name)
            entry = vault.write(self._vault, service, value) if _needs_vault(value) else value
            untold.append(entry)
            try:
                backend.set_password(service, name, entry)
            except BaseException:
                if entry is not value:
                    vault.remove(self._vault, entry)
                raise
            if _is_in_vault(before):
                vault.remove(self._vault, before)

        await self._call(work, untold)

    async def delete(self, kind: str, name: str) -> bool:
        """Removes it. False: there was none."""
        service = _service(kind, name)

        def work(backend: KeyringBackend) -> bool:
            entry = backend.get_password(service, name)
            if entry is None:
                return False
            backend.delete_password(service, name)
            if _is_in_vault(entry):
                vault.remove(self._vault, entry)
            return True

        return await self._call(work)

    # ---- private keys of `stored` identities

    async def save_identity_key(self, name: str, key: StoredKey) -> Path:
        """Keeps an encrypted private key as a file and its passphrase in the keyring. The file's path."""
        path = self.identity_path(name)
        # the passphrase first: a key file that nothing opens is worse than a passphrase for nothing
        await self.set("identity", _passphrase_name(name, key.data), key.passphrase)
        try:
            await asyncio.to_thread(vault.write_private, path, key.data)
        except OSError as error:
            raise os_error(error, path) from error
        return path

    async def identity_key(self, name: str) -> StoredKey:
        """The key file and its passphrase. Raises `no_identity` (no file), `identity_locked_out` (no passphrase)."""
        data = await self._identity_data(name)
        passphrase = await self.get("identity", _passphrase_name(name, data))
        if passphrase is None:
            raise VastDeskError("identity_locked_out", identity=name)
        return StoredKey(data, passphrase)

    async def remove_identity_key(self, name: str) -> None:
        """Removes file and passphrase; nothing happens when there is no file."""
        try:
            data = await self._identity_data(name)
        except VastDeskError as error:
            if error.kind == "no_identity":
                return
            raise
        await self.delete("identity", _passphrase_name(name, data))
        self.identity_path(name).unlink(missing_ok=True)

    def identity_path(self, name: str) -> Path:
        """Where the key file of that identity is. Names may hold anything, so they are percent-encoded."""
        return self._identities / (quote(name, safe=" @").replace(".", "%2E") + ".key")

    async def _identity_data(self, name: str) -> bytes:
        path = self.identity_path(name)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as error:
            raise VastDeskError("no_identity", identity=name) from error
        except OSError as error:
            raise os_error(error, path) from error

    async def _call(self, work: Callable[[KeyringBackend], T], untold: Sequence[str] = ()) -> T:
        """`work(backend)` in a thread that nobody waits for at exit, unlike those of the loop's pool: an unanswered
        prompt must not keep the program from ending."""
        future: Future[T] = Future()

        def body() -> None:
            # one call at a time; those behind a prompt that nobody answers give up when their callers do
            if not self._one_at_a_time.acquire(timeout=self._timeout_s):
                return
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(self._work(work, untold))
            except BaseException as error:  # noqa: BLE001 - it is the waiting caller's
                future.set_exception(error)
            finally:
                self._one_at_a_time.release()

        threading.Thread(target=body, name="vastdesk-keyring", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout_s)
        except TimeoutError as error:
            backend = backend_name(self._backend) if self._backend else "no answer"
            raise VastDeskError("keyring_locked", backend=backend) from error

    def _work(self, work: Callable[[KeyringBackend], T], untold: Sequence[str]) -> T:
        name = ""
        try:
            if self._backend is None:
                self._backend = choose_backend() if self._given is None else checked_backend(self._given)
            name = backend_name(self._backend)
            return work(self._backend)
        except OSError as error:
            raise os_error(error, self._vault) from error
        except Exception as error:  # noqa: BLE001 - translated, whatever backends raise
            # without its cause: a backend's traceback may show what was to be stored
            raise keyring_error(error, name, untold) from None


def _service(kind: str, name: str) -> str:
    """One service per secret: Windows' backend renames the entry of a service that gets a second one."""
    return f"VastDesk/{kind}/{name}"


def _needs_vault(value: str) -> bool:
    return value.startswith(vault.MARK) or len(value.encode("utf-16-le", "surrogatepass")) // 2 > KEYRING_CHARACTERS


def _is_in_vault(entry: str | None) -> TypeGuard[str]:
    return entry is not None and entry.startswith(vault.MARK)


def _passphrase_name(name: str, data: bytes) -> str:
    """Bound to the very file: two data folders may have an identity of the same name, but the keyring is one."""
    return f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"


# ---- the keyring of this computer; `keyring` is imported late, for it takes 0.1 s


def choose_backend() -> KeyringBackend:
    """The keyring of this computer. Raises `keyring_missing`, `keyring_null`. May wait for D-Bus: call it in a
    thread."""
    import keyring

    return checked_backend(keyring.get_keyring())


def checked_backend(backend: KeyringBackend) -> KeyringBackend:
    """The backend to use: of a chain only its first, so that a failure there never falls through to plain text."""
    chained = getattr(backend, "backends", None)
    if chained is not None:
        chained = list(chained)
        if not chained:
            raise VastDeskError("keyring_missing")
        backend = chained[0]
    module = type(backend).__module__
    if module == "keyring.backends.fail":
        raise VastDeskError("keyring_missing")
    if module.startswith(NO_KEEPERS):
        raise VastDeskError("keyring_null", backend=backend_name(backend))
    if module == "keyring.backends.Windows":
        backend.persist = "local machine"  # type: ignore[attr-defined]  # its default roams to other computers
    return backend


def backend_name(backend: KeyringBackend) -> str:
    """Its name for people, such as `SecretService Keyring`."""
    return str(getattr(backend, "name", type(backend).__name__))


def keyring_error(error: Exception, backend: str, untold: Sequence[str]) -> VastDeskError:
    """The failure in our words. `untold` is what was to be stored: whatever a backend says of it is cut out."""
    from keyring import errors

    if isinstance(error, VastDeskError):
        return error
    if isinstance(error, errors.NoKeyringError):
        return VastDeskError("keyring_missing")
    # InitError: the Secret Service has no collection yet and its prompt was dismissed or could not be shown
    if isinstance(error, errors.KeyringLocked | errors.InitError):
        return VastDeskError("keyring_locked", backend=backend)
    detail = str(error) or type(error).__name__
    for secret in filter(None, untold):
        detail = detail.replace(secret, "•••")
    return VastDeskError("keyring_failed", backend=backend, detail=detail[:SHOWN_CHARACTERS])
