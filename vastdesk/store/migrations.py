"""The shape of the database, as a list of steps that only goes forward.

`PRAGMA user_version` says how many of them a file has had. To change the shape, append a `Migration`; never edit one
that was released. `tests/unit/store/test_migrations.py` fails until the new one has its test.
"""

from __future__ import annotations

import contextlib
import glob
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import value_of
from vastdesk.store.settings import setting


class Migration(NamedTuple):
    """One step: `statements` run in one transaction, in order."""

    name: str
    statements: tuple[str, ...]


FIRST_TABLES = Migration(
    "instances, runs and their events",
    (
        """CREATE TABLE identity (
            name TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            public_key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            path TEXT
        )""",
        """CREATE TABLE instance (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            identity TEXT REFERENCES identity (name),
            identity_file TEXT,
            jump TEXT,
            profile TEXT NOT NULL,
            vast_id TEXT,
            created_ts REAL NOT NULL
        )""",
        """CREATE TABLE endpoint (
            instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            user TEXT NOT NULL,
            kind TEXT NOT NULL,
            PRIMARY KEY (instance_id, position)
        ) WITHOUT ROWID""",
        # pinned: trusted by the user; offered: shown by the server, waiting for the user. One of each per instance.
        """CREATE TABLE host_key (
            instance_id TEXT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
            hop TEXT NOT NULL CHECK (hop IN ('instance', 'jump')),
            standing TEXT NOT NULL CHECK (standing IN ('pinned', 'offered')),
            algorithm TEXT NOT NULL,
            public_key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            PRIMARY KEY (instance_id, hop, standing)
        ) WITHOUT ROWID""",
        # key: a small number for the millions of events to point at. instance_id is no foreign key: the history of a
        # run outlives its instance.
        """CREATE TABLE run (
            key INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            instance_id TEXT NOT NULL,
            workflow TEXT NOT NULL,
            request_digest TEXT NOT NULL,
            retry_of TEXT,
            state TEXT NOT NULL,
            place TEXT NOT NULL CHECK (place IN ('waiting', 'active', 'ended')),
            created_ts REAL NOT NULL,
            ended_ts REAL,
            owner TEXT,
            last_rseq INTEGER NOT NULL DEFAULT 0
        )""",
        # the promise "one run at a time on an instance", kept by the database itself
        "CREATE UNIQUE INDEX run_one_active ON run (instance_id) WHERE place = 'active'",
        "CREATE INDEX run_waiting ON run (instance_id, key) WHERE place = 'waiting'",
        """CREATE TABLE job (
            key INTEGER PRIMARY KEY AUTOINCREMENT,
            run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
            id TEXT NOT NULL,
            spec TEXT,
            created_ts REAL NOT NULL,
            last_seq INTEGER NOT NULL DEFAULT 0,
            UNIQUE (run_key, id)
        )""",
        # clustered by run and number: a run is read in one sweep however many others wrote meanwhile
        """CREATE TABLE event (
            run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
            rseq INTEGER NOT NULL,
            job_key INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (run_key, rseq),
            UNIQUE (job_key, seq)
        ) WITHOUT ROWID""",
        """CREATE TABLE snapshot (
            run_key INTEGER PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
            rseq INTEGER NOT NULL,
            body TEXT NOT NULL
        )""",
        """CREATE TABLE command (
            key INTEGER PRIMARY KEY AUTOINCREMENT,
            run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            reason TEXT NOT NULL,
            ts REAL NOT NULL,
            taken_ts REAL
        )""",
        "CREATE INDEX command_waiting ON command (run_key) WHERE taken_ts IS NULL",
        "CREATE INDEX command_run ON command (run_key)",
        "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (FIRST_TABLES,)


BACKUP = ".before-v"
"""Between the name of the database and the version that a backup was made before."""


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations this file has had."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Brings the file to the newest shape, after a copy beside it (`<path>.before-v<N>`) when it held something.

    Raises `VastDeskError("store_newer")` when the file has had more migrations than we know. A migration that fails
    leaves the file at the version before it.
    """
    found, known = version_of(connection), len(migrations)
    if found > known:
        raise VastDeskError("store_newer", path=path, found=found, known=known)
    if found == known:
        return
    if found > 0:
        _back_up(connection, path.with_name(f"{path.name}{BACKUP}{known}"))
        _drop_old_backups(connection, path)
    for number in range(found, known):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number].statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy under `target`. Not a copy of the file: what is still in the WAL would be missing from it."""
    unfinished = target.with_name(target.name + ".new")
    unfinished.unlink(missing_ok=True)
    copy = sqlite3.connect(unfinished)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    unfinished.replace(target)


def _drop_old_backups(connection: sqlite3.Connection, path: Path) -> None:
    keep = int(value_of("backup_count", setting(connection, "backup_count")))
    found = {
        int(number): backup
        for backup in path.parent.glob(f"{glob.escape(path.name)}{BACKUP}*")
        if (number := backup.name.removeprefix(path.name + BACKUP)).isdigit()
    }
    for version in sorted(found, reverse=True)[keep:]:
        found[version].unlink(missing_ok=True)
