"""Secrets too long for a keyring: a file encrypted with AES-GCM, whose random key the keyring keeps."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

MARK = "vastdesk-vault:1:"
"""Begins what the keyring holds for such a secret: the mark, the file's name, `:`, the key in base64."""
NONCE_BYTES = 12
KEY_BYTES = 32


def write(folder: Path, service: str, value: str) -> str:
    """Encrypts `value` into a new file and returns what the keyring is to hold. A new name and a new key every time:
    until the keyring's entry is changed the old file stays good, so a crash in between loses nothing."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name, key, nonce = secrets.token_hex(16), os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    write_private(
        folder / name, nonce + AESGCM(key).encrypt(nonce, value.encode("utf-8", "surrogatepass"), service.encode())
    )
    return f"{MARK}{name}:{base64.b64encode(key).decode()}"


def read(folder: Path, service: str, entry: str) -> str | None:
    """The secret, or None when its file is gone or is not the one that was written."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    path, key = _parts(folder, entry)
    try:
        data = path.read_bytes()
        return (
            AESGCM(key)
            .decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], service.encode())
            .decode("utf-8", "surrogatepass")
        )
    except (FileNotFoundError, InvalidTag, ValueError):
        return None


def remove(folder: Path, entry: str) -> None:
    """Removes the file that belongs to the keyring's entry."""
    _parts(folder, entry)[0].unlink(missing_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Writes the file by renaming a finished one, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(
        os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600), "wb"
    ) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _parts(folder: Path, entry: str) -> tuple[Path, bytes]:
    name, _, key = entry.removeprefix(MARK).partition(":")
    # the entry may have been put there by somebody else: a name, never a path
    return folder / "".join(c for c in name if c in "0123456789abcdef"), base64.b64decode(key)
