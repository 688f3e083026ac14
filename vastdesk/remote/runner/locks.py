"""File locks as a sign of life: the kernel drops them with the process, whatever ends it.

They are immune to recycled pids, zombies, wrong clocks and reboots, which pid files and heartbeats are not.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import Optional


def try_lock(path: str, patience_s: float = 0.0) -> Optional[int]:
    """Take the lock: a descriptor that holds it until it is closed (also by death), or None if another has it.

    A reader that tests the lock holds it for an instant; `patience_s` outlasts that.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(fd)
                return None
            time.sleep(0.01)
        except BaseException:
            os.close(fd)
            raise


def is_locked(path: str) -> bool:
    """Whether a living process holds the lock."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks: rather wait for ever than call a living job lost
        return True
    finally:
        os.close(fd)
    return False
