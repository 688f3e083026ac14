"""Opening the database file: making it, recognising damage, moving it aside."""

from __future__ import annotations

import errno
import os
import sqlite3
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from vastdesk.domain.errors import VastDeskError
from vastdesk.store.db import connect, is_damage, suspect_mark
from vastdesk.store.migrations import MIGRATIONS, Migration, migrate, version_of
from vastdesk.store.salvage import salvage

APPLICATION_ID = 0x56444B31
"""`VDK1` in the header of the file (https://sqlite.org/fileformat.html#application_id), so that we never write into the
database of another program."""
MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm")
"""What belongs to a database file and moves with it."""
OPENING_S = 30.0
"""How long to wait for another process that is opening, and perhaps migrating, the same file."""


class Damage(NamedTuple):
    """Why a file cannot be used. `worth_reading`: parts of it may still be legible."""

    what: str
    worth_reading: bool


DAMAGED = Damage("was damaged", True)


class Opener:
    """Opens the file at a path; `notices` then says what the user should know about it, in sentences."""

    def __init__(self, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self.notices: list[str] = []
        self._migrations = migrations

    def __call__(self, path: Path, busy_s: float) -> sqlite3.Connection:
        """A connection to a whole database of the newest shape. One process at a time opens, so that two that start
        together neither migrate twice nor move each other's new file aside. Runs in the store's thread; raises
        `store_…`."""
        try:
            with FileLock(path.with_name(path.name + ".opening"), timeout=OPENING_S, thread_local=False):
                return self._open(path, busy_s)
        except Timeout as error:
            raise VastDeskError("store_locked", path=path) from error
        except OSError as error:
            raise os_error(error, path) from error

    def _open(self, path: Path, busy_s: float) -> sqlite3.Connection:
        damage = damage_of_file(path)
        if damage is None and path.exists():
            opened = self._open_existing(path, busy_s)
            if isinstance(opened, sqlite3.Connection):
                return opened
            damage = opened
        if damage is None:
            self._make(path, busy_s)
        else:
            self._replace(path, busy_s, damage)
        connection = connect(path, busy_s)
        _use_wal(connection)
        return connection

    def _open_existing(self, path: Path, busy_s: float) -> sqlite3.Connection | Damage:
        try:
            connection = connect(path, busy_s)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return DAMAGED
            raise
        try:
            damage = self._damage_inside(connection, path)
            if damage is None:
                migrate(connection, path, self._migrations)
                _use_wal(connection)
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        return damage

    def _damage_inside(self, connection: sqlite3.Connection, path: Path) -> Damage | None:
        """What is broken behind a sound header. Looks at both ends of every table, which finds a lost end of the file
        in milliseconds; at everything when damage was met while working."""
        try:
            if version_of(connection) > len(self._migrations):
                return None  # not ours to judge: `migrate` refuses it
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                for order in ("ASC", "DESC"):
                    connection.execute(f'SELECT * FROM "{name}" ORDER BY 1 {order} LIMIT 1').fetchall()
            if suspect_mark(path).exists():
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    return DAMAGED
                suspect_mark(path).unlink(missing_ok=True)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                return DAMAGED
            raise
        return None

    def _make(self, path: Path, busy_s: float) -> None:
        """A new file, complete before it has its name: a crash in between leaves no half-made database."""
        unfinished = path.with_name(path.name + ".new")
        for leftover in (unfinished, *(unfinished.with_name(unfinished.name + end) for end in BESIDE)):
            leftover.unlink(missing_ok=True)
        os.close(
            os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        )  # SQLite gives its other files this mode
        connection = connect(unfinished, busy_s)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            migrate(connection, unfinished, self._migrations)
        finally:
            connection.close()
        unfinished.replace(path)

    def _replace(self, path: Path, busy_s: float, damage: Damage) -> None:
        aside = _move_aside(path)
        suspect_mark(path).unlink(missing_ok=True)
        self._make(path, busy_s)
        notice = f"The database {path} {damage.what}. It was moved to {aside.name} and a new one was made."
        if damage.worth_reading and (saved := salvage(aside, path)):
            notice += f" Saved from it: {saved}."
        self.notices.append(notice + " Runs that are still on are found again on their instances.")


def damage_of_file(path: Path) -> Damage | None:
    """What the file's outside tells, without SQLite: None when it is absent or looks like a database of ours."""
    if path.is_dir():
        return Damage("was a folder", False)
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    if size == 0:
        return Damage("was empty", False)
    if len(header) < 100 or not header.startswith(MAGIC):
        return Damage("was not a database", False)
    (application,) = struct.unpack_from(">I", header, 68)
    if application != APPLICATION_ID:
        return Damage("belonged to another program", False)
    wal = path.with_name(path.name + "-wal")
    if (not wal.exists() or wal.stat().st_size == 0) and size < _expected_size(header):
        return Damage("had lost its end", True)
    return None


def _expected_size(header: bytes) -> int:
    """The size the header tells of, bytes (https://sqlite.org/fileformat.html#in_header_database_size)."""
    (page_size,) = struct.unpack_from(">H", header, 16)
    changes, pages = struct.unpack_from(">II", header, 24)
    (valid_for,) = struct.unpack_from(">I", header, 92)
    return pages * (65536 if page_size == 1 else page_size) if changes == valid_for else 0


def _move_aside(path: Path) -> Path:
    """Renames the database and what belongs to it to `<name>.damaged-<UTC time>`. The new place."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 2
    while aside.exists():
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
        number += 1
    try:
        path.rename(aside)
        for end in BESIDE:
            beside = path.with_name(path.name + end)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + end))
    except PermissionError as error:  # Windows: another process has it open
        raise VastDeskError("store_damaged", path=path) from error
    return aside


def _use_wal(connection: sqlite3.Connection) -> None:
    # Where WAL cannot be (some network drives) SQLite stays with its rollback journal: slower, as safe.
    connection.execute("PRAGMA journal_mode = WAL")


def os_error(error: OSError, path: Path) -> VastDeskError:
    """The store's word for a failure of the file system."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return VastDeskError("store_readonly", path=path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return VastDeskError("store_full", path=path)
    return VastDeskError("store_failed", path=path, detail=error.strerror or type(error).__name__)
