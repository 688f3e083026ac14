"""The reduced view of a run, kept beside its events so that a long run opens as fast as a short one."""

from __future__ import annotations

import sqlite3

import vastdesk
from vastdesk.store import codec
from vastdesk.store.events import events_since
from vastdesk.store.runs import run_key

EVERY = 2_000
"""A snapshot at least every so many events: reducing that many takes about 20 ms."""
CHUNK = 5_000
"""Events reduced in one go, so that other work of the store's thread waits 50 ms at most."""


class Replay:
    """A reducer on its way to the newest event of a run. Each method is one short job for the store's thread."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        from vastdesk.domain.reduce import Reducer

        self.reducer = Reducer()
        self._at = 0
        self._replayed = 0

    def begin(self, connection: sqlite3.Connection) -> None:
        """Starts from the snapshot, if there is one that this version of VastDesk made."""
        row = connection.execute(
            "SELECT rseq, body FROM snapshot WHERE run_key = ? AND version = ?",
            (run_key(connection, self.run_id), vastdesk.__version__),
        ).fetchone()
        if row is not None:
            self._at, self.reducer = row[0], type(self.reducer)(codec.load(row[1]))

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
        """Whether enough was replayed for the next reader to be glad about a snapshot."""
        return self._replayed >= EVERY

    def save(self, connection: sqlite3.Connection) -> None:
        """Keeps the view as it is now, unless a newer one is there."""
        connection.execute(
            "INSERT INTO snapshot (run_key, rseq, version, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (run_key) DO UPDATE"
            " SET rseq = excluded.rseq, version = excluded.version, body = excluded.body"
            " WHERE excluded.rseq > rseq OR excluded.version <> version",
            (run_key(connection, self.run_id), self._at, vastdesk.__version__, codec.dump(self.reducer.snapshot())),
        )


def keep_up(connection: sqlite3.Connection, run_id: str) -> None:
    """Makes the snapshot of a run as it stands now."""
    replay = Replay(run_id)
    replay.begin(connection)
    while replay.step(connection):
        pass
    replay.save(connection)
