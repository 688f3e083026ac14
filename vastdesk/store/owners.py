"""Which process drives which run.

Every open store is an owner: an id, and a lock on `owners/<id>.lock` that the operating system drops when the process
dies, however it dies. A run names its owner; whoever can take that owner's lock knows that it is dead and may take
over. All probing happens inside a write transaction, so that two processes never probe the same lock at once.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from vastdesk.domain.ids import new_id


class Owner:
    """This process (more exactly: this store) as a driver of runs."""

    def __init__(self, folder: Path) -> None:
        self.id = new_id()
        self._folder = folder
        self._lock = self._lock_of(self.id)

    def begin(self) -> None:
        """Takes the own lock and removes what dead owners left. Call inside a write transaction."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._lock.is_locked:
            self._lock.acquire(blocking=False)
        for path in self._folder.glob("*.lock"):
            self.is_alive(path.stem)

    def end(self) -> None:
        """Gives the lock back."""
        if self._lock.is_locked:
            self._lock.release()
            self._path_of(self.id).unlink(missing_ok=True)

    def is_alive(self, owner: str | None) -> bool:
        """Whether that owner's process lives. Call inside a write transaction."""
        if owner is None:
            return False
        if owner == self.id:
            return True
        path = self._path_of(owner)
        if not path.exists():
            return False
        lock = self._lock_of(owner)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        path.unlink(missing_ok=True)  # ids are never used again, so nobody waits for this file
        return False

    def _path_of(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _lock_of(self, owner: str) -> FileLock:
        # not thread-local: taken in the store's thread, and it must count for the whole process
        return FileLock(self._path_of(owner), thread_local=False)
