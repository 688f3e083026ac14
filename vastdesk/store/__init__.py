"""SQLite, settings and secrets. `Store` is the door; SQL stays in this package."""

from vastdesk.store.rows import Command, JobRow, NewRun, RunHead, RunRow
from vastdesk.store.store import Store

__all__ = ["Command", "JobRow", "NewRun", "RunHead", "RunRow", "Store"]
