"""Choosing the operating system's keyring, and what its failures are called. `keyring` is imported late: it takes 0.1
s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vastdesk.domain.errors import VastDeskError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

NO_KEEPERS = ("keyring.backends.null", "keyrings.alt.file")
"""Backends that take a secret and forget it, or write it down for everybody to read."""
SHOWN_CHARACTERS = 200


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
