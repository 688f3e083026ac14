"""Instances, their endpoints and host keys, and identities, as functions on a connection inside a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Endpoint, HostKey, Identity, Instance
from vastdesk.store import codec
from vastdesk.store.runs import refuse_if_busy

_COLUMNS = "id, name, identity, identity_file, jump, profile, vast_id, created_ts"
_CHANGEABLE = frozenset({"name", "endpoints", "identity", "identity_file", "jump", "profile", "vast_id"})

JUMP = ":jump"
"""At the end of an id: the key of the host before the instance (`remote.known.jump_id`)."""


def add_instance(connection: sqlite3.Connection, name: str, endpoints: Iterable[Endpoint], **fields: Any) -> Instance:
    """A new instance. Raises `instance_exists` (the name is taken), `no_identity`."""
    _refuse_taken_name(connection, name, None)
    _refuse_unknown_identity(connection, fields.get("identity"))
    instance_id = new_id()
    connection.execute(
        f"INSERT INTO instance ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            instance_id,
            name,
            fields.get("identity"),
            fields.get("identity_file"),
            fields.get("jump"),
            codec.dump(dict(fields.get("profile") or {})),
            fields.get("vast_id"),
            time.time(),
        ),
    )
    _set_endpoints(connection, instance_id, endpoints)
    return instance_by_id(connection, instance_id)


def instance_by_id(connection: sqlite3.Connection, instance_id: str) -> Instance:
    """The instance with exactly this id, or `no_instance`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM instance WHERE id = ?", (instance_id,)).fetchone()
    if row is None:
        raise VastDeskError("no_instance", instance=instance_id)
    return _instance(connection, row)


def find_instance(connection: sqlite3.Connection, name_or_id: str) -> Instance:
    """By exact name, else by id, else `no_instance`."""
    named = connection.execute("SELECT id FROM instance WHERE name = ?", (name_or_id,)).fetchone()
    return instance_by_id(connection, named[0] if named else name_or_id)


def list_instances(connection: sqlite3.Connection) -> list[Instance]:
    """All of them, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM instance ORDER BY name COLLATE NOCASE, name").fetchall()
    return [_instance(connection, row) for row in rows]


def update_instance(connection: sqlite3.Connection, instance_id: str, fields: Mapping[str, Any]) -> Instance:
    """Changes the given fields (those of `Instance`), replaces `endpoints` and `profile` as a whole."""
    if unknown := fields.keys() - _CHANGEABLE:
        raise TypeError(f"an instance has no field to change named {', '.join(sorted(unknown))}")
    instance_by_id(connection, instance_id)
    if "name" in fields:
        _refuse_taken_name(connection, fields["name"], instance_id)
    _refuse_unknown_identity(connection, fields.get("identity"))
    for name, value in fields.items():
        if name == "endpoints":
            _set_endpoints(connection, instance_id, value)
        else:
            stored = codec.dump(dict(value)) if name == "profile" else value
            connection.execute(f"UPDATE instance SET {name} = ? WHERE id = ?", (stored, instance_id))
    return instance_by_id(connection, instance_id)


def remove_instance(connection: sqlite3.Connection, instance_id: str) -> None:
    """Removes it with its endpoints and host keys; the history of its runs stays. Raises `instance_busy`,
    `no_instance`."""
    instance_by_id(connection, instance_id)
    refuse_if_busy(connection, instance_id)
    connection.execute("DELETE FROM instance WHERE id = ?", (instance_id,))


def host_key(connection: sqlite3.Connection, holder: str, standing: str) -> HostKey | None:
    """The `pinned` or the `offered` key of an instance, or of the host before it when the id ends in `:jump`."""
    row = connection.execute(
        "SELECT algorithm, public_key, fingerprint FROM host_key WHERE instance_id = ? AND hop = ? AND standing = ?",
        (*_hop(holder), standing),
    ).fetchone()
    return HostKey(*row) if row else None


def offer_host_key(connection: sqlite3.Connection, holder: str, key: HostKey) -> None:
    """Notes the key a server showed, for the user to decide on. Never what is trusted."""
    instance_by_id(connection, _hop(holder)[0])
    _put_host_key(connection, holder, "offered", key)


def trust_host_key(connection: sqlite3.Connection, instance_id: str, fingerprint: str) -> HostKey:
    """Pins exactly the key that was shown with this fingerprint, by the instance or by its jump host. Raises
    `host_key_not_offered`: a fingerprint from anywhere else names no key that could be pinned."""
    instance = instance_by_id(connection, instance_id)
    for holder in (instance_id, instance_id + JUMP):
        pinned = host_key(connection, holder, "pinned")
        if pinned is not None and pinned.fingerprint == fingerprint:
            return pinned  # said twice
        offered = host_key(connection, holder, "offered")
        if offered is not None and offered.fingerprint == fingerprint:
            _put_host_key(connection, holder, "pinned", offered)
            connection.execute(
                "DELETE FROM host_key WHERE instance_id = ? AND hop = ? AND standing = 'offered'", _hop(holder)
            )
            return offered
    raise VastDeskError("host_key_not_offered", instance=instance.name, fingerprint=fingerprint)


def forget_host_key(connection: sqlite3.Connection, instance_id: str) -> None:
    """The next connection asks again."""
    connection.execute("DELETE FROM host_key WHERE instance_id = ?", (instance_id,))


def list_identities(connection: sqlite3.Connection) -> list[Identity]:
    """All of them, by name."""
    rows = connection.execute(
        "SELECT name, kind, public_key, fingerprint, path FROM identity ORDER BY name COLLATE NOCASE"
    )
    return [Identity(*row) for row in rows]


def find_identity(connection: sqlite3.Connection, name: str) -> Identity:
    """By exact name, or `no_identity`."""
    row = connection.execute(
        "SELECT name, kind, public_key, fingerprint, path FROM identity WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise VastDeskError("no_identity", identity=name)
    return Identity(*row)


def add_identity(connection: sqlite3.Connection, identity: Identity) -> Identity:
    """Saves it under its name. Raises `identity_exists`."""
    if connection.execute("SELECT 1 FROM identity WHERE name = ?", (identity.name,)).fetchone():
        raise VastDeskError("identity_exists", identity=identity.name)
    connection.execute(
        "INSERT INTO identity (name, kind, public_key, fingerprint, path) VALUES (?, ?, ?, ?, ?)",
        (identity.name, identity.kind, identity.public_key, identity.fingerprint, identity.path),
    )
    return identity


def remove_identity(connection: sqlite3.Connection, name: str) -> None:
    """Raises `no_identity`, and `identity_in_use` naming the instances that log in with it."""
    find_identity(connection, name)
    users = [
        row[0] for row in connection.execute("SELECT name FROM instance WHERE identity = ? ORDER BY name", (name,))
    ]
    if users:
        raise VastDeskError("identity_in_use", identity=name, instances=", ".join(users))
    connection.execute("DELETE FROM identity WHERE name = ?", (name,))


def _instance(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Instance:
    instance_id, name, identity, identity_file, jump, profile, vast_id, created_ts = row
    endpoints = connection.execute(
        "SELECT host, port, user, kind FROM endpoint WHERE instance_id = ? ORDER BY position", (instance_id,)
    )
    return Instance(
        id=instance_id,
        name=name,
        endpoints=tuple(Endpoint(*endpoint) for endpoint in endpoints),
        identity=identity,
        identity_file=identity_file,
        jump=jump,
        profile=codec.load(profile),
        vast_id=vast_id,
        created_ts=created_ts,
    )


def _set_endpoints(connection: sqlite3.Connection, instance_id: str, endpoints: Iterable[Endpoint]) -> None:
    connection.execute("DELETE FROM endpoint WHERE instance_id = ?", (instance_id,))
    connection.executemany(
        "INSERT INTO endpoint (instance_id, position, host, port, user, kind) VALUES (?, ?, ?, ?, ?, ?)",
        [(instance_id, position, e.host, e.port, e.user, e.kind) for position, e in enumerate(endpoints)],
    )


def _put_host_key(connection: sqlite3.Connection, holder: str, standing: str, key: HostKey) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO host_key (instance_id, hop, standing, algorithm, public_key, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*_hop(holder), standing, key.algorithm, key.public_key, key.fingerprint),
    )


def _hop(holder: str) -> tuple[str, str]:
    """(instance id, whose key: the instance's or its jump host's)."""
    return (holder.removesuffix(JUMP), "jump") if holder.endswith(JUMP) else (holder, "instance")


def _refuse_taken_name(connection: sqlite3.Connection, name: str, own_id: str | None) -> None:
    row = connection.execute("SELECT id FROM instance WHERE name = ?", (name,)).fetchone()
    if row is not None and row[0] != own_id:
        raise VastDeskError("instance_exists", instance=name)


def _refuse_unknown_identity(connection: sqlite3.Connection, name: str | None) -> None:
    if name is not None:
        find_identity(connection, name)
