"""Settings as texts, as functions on a connection inside a transaction. Only what was changed is stored; what a text
means, and what may be stored, `vastdesk.domain.settings` knows."""

from __future__ import annotations

import sqlite3

from vastdesk.domain.settings import Value, find_setting, parse_setting, value_of, write_setting


def setting(connection: sqlite3.Connection, name: str) -> str | None:
    """The stored text, None when the default is in use. Raises `no_setting`."""
    find_setting(name)
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def set_setting(connection: sqlite3.Connection, name: str, text: str | None) -> Value:
    """Stores a text that was checked, in its usual form; None goes back to the default. The value now in use. Raises
    `no_setting`, `bad_setting`."""
    if text is None:
        connection.execute("DELETE FROM setting WHERE name = ?", (find_setting(name).name,))
        return value_of(name, None)
    value = parse_setting(name, text)
    connection.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, write_setting(name, value)))
    return value


def all_settings(connection: sqlite3.Connection) -> dict[str, str]:
    """All stored texts, those of other versions of VastDesk too."""
    return dict(connection.execute("SELECT name, value FROM setting"))
