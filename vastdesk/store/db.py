"""The thread that owns the SQLite connection, and what its failures are called.

All SQL runs in one thread: `sqlite3` calls block, and one writer a process keeps the order of writes obvious. Callers
await, from any event loop and from several `asyncio.run` one after another: nothing here belongs to a loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from vastdesk.domain.errors import VastDeskError

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

NEARLY_FULL_BYTES = 1_000_000
"""Less free space than this explains an I/O error: SQLite reports a full disk as such only for some of its writes."""


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection set up as every part of the store expects it. Transactions are ours alone (`isolation_level=None`
    means the same in Python 3.11 to 3.13; the `autocommit` attribute of 3.12 does not exist before)."""
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except BaseException:
        connection.close()
        raise
    return connection


def suspect_mark(path: Path) -> Path:
    """The file whose existence says: damage was met while working, look through the whole database at the next
    start."""
    return path.with_name(path.name + ".suspect")


class Database:
    """One SQLite file, open in one thread of its own.

    Jobs given to `read` and `write` run there one after another, each in its own transaction; a job may be run again
    when the file was locked by another process, so it must change nothing but the database. Raises `VastDeskError`
    (`store_…`) for failures of the environment; mistakes in our SQL stay what they are.
    """

    def __init__(self, path: Path, *, busy_s: float = 10.0) -> None:
        self.path = path
        self.busy_s = busy_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vastdesk-store")
        self._connection: sqlite3.Connection | None = None
        self._changes = 0
        self._seen_version = 0

    async def open(self, opener: Callable[[Path, float], sqlite3.Connection]) -> None:
        """Opens the file by `opener(path, busy_s)`, in the thread. After a failure there is nothing to close."""

        def work() -> None:
            self._connection = opener(self.path, self.busy_s)

        try:
            await asyncio.wrap_future(self._thread.submit(self._guarded, work))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Waits for the jobs that were given before, then closes. May be called twice."""

        def work() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        with contextlib.suppress(RuntimeError):  # the thread has ended: closed before
            # shielded: a cancelled caller must not leave the file open
            await asyncio.shield(asyncio.wrap_future(self._thread.submit(work)))
        self._thread.shutdown(wait=True)

    async def read(self, work: Work[T]) -> T:
        """The result of `work(connection)`, which sees one unchanging state of the database."""
        return await asyncio.wrap_future(self._thread.submit(self._transaction, work, "BEGIN"))

    async def write(self, work: Work[T], *, durable: bool = False) -> T:
        """The result of `work(connection)`, committed; when it raises, nothing was changed.

        `durable`: on the disk when this returns, also if the power fails then (about 5 ms on an SSD, more on a hard
        disk). Without it a power failure may take the last moments, never the file's integrity.
        """
        return await asyncio.wrap_future(self._thread.submit(self._write, work, durable))

    def write_later(self, work: Work[None]) -> None:
        """Runs `work` after what was given before, for work whose failure matters to nobody but the log."""
        self._thread.submit(self._write, work, False).add_done_callback(_log_failure)

    async def change_count(self) -> int:
        """A number that grows whenever any process has changed the database. Costs microseconds; good for asking
        often."""
        return await asyncio.wrap_future(self._thread.submit(self._guarded, self._count_changes))

    # ---- in the thread

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the store is closed")
        return self._connection

    def _write(self, work: Work[T], durable: bool) -> T:
        connection = self._open_connection()
        before = connection.total_changes
        if not durable:
            result = self._transaction(work, "BEGIN IMMEDIATE")
        else:
            connection.execute("PRAGMA synchronous = FULL")  # outside the transaction: inside SQLite refuses it
            try:
                result = self._transaction(work, "BEGIN IMMEDIATE")
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")
        # asking, as for a run that somebody drives, is no change: whoever waits for one would wake itself up for ever
        self._changes += connection.total_changes != before
        return result

    def _transaction(self, work: Work[T], begin: str) -> T:
        connection = self._open_connection()

        def attempt() -> T:
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                # a full disk has rolled back already; a failing ROLLBACK must not hide why
                with contextlib.suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise
            return result

        return self._guarded(attempt)

    def _guarded(self, attempt: Callable[[], T]) -> T:
        """`attempt()`, again while the file is locked (SQLite's own waiting does not cover every case: switching to
        WAL, recovery after a crash of another process), its failures translated."""
        deadline = time.monotonic() + self.busy_s
        while True:
            try:
                return attempt()
            except sqlite3.Error as error:
                if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() < deadline:
                    time.sleep(random.uniform(0.002, 0.02))
                    continue
                raise _translated(error, self.path) from error

    def _count_changes(self) -> int:
        # data_version changes when another connection commits, never by our own commits
        (version,) = self._open_connection().execute("PRAGMA data_version").fetchone()
        if version != self._seen_version:
            self._seen_version = version
            self._changes += 1
        return self._changes


def _code(error: sqlite3.Error) -> int:
    """The primary result code (https://sqlite.org/rescode.html), 0 for errors of the Python module itself."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, not its surroundings."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _translated(error: sqlite3.Error, path: Path) -> Exception:
    if is_damage(error):
        with contextlib.suppress(OSError):
            suspect_mark(path).touch()
        return VastDeskError("store_damaged", path=path)
    code = _code(error)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return VastDeskError("store_readonly", path=path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return VastDeskError("store_locked", path=path)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _nearly_full(path)):
        return VastDeskError("store_full", path=path)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_PROTOCOL):
        return VastDeskError("store_failed", path=path, detail=str(error))
    return error


def _nearly_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < NEARLY_FULL_BYTES
    except OSError:
        return False


def _log_failure(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("work in the store's background failed", exc_info=error)
