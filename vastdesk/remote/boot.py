"""Runs on the instance before the runner is there: says what it found, stores the runner if need be, becomes it.

Sent as text and run with `python3 -S -E -c`, so: standard library, Python >= 3.8, no imports of ours. Its arguments are
the token, the runner's SHA-256 and size. What it says are framed lines {"boot": {...}}; it reads the runner from stdin.
"""

# It runs on Python 3.8 and on bare file descriptors, like the runner.
# ruff: noqa: PTH102, PTH103, PTH105, PTH108, PTH117, PTH118, PTH120, PTH123, UP031

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import time

NAME = "vastdesk-runner.pyz"


def main(token: str, digest: str, size: int) -> None:
    """Ends by becoming `serve`, or with exit code 1 after an error was said."""
    home = home_folder()
    os.environ["HOME"] = home
    os.environ.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    base = os.environ.get("VASTDESK_HOME") or os.path.join(home, ".vastdesk")
    folder = os.path.join(base, "runner", digest)
    target = os.path.join(folder, NAME)
    have = is_whole(target, digest)
    say(token, {"python": sys.executable, "version": sys.version.split()[0], "home": base, "have": have})
    if not have:
        data = read_exactly(size)
        if hashlib.sha256(data).hexdigest() != digest:
            say(token, {"error": "damaged", "path": target, "detail": "the runner arrived damaged"})
            sys.exit(1)
        try:
            for path in (base, os.path.dirname(folder), folder):
                make_private(path)
            store(data, target)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            kind = "disk_full" if full else "not_writable"
            say(token, {"error": kind, "path": base, "detail": error.strerror or str(error)})
            sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-S", "-E", target, "serve", "--token", token])


def say(token: str, facts: dict[str, object]) -> None:
    """One framed line. It begins on a line of its own: a prompt may stand before it."""
    os.write(1, ("\n%s %s\n" % (token, json.dumps({"boot": facts}))).encode("ascii"))


def home_folder() -> str:
    """HOME, or the home of the account: a login may come with an empty environment."""
    home = os.environ.get("HOME", "")
    if os.path.isabs(home):
        return home
    import pwd

    return pwd.getpwuid(os.getuid()).pw_dir


def is_whole(path: str, digest: str) -> bool:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == digest
    except OSError:
        return False


def read_exactly(size: int) -> bytes:
    """From the bare descriptor: what comes after it belongs to the runner."""
    parts = []
    while size:
        part = os.read(0, min(size, 1 << 16))
        if not part:
            sys.exit(1)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def make_private(path: str) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(path, 0o700)


def store(data: bytes, target: str) -> None:
    """Under a name of its own first: several desktops may do this at once, and none may see half a file."""
    part = "%s.%d.%d" % (target, os.getpid(), time.time_ns())
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except OSError:
        os.unlink(part)
        raise


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
