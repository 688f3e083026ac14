"""The three favours we ask of the Linux kernel. All are optional: elsewhere they do nothing."""

from __future__ import annotations

import signal

try:
    import ctypes
except ImportError:  # some Pythons are built without it
    ctypes = None  # type: ignore[assignment]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> bool:
    if ctypes is None:
        return False  # type: ignore[unreachable]
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0)
    except (OSError, AttributeError):  # no libc to load (a static Python), or not Linux
        return False


def become_subreaper() -> bool:
    """Orphans among our descendants become our children, so that none can leave the family by daemonising."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """For a child before exec: TERM when the parent dies. (Not KILL: it must still end what it started.)"""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def prefer_to_die(points: int) -> None:
    """For a child before exec: the out-of-memory killer takes it before the supervisor, sshd and the user's ComfyUI."""
    try:
        with open("/proc/self/oom_score_adj", "r+") as file:
            score = int(file.read())
            file.seek(0)
            file.write(str(min(1000, score + points)))
    except (OSError, ValueError):
        pass
