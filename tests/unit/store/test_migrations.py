"""The shape of the database: every step forward, with what users had stored before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.store import Store
from vastdesk.store.db import connect
from vastdesk.store.migrations import MIGRATIONS, Migration, migrate, version_of

FILL_AND_CHECK: dict[int, tuple[str, Callable[[sqlite3.Connection], bool]]] = {
    # by version: SQL that fills a database of the version before, and what must be true of it after the migration
    1: ("", lambda c: c.execute("SELECT count(*) FROM run").fetchone() == (0,)),
}

NEXT = Migration("colours", ("CREATE TABLE colour (name TEXT)", "INSERT INTO colour SELECT name FROM instance"))
LATER = Migration("more colours", ("INSERT INTO colour VALUES ('late')",))
BROKEN = Migration("half", ("CREATE TABLE half (x)", "INSERT INTO nowhere VALUES (1)"))
INSTANCE = "INSERT INTO instance (id, name, profile, created_ts) VALUES ('i', 'red', '{}', 1)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vastdesk.db"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A database of the newest released shape, with an instance in it."""
    with closing(connect(path, 1)) as connection:
        migrate(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(INSTANCE)
        yield connection


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_every_migration_keeps_what_was_there(path: Path, version: int) -> None:
    fill, check = FILL_AND_CHECK[version]
    with closing(connect(path, 1)) as connection:
        migrate(connection, path, MIGRATIONS[: version - 1])
        connection.executescript(fill)
        migrate(connection, path, MIGRATIONS[:version])
        assert version_of(connection) == version and check(connection)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_data_goes_through_several_migrations(path: Path, database: sqlite3.Connection) -> None:
    migrate(database, path, (*MIGRATIONS, NEXT, LATER))
    assert version_of(database) == len(MIGRATIONS) + 2
    assert database.execute("SELECT name FROM colour").fetchall() == [("red",), ("late",)]


def test_a_migration_is_made_once(path: Path, database: sqlite3.Connection) -> None:
    for _ in range(2):
        migrate(database, path, (*MIGRATIONS, NEXT))
    assert database.execute("SELECT count(*) FROM colour").fetchone() == (1,)


def test_before_a_migration_everything_is_copied_also_what_is_not_in_the_main_file_yet(
    path: Path, database: sqlite3.Connection
) -> None:
    assert path.with_name("vastdesk.db-wal").stat().st_size > 0
    migrate(database, path, (*MIGRATIONS, NEXT))
    with closing(sqlite3.connect(path.with_name(f"vastdesk.db.before-v{len(MIGRATIONS) + 1}"))) as copy:
        assert version_of(copy) == len(MIGRATIONS)
        assert copy.execute("SELECT name FROM instance").fetchall() == [("red",)]


def test_a_new_database_needs_no_copy(path: Path, database: sqlite3.Connection) -> None:
    migrate(database, path)
    assert not list(path.parent.glob("*before*"))


def test_old_copies_are_dropped_as_the_setting_says(path: Path, database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO setting VALUES ('backup_count', '2')")
    for number in (0, 9, 10):
        path.with_name(f"vastdesk.db.before-v{number}").touch()
    path.with_name("vastdesk.db.before-vacation").touch()
    migrate(database, path, (*MIGRATIONS, *[NEXT, LATER][: 12 - len(MIGRATIONS)]))
    left = sorted(file.name for file in path.parent.glob("*before*"))
    assert left == ["vastdesk.db.before-v10", "vastdesk.db.before-v9", "vastdesk.db.before-vacation"]


def test_a_migration_that_fails_leaves_the_version_before(path: Path, database: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(database, path, (*MIGRATIONS, NEXT, BROKEN))
    assert version_of(database) == len(MIGRATIONS) + 1
    assert database.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    assert database.execute("SELECT name FROM colour").fetchall() == [("red",)]


def test_a_newer_database_is_refused_with_both_versions(path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA user_version = 99")
    with pytest.raises(VastDeskError) as caught:
        migrate(database, path)
    assert caught.value.kind == "store_newer"
    assert "99" in str(caught.value) and str(len(MIGRATIONS)) in str(caught.value)


async def test_a_newer_database_is_left_untouched(tmp_path: Path) -> None:
    await (await Store.open(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "vastdesk.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / "vastdesk.db").read_bytes()
    with pytest.raises(VastDeskError, match="newer"):
        await Store.open(tmp_path)
    assert (tmp_path / "vastdesk.db").read_bytes() == before


def test_a_second_run_at_an_instance_is_refused_by_the_file_itself(database: sqlite3.Connection) -> None:
    run = (
        "INSERT INTO run (id, instance_id, workflow, request_digest, state, place, created_ts)"
        " VALUES (?, 'i', '', '', '', ?, 1)"
    )
    database.execute(run, ("a", "active"))
    database.execute(run, ("b", "waiting"))
    database.execute(run, ("c", "ended"))
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(run, ("d", "active"))


def test_an_event_twice_is_refused_by_the_file_itself(database: sqlite3.Connection) -> None:
    test_a_second_run_at_an_instance_is_refused_by_the_file_itself(database)
    event = "INSERT INTO event (run_key, rseq, job_key, seq, body) VALUES (1, ?, 1, ?, '{}')"
    database.execute(event, (1, 1))
    for again in ((1, 2), (2, 1)):
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(event, again)
