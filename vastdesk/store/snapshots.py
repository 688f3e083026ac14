"""The reduced view of a run, kept beside its events so that a long run opens as fast as a short one."""

from __future__ import annotations

import logging
import sqlite3

from vastdesk.domain.reduce import Reducer
from vastdesk.store import codec
from vastdesk.store.events import events_since
from vastdesk.store.runs import run_key

log = logging.getLogger(__name__)

EVERY = 1_000
"""A snapshot at least every so many events: reducing them takes about 20 ms, now and when the run is opened."""
CHUNK = 1_000
"""Events reduced in one go, so that other work of the store's thread need not wait long."""


class Replay:
    """A reducer on its way to the newest event of a run. Each method is one short job for the store's thread."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.reducer = Reducer()
        self._at = 0
        self._replayed = 0

    def begin(self, connection: sqlite3.Connection) -> None:
        """Starts from the snapshot, if there is one that this version of the reducer understands."""
        row = connection.execute(
            "SELECT rseq, body FROM snapshot WHERE run_key = ?", (run_key(connection, self.run_id),)
        ).fetchone()
        if row is None:
            return
        try:
            self._at, self.reducer = row[0], Reducer(codec.load(row[1]))
        except ValueError as error:
            log.info("the snapshot of run %s is not used: %s", self.run_id, error)
            self._at, self.reducer = 0, Reducer()

    def step(self, connection: sqlite3.Connection) -> bool:
        """Applies what comes next, at most `CHUNK` events. False: nothing was left."""
        batch = events_since(connection, self.run_id, self._at, CHUNK)
        for event in batch:
            self.reducer.apply(event)
        if batch:
            self._at = batch[-1]["rseq"]
            self._replayed += len(batch)
        return len(batch) == CHUNK

    @property
    def is_worth_saving(self) -> bool:
        """Whether so much was replayed that the next reader will be glad about a snapshot."""
        return self._replayed >= EVERY

    def save(self, connection: sqlite3.Connection) -> None:
        """Keeps the view as it is now, unless a newer one is there."""
        connection.execute(
            "INSERT INTO snapshot (run_key, rseq, body) VALUES (?, ?, ?)"
            " ON CONFLICT (run_key) DO UPDATE SET rseq = excluded.rseq, body = excluded.body"
            " WHERE excluded.rseq >= rseq",
            (run_key(connection, self.run_id), self._at, codec.dump(self.reducer.snapshot())),
        )


def keep_up(connection: sqlite3.Connection, run_id: str) -> None:
    """Makes the snapshot of a run as it stands now."""
    replay = Replay(run_id)
    replay.begin(connection)
    while replay.step(connection):
        pass
    replay.save(connection)
