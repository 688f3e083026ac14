"""The event log: every event exactly once, numbered run-wide, and the reduced view of it kept at hand."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.events import DESKTOP_JOB, FINAL_RUN_STATES, MAX_NUMBER, RUN_STATES, clean_event
from vastdesk.store import codec
from vastdesk.store.rows import Place
from vastdesk.store.runs import JobKey, enter_state, find_job, make_job, run_key

OWN_FIELDS = frozenset({"seq", "run", "job", "rseq"})
"""Fields that the columns of the table hold."""
UNREADABLE = "unreadable"
"""Type of what stands for events that cannot be used."""


class Appended(NamedTuple):
    """What was stored of a batch. `ended`: the run reached a final state in it."""

    events: list[dict[str, Any]]
    ended: bool


class _Run(NamedTuple):
    key: int
    instance_id: str
    place: Place
    last_rseq: int


def append(connection: sqlite3.Connection, run_id: str, job: str, events: Iterable[Mapping[str, Any]]) -> Appended:
    """Stores those of the events that are new in their job (`seq` above the last) and gives them back as stored.

    What is there already is dropped, so sending again is harmless. A gap is a hole in the log on the instance, a
    damaged line: `RunnerClient.watch` asks again before it believes in one. In its place stands one `unreadable`
    event with the `count` of those that are missing, so that nothing is ever lost unseen.
    """
    run = _run(connection, run_id)
    found = find_job(connection, run.key, job)
    last = found.last_seq if found else 0
    new: list[dict[str, Any]] = []
    for seq, event in sorted(((_seq(event), event) for event in events), key=itemgetter(0)):
        if seq <= last:
            continue
        if seq > last + 1:
            new.append(_stand_in(event, last + 1, seq - last - 1))
        new.append(clean_event(event) or _stand_in(event, seq, 1))
        last = seq
    if not new:
        return Appended([], False)
    return _insert(connection, run_id, run, job, found or make_job(connection, run.key, job), new)


def _seq(event: Mapping[str, Any]) -> int:
    """The event's number, 0 for one that has none that could be stored."""
    seq = event.get("seq")
    return seq if type(seq) is int and 0 < seq <= MAX_NUMBER else 0


def _stand_in(neighbour: Mapping[str, Any], seq: int, count: int) -> dict[str, Any]:
    """What stands for `count` events from `seq` on that cannot be used."""
    times = {name: neighbour.get(name) for name in ("ts", "mono")}
    stand_in = clean_event({"seq": seq, "type": UNREADABLE, "count": count, **times})
    assert stand_in is not None, "it has a number and a type"
    return stand_in


def append_desktop(connection: sqlite3.Connection, run_id: str, type: str, fields: Mapping[str, Any]) -> Appended:
    """Stores one event of the engine. Its numbers and times are given here, inside the transaction: two processes may
    write at once (one drives the run, the other cancels it)."""
    run = _run(connection, run_id)
    found = find_job(connection, run.key, DESKTOP_JOB) or make_job(connection, run.key, DESKTOP_JOB)
    event = clean_event(
        {**fields, "seq": found.last_seq + 1, "ts": time.time(), "mono": time.monotonic(), "type": type}
    )
    if event is None or (type == "run_state" and event.get("state") not in RUN_STATES):
        raise ValueError(f"not an event: {type} {dict(fields)}")
    return _insert(connection, run_id, run, DESKTOP_JOB, found, [event])


def _insert(
    connection: sqlite3.Connection, run_id: str, run: _Run, job: str, at: JobKey, events: list[dict[str, Any]]
) -> Appended:
    first = run.last_rseq + 1
    connection.executemany(
        "INSERT INTO event (run_key, rseq, job_key, seq, body) VALUES (?, ?, ?, ?, ?)",
        [
            (run.key, rseq, at.key, event["seq"], codec.dump({k: v for k, v in event.items() if k not in OWN_FIELDS}))
            for rseq, event in enumerate(events, first)
        ],
    )
    connection.execute("UPDATE job SET last_seq = ? WHERE key = ?", (events[-1]["seq"], at.key))
    connection.execute("UPDATE run SET last_rseq = ? WHERE key = ?", (run.last_rseq + len(events), run.key))
    ended = False
    if job == DESKTOP_JOB:
        for event in events:
            if event["type"] == "run_state" and "state" in event:
                place: Place = connection.execute("SELECT place FROM run WHERE key = ?", (run.key,)).fetchone()[0]
                enter_state(connection, run.key, run.instance_id, place, event["state"], event.get("ts", 0.0))
                ended = event["state"] in FINAL_RUN_STATES
    stored = [{**event, "run": run_id, "job": job, "rseq": rseq} for rseq, event in enumerate(events, first)]
    return Appended(stored, ended)


def last_seq(connection: sqlite3.Connection, run_id: str, job: str) -> int:
    """The number of the job's newest stored event, 0 when there is none."""
    found = find_job(connection, run_key(connection, run_id), job)
    return found.last_seq if found else 0


def events_since(connection: sqlite3.Connection, run_id: str, since: int, limit: int) -> list[dict[str, Any]]:
    """At most `limit` events with `rseq` > `since`, in order."""
    key = run_key(connection, run_id)
    jobs = dict(connection.execute("SELECT key, id FROM job WHERE run_key = ?", (key,)))
    rows = connection.execute(
        "SELECT rseq, job_key, seq, body FROM event WHERE run_key = ? AND rseq > ? ORDER BY rseq LIMIT ?",
        (key, since, limit),
    )
    return [
        {"seq": seq, **_fields(body), "run": run_id, "job": jobs[job], "rseq": rseq} for rseq, job, seq, body in rows
    ]


def _fields(body: str) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = codec.load(body)
    except ValueError:  # a flipped bit on the disk: one event is not worth the run
        return {"type": UNREADABLE}
    return fields


def _run(connection: sqlite3.Connection, run_id: str) -> _Run:
    row = connection.execute("SELECT key, instance_id, place, last_rseq FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise VastDeskError("no_run", run=run_id)
    return _Run(*row)
