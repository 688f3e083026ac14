"""Runs on the instance when its login shell lets no command through: starts commands for us behind a private socket.

Typed into a terminal as text, so: short, standard library, Python >= 3.8, no imports of ours. Its argument is a token
that frames the one thing it says to the terminal: `@token@path of the socket@`. Each connection sends one line, a JSON
list, and becomes that command. Ends by itself when unused.
"""

# It runs on Python 3.8 and on bare file descriptors, like the runner.
# ruff: noqa: PTH103, PTH111, PTH118, UP031

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile

IDLE_S = 600
LONGEST_BASE = 88
"""A socket's path has at most 107 characters; ours adds 19."""


def main(token: str) -> None:
    folder = private_folder()
    door = socket.socket(socket.AF_UNIX)
    path = os.path.join(folder, "door")
    os.umask(0o077)
    door.bind(path)
    door.listen(16)
    detach()
    os.write(1, ("\n@%s@%s@\n" % (token, path)).encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    try:
        serve(door)
    finally:
        shutil.rmtree(folder, True)


def private_folder() -> str:
    """Below our own folder, or in /tmp where that makes a longer name than a socket may have."""
    base = os.environ.get("VASTDESK_HOME") or os.path.join(os.path.expanduser("~"), ".vastdesk")
    if len(os.fsencode(base)) <= LONGEST_BASE:
        os.makedirs(base, 0o700, True)
        return tempfile.mkdtemp(prefix="door-", dir=base)
    return tempfile.mkdtemp(prefix="vastdesk-")


def detach() -> None:
    """Away from the terminal, which hangs up on all that still belong to it."""
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)


def serve(door: socket.socket) -> None:
    running: set[int] = set()
    door.settimeout(IDLE_S)
    while True:
        try:
            guest = door.accept()[0]
        except socket.timeout:  # noqa: UP041 - another class before Python 3.10
            guest = None
        running = {pid for pid in running if os.waitpid(pid, os.WNOHANG)[0] == 0}
        if guest is None:
            if not running:
                return
            continue
        pid = os.fork()
        if pid == 0:
            become(guest)
        running.add(pid)
        guest.close()


def become(guest: socket.socket) -> None:
    """Only those who may enter the folder get here: us, and root."""
    try:
        guest.settimeout(None)
        line = b""
        while not line.endswith(b"\n"):
            part = guest.recv(1)  # what follows the line belongs to the command
            if not part:
                os._exit(1)
            line += part
        argv = json.loads(line)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.umask(0o022)
        os.dup2(guest.fileno(), 0)
        os.dup2(guest.fileno(), 1)
        os.execvp(argv[0], argv)
    finally:
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1])
