"""`vastdesk identities`: the SSH keys to log in with. What is stored is encrypted; its passphrase is in the keyring."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from vastdesk.cli import shapes
from vastdesk.cli.instances import checked_name
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.keys import read_secret
from vastdesk.cli.report import on_terminal, wrong_use
from vastdesk.cli.sessions import open_store
from vastdesk.cli.text import columns
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Identity
from vastdesk.store import Store
from vastdesk.store.secrets import Secrets, StoredKey, new_passphrase

MAX_KEY_BYTES = 1 << 18


def list_all(args: argparse.Namespace) -> int:
    return asyncio.run(_list(args))


async def _list(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        listed = await store.identities()
    if args.json:
        for identity in listed:
            emit(shapes.shown_identity(identity))
    elif not listed:
        write_text("No identities yet: the first key in ~/.ssh is used.\nMake one: vastdesk identities generate NAME\n")
    else:
        rows = [(each.name, each.kind, each.fingerprint, each.path or "") for each in listed]
        write_text(columns(("NAME", "KIND", "FINGERPRINT", "FILE"), rows) + "\n")
    return 0


def generate(args: argparse.Namespace) -> int:
    return asyncio.run(_generate(args))


async def _generate(args: argparse.Namespace) -> int:
    from vastdesk.remote.keymaking import generate_key

    name = checked_name(args.name, "identity")
    async with open_store(args) as store:
        await _must_be_free(store, name)
        passphrase = new_passphrase()
        made = await asyncio.to_thread(generate_key, passphrase, f"vastdesk {name}")
        identity = Identity(name, "stored", made.public_key, made.fingerprint)
        await _keep(store, Secrets(store.data_dir), identity, StoredKey(made.private, passphrase))
    return _made(args, identity)


def import_key(args: argparse.Namespace) -> int:
    return asyncio.run(_import(args))


async def _import(args: argparse.Namespace) -> int:
    name = checked_name(args.name, "identity")
    path = Path(args.file).expanduser().absolute()
    data = await asyncio.to_thread(_read, path)
    async with open_store(args) as store:
        await _must_be_free(store, name)
        if args.in_place:
            public, fingerprint = await _public_half(data, path)
            identity = await store.add_identity(Identity(name, "file", public, fingerprint, str(path)))
        else:
            identity = await _take_over(store, name, data, path)
    return _made(args, identity)


async def _take_over(store: Store, name: str, data: bytes, path: Path) -> Identity:
    from vastdesk.remote.keymaking import import_key_file

    passphrase = new_passphrase()
    try:
        made = await asyncio.to_thread(import_key_file, data, None, passphrase, str(path))
    except VastDeskError as error:
        opens_with = await _passphrase_of(error, path)
        made = await asyncio.to_thread(import_key_file, data, opens_with, passphrase, str(path))
    identity = Identity(name, "stored", made.public_key, made.fingerprint)
    await _keep(store, Secrets(store.data_dir), identity, StoredKey(made.private, passphrase))
    return identity


async def _public_half(data: bytes, path: Path) -> tuple[str, str]:
    from vastdesk.remote.keymaking import public_half

    try:
        return await asyncio.to_thread(public_half, data, None, str(path))
    except VastDeskError as error:
        opens_with = await _passphrase_of(error, path)
        return await asyncio.to_thread(public_half, data, opens_with, str(path))


async def _passphrase_of(error: VastDeskError, path: Path) -> str:
    """The passphrase for a key that turned out to be locked; any other failure stays what it is."""
    if error.kind != "key_locked" or not on_terminal():
        raise error
    given = await read_secret(f"Passphrase for {path}: ")
    if not given:
        raise error
    return given


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise wrong_use(f"{path} cannot be read: {error.strerror}", "Choose the file of a private key.") from error


async def _must_be_free(store: Store, name: str) -> None:
    """Before a key is made: afterwards it would have to be thrown away again."""
    if any(each.name == name for each in await store.identities()):
        raise VastDeskError("identity_exists", identity=name)


async def _keep(store: Store, secrets: Secrets, identity: Identity, key: StoredKey) -> None:
    await secrets.save_identity_key(identity.name, key)
    try:
        await store.add_identity(identity)
    except VastDeskError:
        await secrets.remove_identity_key(identity.name)
        raise


def _made(args: argparse.Namespace, identity: Identity) -> int:
    if args.json:
        emit(shapes.shown_identity(identity))
    else:
        write_text(f"{identity.name}: {identity.fingerprint}\n{identity.public_key}\n")
    return 0


def remove(args: argparse.Namespace) -> int:
    return asyncio.run(_remove(args))


async def _remove(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        identity = await store.find_identity(args.name)
        await store.remove_identity(identity.name)
        if identity.kind == "stored":
            await Secrets(store.data_dir).remove_identity_key(identity.name)
    write_text(f"Forgot identity {identity.name}.\n")
    return 0


def public(args: argparse.Namespace) -> int:
    return asyncio.run(_public(args))


async def _public(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        identity = await store.find_identity(args.name)
    write_text(identity.public_key + "\n")
    return 0
