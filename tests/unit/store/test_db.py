"""The thread that owns the database: order, loops, and what its failures are called."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.store.db import Database, connect, suspect_mark


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "t.db", busy_s=0.05)
    await database.open(connect)
    await database.write(lambda c: run(c, "CREATE TABLE t (x TEXT)"))
    yield database
    await database.close()


@pytest.fixture
def outsider(db: Database) -> Iterator[sqlite3.Connection]:
    """Another program with the file open."""
    connection = sqlite3.connect(db.path, isolation_level=None, timeout=0)
    yield connection
    connection.close()


def run(connection: sqlite3.Connection, sql: str) -> None:
    connection.execute(sql)


def rows(connection: sqlite3.Connection) -> list[str]:
    return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY rowid")]


async def kind_of(awaitable: object) -> str:
    with pytest.raises(VastDeskError) as caught:
        await awaitable  # type: ignore[misc]
    assert str(caught.value) and caught.value.action
    return caught.value.kind


async def test_all_work_is_done_in_one_thread_in_order(db: Database) -> None:
    threads: set[str] = set()

    def add(connection: sqlite3.Connection, n: int) -> None:
        threads.add(threading.current_thread().name)
        run(connection, f"INSERT INTO t VALUES ('{n}')")

    await asyncio.gather(*(db.write(lambda c, n=n: add(c, n)) for n in range(20)))  # type: ignore[misc]
    assert await db.read(rows) == [str(n) for n in range(20)]
    assert len(threads) == 1 and threads != {threading.current_thread().name}


async def test_what_raises_changes_nothing(db: Database) -> None:
    def half(connection: sqlite3.Connection) -> None:
        run(connection, "INSERT INTO t VALUES ('half')")
        raise LookupError("the other half")

    for durable in (False, True):
        with pytest.raises(LookupError):
            await db.write(half, durable=durable)
    assert await db.read(rows) == []


async def test_mistakes_in_our_sql_stay_what_they_are(db: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await db.read(lambda c: run(c, "SELECT * FROM nope"))


def test_one_database_serves_one_loop_after_another(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db")
    asyncio.run(database.open(connect))
    asyncio.run(database.write(lambda c: run(c, "CREATE TABLE t (x TEXT)")))
    asyncio.run(database.write(lambda c: run(c, "INSERT INTO t VALUES ('a')")))
    assert asyncio.run(database.read(rows)) == ["a"]
    asyncio.run(database.close())


async def test_closing_waits_for_what_was_begun_and_may_be_said_twice(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db")
    await database.open(connect)
    database.write_later(lambda c: run(c, "CREATE TABLE t (x TEXT)"))
    await database.close()
    await database.close()
    with pytest.raises(RuntimeError):
        await database.read(rows)
    assert not (tmp_path / "t.db-wal").exists()
    await database_with_table(tmp_path / "t.db")


async def database_with_table(path: Path) -> None:
    database = Database(path)
    await database.open(connect)
    assert await database.read(rows) == []
    await database.close()


async def test_a_caller_that_is_cancelled_leaves_the_database_usable(db: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait(10)
        run(connection, "INSERT INTO t VALUES ('slow')")

    caller = asyncio.ensure_future(db.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await db.write(lambda c: run(c, "INSERT INTO t VALUES ('next')"))
    assert await db.read(rows) == ["slow", "next"]


async def test_work_for_later_that_fails_is_logged(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    db.write_later(lambda c: run(c, "SELECT nope"))
    await db.read(rows)
    assert "no such column: nope" in caplog.text


async def test_durable_writes_wait_for_the_disk_and_others_do_not(db: Database) -> None:
    def synchronous(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    assert [await db.write(synchronous, durable=durable) for durable in (False, True, False)] == [1, 2, 1]


# ---- the environment fails


async def test_a_lock_of_another_program_is_waited_for(db: Database, outsider: sqlite3.Connection) -> None:
    attempts = 0

    def add(connection: sqlite3.Connection) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY  # not waited for by SQLite itself
            raise error
        run(connection, "INSERT INTO t VALUES ('x')")

    await db.write(add)
    assert (attempts, await db.read(rows)) == (2, ["x"])


async def test_a_lock_that_stays_is_named(db: Database, outsider: sqlite3.Connection) -> None:
    outsider.execute("BEGIN IMMEDIATE")
    assert await kind_of(db.write(lambda c: run(c, "INSERT INTO t VALUES ('x')"))) == "store_locked"
    outsider.execute("ROLLBACK")
    await db.write(lambda c: run(c, "INSERT INTO t VALUES ('x')"))


async def test_a_full_disk_is_named_and_what_was_stored_stays(db: Database) -> None:
    await db.write(lambda c: run(c, "INSERT INTO t VALUES ('kept')"))
    pages = await db.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await db.read(lambda c: run(c, f"PRAGMA max_page_count = {pages}"))
    assert await kind_of(db.write(lambda c: run(c, f"INSERT INTO t VALUES ('{'x' * 9000}')"))) == "store_full"
    await db.read(lambda c: run(c, f"PRAGMA max_page_count = {pages + 10}"))  # somebody freed some space
    await db.write(lambda c: run(c, "INSERT INTO t VALUES ('again')"))
    assert await db.read(rows) == ["kept", "again"]


async def test_an_io_error_on_a_full_disk_is_a_full_disk(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(connection: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        raise error

    assert await kind_of(db.write(failing)) == "store_failed"
    monkeypatch.setattr("vastdesk.store.db.NEARLY_FULL_BYTES", 2**63)
    assert await kind_of(db.write(failing)) == "store_full"


async def test_a_disk_that_became_read_only_is_named(db: Database) -> None:
    await db.read(lambda c: run(c, "PRAGMA query_only = 1"))
    assert await kind_of(db.write(lambda c: run(c, "INSERT INTO t VALUES ('x')"))) == "store_readonly"


async def test_damage_met_while_working_is_named_and_remembered(db: Database, outsider: sqlite3.Connection) -> None:
    await db.write(lambda c: run(c, "PRAGMA writable_schema = 1"))
    await db.write(lambda c: run(c, "UPDATE sqlite_master SET rootpage = 999"))
    await db.write(lambda c: run(c, "PRAGMA schema_version = 77"))
    assert await kind_of(db.read(rows)) == "store_damaged"
    assert suspect_mark(db.path).exists()


async def test_changes_are_counted_for_all_connections(db: Database, outsider: sqlite3.Connection) -> None:
    counts = [await db.change_count(), await db.change_count()]
    outsider.execute("INSERT INTO t VALUES ('x')")
    counts += [await db.change_count(), await db.change_count()]
    await db.write(lambda c: run(c, "INSERT INTO t VALUES ('y')"))
    counts += [await db.change_count()]
    assert counts[0] == counts[1] < counts[2] == counts[3] < counts[4]
