"""Runs, their jobs and the commands given to them, as functions on a connection inside a transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.events import DESKTOP_JOB, FINAL_RUN_STATES
from vastdesk.store import codec
from vastdesk.store.owners import Owner
from vastdesk.store.rows import Command, JobRow, NewRun, Place, RunHead, RunRow

_COLUMNS = "id, instance_id, workflow, state, created_ts, retry_of, owner, place, ended_ts, last_rseq"


def create_run(connection: sqlite3.Connection, new: NewRun, owner: str) -> RunRow:
    """The run, made and owned by `owner` unless it has to wait. The same id with the same request: the run that is
    there.

    Raises `run_differs` (same id, another request), `instance_busy` (another run is on and `queue` was not asked for).
    """
    request = codec.digest(
        {"instance": new.instance_id, "request": new.workflow if new.request is None else new.request}
    )
    existing = connection.execute("SELECT request_digest FROM run WHERE id = ?", (new.id,)).fetchone()
    if existing is not None:
        if existing[0] != request:
            raise VastDeskError("run_differs", run=new.id)
        return run_by_id(connection, new.id)
    place: Place = "active"
    if new.queue:
        (ahead,) = connection.execute(
            "SELECT count(*) FROM run WHERE instance_id = ? AND place IN ('active', 'waiting')", (new.instance_id,)
        ).fetchone()
        place = "waiting" if ahead else "active"
    if place == "active":
        refuse_if_busy(connection, new.instance_id)
    connection.execute(
        "INSERT INTO run (id, instance_id, workflow, request_digest, retry_of, state, place, created_ts, owner)"
        " VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (
            new.id,
            new.instance_id,
            codec.dump(new.workflow),
            request,
            new.retry_of,
            place,
            time.time(),
            owner if place == "active" else None,
        ),
    )
    return run_by_id(connection, new.id)


def refuse_if_busy(connection: sqlite3.Connection, instance_id: str) -> None:
    """Raises `instance_busy`, naming the run, when one is on."""
    busy = connection.execute(
        "SELECT id FROM run WHERE instance_id = ? AND place = 'active'", (instance_id,)
    ).fetchone()
    if busy is not None:
        name = connection.execute("SELECT name FROM instance WHERE id = ?", (instance_id,)).fetchone()
        raise VastDeskError("instance_busy", run=busy[0], instance=name[0] if name else instance_id)


def run_by_id(connection: sqlite3.Connection, run_id: str) -> RunRow:
    """The run with exactly this id, or `no_run`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise VastDeskError("no_run", run=run_id)
    return _run_row(row)


def find_run(connection: sqlite3.Connection, text: str) -> RunRow:
    """The run with this id, with an id that begins so, or the `last` one made. Raises `no_run`, `run_ambiguous`."""
    if text == "last":
        row = connection.execute(f"SELECT {_COLUMNS} FROM run ORDER BY key DESC LIMIT 1").fetchone()
        if row is None:
            raise VastDeskError("no_run", run="yet")
        return _run_row(row)
    beginning = text.strip().lower()
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM run WHERE id = ? OR (? <> '' AND substr(lower(id), 1, length(?)) = ?)"
        " ORDER BY key DESC",
        (text, beginning, beginning, beginning),
    ).fetchall()
    exact = [row for row in rows if row[0] in (text, beginning)]
    if len(rows) > 1 and not exact:
        shown = [row[0] for row in rows[:5]] + (["…"] if len(rows) > 5 else [])
        raise VastDeskError("run_ambiguous", run=text, candidates=", ".join(shown))
    if not rows:
        raise VastDeskError("no_run", run=text)
    return _run_row((exact or rows)[0])


def list_runs(connection: sqlite3.Connection, limit: int | None) -> list[RunRow]:
    """The newest runs first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM run ORDER BY key DESC LIMIT ?", (-1 if limit is None else limit,)
    )
    return [_run_row(row) for row in rows]


def open_runs(connection: sqlite3.Connection) -> list[RunRow]:
    """Those that have not ended, the newest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM run WHERE place <> 'ended' ORDER BY key DESC")
    return [_run_row(row) for row in rows]


def open_numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of the newest event of each run that has not ended: a light look at what is going on."""
    return dict(connection.execute("SELECT id, last_rseq FROM run WHERE place <> 'ended'").fetchall())


def history(connection: sqlite3.Connection) -> list[RunHead]:
    """All runs without what they consist of, the newest first: thousands are listed at once."""
    rows = connection.execute(
        "SELECT id, instance_id, json_extract(workflow, '$.name'), state, created_ts, ended_ts, retry_of, last_rseq"
        " FROM run ORDER BY key DESC"
    )
    return [RunHead(*row) for row in rows]


def history_mark(connection: sqlite3.Connection) -> tuple[int, int, float]:
    """Changes whenever the history does, as cheap as it gets: how many runs, how many open, the newest end."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(place <> 'ended'), 0), coalesce(max(ended_ts), 0) FROM run"
    ).fetchone()
    return int(row[0]), int(row[1]), float(row[2])


def forget_run(connection: sqlite3.Connection, run_id: str) -> int:
    """Removes the run with all that belongs to it if it has ended. How many were removed: 1 or 0."""
    return connection.execute("DELETE FROM run WHERE id = ? AND place = 'ended'", (run_id,)).rowcount


def ended_before(connection: sqlite3.Connection, ts: float) -> list[str]:
    """Ids of the runs that ended before `ts` (UTC seconds)."""
    return [row[0] for row in connection.execute("SELECT id FROM run WHERE place = 'ended' AND ended_ts < ?", (ts,))]


def next_waiting(connection: sqlite3.Connection, instance_id: str) -> RunRow | None:
    """The run whose turn it is: the first of those that wait, once no run is on."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM run WHERE instance_id = ? AND place = 'waiting'"
        " AND NOT EXISTS (SELECT 1 FROM run WHERE instance_id = ? AND place = 'active') ORDER BY key LIMIT 1",
        (instance_id, instance_id),
    ).fetchone()
    return None if row is None else _run_row(row)


def claim_run(connection: sqlite3.Connection, run_id: str, owner: Owner) -> bool:
    """Makes `owner` the driver of the run, and takes a waiting run's place at the instance when it is its turn.

    False: a living process drives it, or it waits and its turn has not come.
    """
    row = run_by_id(connection, run_id)
    if row.owner != owner.id and owner.is_alive(row.owner):
        return False
    if row.place == "waiting":
        due = next_waiting(connection, row.instance_id)
        if due is None or due.id != run_id:
            return False
        connection.execute("UPDATE run SET place = 'active' WHERE id = ?", (run_id,))
    if row.owner != owner.id:
        connection.execute("UPDATE run SET owner = ? WHERE id = ?", (owner.id, run_id))
    return True


def release_run(connection: sqlite3.Connection, run_id: str, owner: str) -> None:
    """`owner` drives the run no longer."""
    connection.execute("UPDATE run SET owner = NULL WHERE id = ? AND owner = ?", (run_id, owner))


def release_all(connection: sqlite3.Connection, owner: str) -> None:
    """`owner` drives nothing any longer."""
    connection.execute("UPDATE run SET owner = NULL WHERE owner = ?", (owner,))


def enter_state(
    connection: sqlite3.Connection, run_key: int, instance_id: str, place: Place, state: str, ts: float
) -> None:
    """What a `run_state` event means for the run's row. Raises `instance_busy` when an ended run would go on (resume)
    on an instance that another run holds."""
    if state in FINAL_RUN_STATES:
        connection.execute(
            "UPDATE run SET state = ?, place = 'ended', ended_ts = ? WHERE key = ?", (state, ts, run_key)
        )
        return
    if place == "ended" or (place == "waiting" and state != "queued"):
        refuse_if_busy(connection, instance_id)
        place = "active"
    connection.execute("UPDATE run SET state = ?, place = ?, ended_ts = NULL WHERE key = ?", (state, place, run_key))


class JobKey(NamedTuple):
    key: int
    last_seq: int


def find_job(connection: sqlite3.Connection, run_key: int, job: str) -> JobKey | None:
    """The job's small number and the `seq` of its newest event, if it is there."""
    row = connection.execute("SELECT key, last_seq FROM job WHERE run_key = ? AND id = ?", (run_key, job)).fetchone()
    return JobKey(*row) if row else None


def make_job(connection: sqlite3.Connection, run_key: int, job: str) -> JobKey:
    """A new job without its spec: events may come before it, as when a run is found again on its instance after the
    database was lost."""
    key = connection.execute(
        "INSERT INTO job (run_key, id, created_ts) VALUES (?, ?, ?)", (run_key, job, time.time())
    ).lastrowid
    assert key is not None
    return JobKey(key, 0)


def run_key(connection: sqlite3.Connection, run_id: str) -> int:
    """The small number of the run, or `no_run`."""
    row = connection.execute("SELECT key FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise VastDeskError("no_run", run=run_id)
    return int(row[0])


def add_job(connection: sqlite3.Connection, run_id: str, job: str, spec: Mapping[str, Any]) -> None:
    """Stores a job before it is sent. Again with the same id: the first spec stays."""
    run = run_key(connection, run_id)
    key = (find_job(connection, run, job) or make_job(connection, run, job)).key
    connection.execute("UPDATE job SET spec = ? WHERE key = ? AND spec IS NULL", (codec.dump(spec), key))


def jobs_of(connection: sqlite3.Connection, run_id: str) -> list[JobRow]:
    """The jobs for the instance, in the order of their making; not the desktop's own."""
    rows = connection.execute(
        "SELECT id, spec, created_ts, last_seq FROM job WHERE run_key = ? AND id <> ? ORDER BY key",
        (run_key(connection, run_id), DESKTOP_JOB),
    )
    return [
        JobRow(run_id, job, None if spec is None else codec.load(spec), created_ts, last_seq)
        for job, spec, created_ts, last_seq in rows
    ]


def add_command(connection: sqlite3.Connection, run_id: str, kind: str, reason: str) -> None:
    """Notes what the user asked of the run, for the process that drives it."""
    connection.execute(
        "INSERT INTO command (run_key, kind, reason, ts) VALUES (?, ?, ?, ?)",
        (run_key(connection, run_id), kind, reason, time.time()),
    )


def has_commands(connection: sqlite3.Connection, run_id: str) -> bool:
    """Whether somebody asked something that nobody has taken yet."""
    row = connection.execute(
        "SELECT 1 FROM command WHERE taken_ts IS NULL AND run_key = (SELECT key FROM run WHERE id = ?) LIMIT 1",
        (run_id,),
    ).fetchone()
    return row is not None


def runs_with_commands(connection: sqlite3.Connection) -> list[str]:
    """Ids of the runs of which something was asked that nobody has taken yet."""
    rows = connection.execute(
        "SELECT DISTINCT run.id FROM command JOIN run ON run.key = command.run_key WHERE command.taken_ts IS NULL"
    )
    return [row[0] for row in rows]


def take_commands(connection: sqlite3.Connection, run_id: str) -> list[Command]:
    """The commands not taken before, in order; each is handed out once."""
    key = run_key(connection, run_id)
    rows = connection.execute(
        "SELECT kind, reason, ts FROM command WHERE run_key = ? AND taken_ts IS NULL ORDER BY key", (key,)
    ).fetchall()
    connection.execute("UPDATE command SET taken_ts = ? WHERE run_key = ? AND taken_ts IS NULL", (time.time(), key))
    return [Command(*row) for row in rows]


def _run_row(row: tuple[Any, ...]) -> RunRow:
    return RunRow(row[0], row[1], codec.load(row[2]), *row[3:])
