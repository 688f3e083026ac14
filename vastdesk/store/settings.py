"""Settings, as functions on a connection inside a transaction. Only what differs from the table's default is stored."""

from __future__ import annotations

import sqlite3


def setting(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_setting(connection: sqlite3.Connection, name: str, text: str) -> None:
    connection.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, text))


def all_settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, value FROM setting"))
