"""The bell: tells every `serve` on the instance at once that a job has something new, so that nobody has to poll.

Each `serve` binds a datagram socket in `<home>/bell/`; whoever writes an event sends one byte to all of them. A
bell that is not heard costs nothing but time: listeners also look by themselves now and then.
"""

from __future__ import annotations

import os
import socket
from typing import Optional


class Listener:
    """A bell of one's own. `socket` is None where the file system has no sockets: then poll."""

    def __init__(self, home: str) -> None:
        self._path = ""
        self.socket: Optional[socket.socket] = None
        folder = os.path.join(home, "bell")
        name = "%d-%s" % (os.getpid(), os.urandom(4).hex())
        try:
            bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        except OSError:
            return
        try:
            bell.setblocking(False)
            bell.bind(_short(folder, name))
            self._path = os.path.join(folder, name)
            self.socket = bell
        except OSError:
            bell.close()

    def drain(self) -> None:
        """Take all rings before looking at the files: a ring that found the queue full is covered by that look."""
        if self.socket is not None:
            try:
                while True:
                    self.socket.recv(16)
            except OSError:
                pass

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            _unlink(self._path)


class Ringer:
    """Rings all bells."""

    def __init__(self, home: str) -> None:
        self._folder = os.path.join(home, "bell")
        self._socket: Optional[socket.socket] = None
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        except OSError:
            pass

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def ring(self) -> None:
        """Never waits and never fails. A socket nobody listens to any more is removed."""
        if self._socket is None:
            return
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            try:
                self._socket.sendto(b"!", _short(self._folder, name))
            except ConnectionRefusedError:
                _unlink(os.path.join(self._folder, name))
            except OSError:
                pass


def _short(folder: str, name: str) -> str:
    """The address of a socket, 107 bytes at most. Homes can be longer: then relative to the current folder."""
    path = os.path.join(folder, name)
    if len(os.fsencode(path)) <= 100:
        return path
    relative = os.path.relpath(path)
    return relative if len(os.fsencode(relative)) <= 100 else path


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
