"""One window per data folder: a second start raises the first window and ends.

The lock says who is first; it is free again when its process is gone, however it went. The socket is how the second
one speaks to the first.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

PROTOCOL = 1
MAX_MESSAGE = 10_000
PATIENCE_MS = 2000
_LONGEST_PATH = 100
"""A socket's path has 108 bytes on Linux, 104 on macOS."""

COMMANDS = ("raise", "practice")


class SingleInstance(QObject):
    """`take()` first; then `listen()` if it was free, `send()` if not."""

    asked = Signal(str)
    """Another start wants something of us: one of COMMANDS."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = QLockFile(str(folder / "window.lock"))
        self._lock.setStaleLockTime(0)  # a lock is as old as its process, never older
        self._name = socket_name(folder)
        self._server: QLocalServer | None = None
        self._peers: set[QLocalSocket] = set()

    def take(self) -> bool:
        """Whether we are the first. True as well where no lock can be made: the storage will say what is wrong."""
        if self._lock.tryLock(0):
            return True
        return self._lock.error() != QLockFile.LockError.LockFailedError

    def listen(self) -> None:
        """From now on others are heard."""
        QLocalServer.removeServer(self._name)  # left over by a crash: we hold the lock, so nobody else listens
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        self._server.listen(self._name)

    def send(self, command: str) -> bool:
        """Says it to the first one, before any loop runs. False: it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(PATIENCE_MS):
            return False
        socket.write(json.dumps({"protocol": PROTOCOL, "command": command}).encode() + b"\n")
        socket.flush()
        answered = socket.waitForReadyRead(PATIENCE_MS) and bytes(socket.readAll().data()).startswith(b"ok")
        socket.abort()
        return answered

    def close(self) -> None:
        """Others may be the first now."""
        for peer in list(self._peers):
            peer.abort()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    def _on_connection(self) -> None:
        while self._server is not None and (peer := self._server.nextPendingConnection()) is not None:
            self._peers.add(peer)
            peer.readyRead.connect(self._on_ready)
            peer.disconnected.connect(self._on_gone)
            self._read(peer)

    def _on_ready(self) -> None:
        peer = self.sender()
        if isinstance(peer, QLocalSocket):
            self._read(peer)

    def _on_gone(self) -> None:
        peer = self.sender()
        if isinstance(peer, QLocalSocket):
            self._peers.discard(peer)
            peer.deleteLater()

    def _read(self, peer: QLocalSocket) -> None:
        if peer.bytesAvailable() > MAX_MESSAGE:
            peer.abort()
        elif peer.canReadLine():
            command = understood(bytes(peer.readLine(MAX_MESSAGE).data()))
            peer.write(b"ok\n" if command else b"what?\n")
            peer.flush()
            if command:
                self.asked.emit(command)


def understood(line: bytes) -> str | None:
    """The command of a message; None for anything we would not have sent."""
    try:
        message = json.loads(line)
    except ValueError:  # also text that is not UTF-8
        return None
    if not isinstance(message, dict) or message.get("protocol") != PROTOCOL:
        return None
    command = message.get("command")
    return command if command in COMMANDS else None


def socket_name(folder: Path) -> str:
    """In the data folder, which is private; a path too long for a socket, and Windows, get a name from a hash."""
    path = folder / "window.sock"
    if sys.platform != "win32" and len(str(path).encode()) <= _LONGEST_PATH:
        return str(path)
    short = "vastdesk-" + hashlib.sha256(str(folder).encode()).hexdigest()[:24]
    return short if sys.platform == "win32" else str(Path(tempfile.gettempdir()) / short)
