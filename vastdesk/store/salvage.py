"""What can still be read from a damaged database is carried over: a broken page among a million events should not
cost the list of instances and the host keys that were trusted."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

log = logging.getLogger(__name__)

WORTH_SAVING = (  # parents before children
    ("identity", "identities"),
    ("instance", "instances"),
    ("endpoint", ""),
    ("host_key", ""),
    ("setting", "settings"),
)
"""Tables, and the word for their rows when they are worth a word."""


def salvage(damaged: Path, fresh: Path) -> str:
    """Copies the small tables from `damaged` into `fresh`, row by row as far as they can be read. What was saved, in
    words."""
    said = []
    try:
        with closing(sqlite3.connect(f"file:{_quoted(damaged)}?mode=ro", uri=True)) as source:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as target:
                for table, word in WORTH_SAVING:
                    count = _copy(source, target, table)
                    if word and count:
                        said.append(f"{count} {word}")
    except sqlite3.Error:
        log.warning("the damaged database cannot be read", exc_info=True)
    return ", ".join(said)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> int:
    """How many rows of the table could be copied; a damaged file may be of an older shape, so only columns that both
    have."""
    count = 0
    try:
        theirs = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
        columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[1] in theirs]
        if not columns:
            return 0
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        for row in source.execute(f"SELECT {names} FROM {table}"):
            count += target.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row).rowcount
    except sqlite3.Error:
        log.warning("table %s of the damaged database can be read in part only", table, exc_info=True)
    return count


def _quoted(path: Path) -> str:
    return path.resolve().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
