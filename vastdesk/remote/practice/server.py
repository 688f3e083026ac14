"""The SSH server of the practice instance: on loopback, for one key, with commands, SFTP and forwards to loopback."""

from __future__ import annotations

import asyncio
import ipaddress
import posixpath
from collections.abc import Mapping
from pathlib import Path

import asyncssh

from vastdesk.remote.owned import TaskOwner

from .sessions import Session, serve_command

_KEEPALIVE_S = 15


class _Sftp(asyncssh.SFTPServer):
    """Paths as they are on this computer; relative ones begin at the practice home, not where our process is."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], home: bytes) -> None:
        super().__init__(chan)
        self._home = home

    def map_path(self, path: bytes) -> bytes:
        return posixpath.join(self._home, path)


class _Connection(asyncssh.SSHServer):
    """One client."""

    def __init__(self, server: SshServer) -> None:
        self._server = server
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._server.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._server.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._server.user and key.public_data == self._server.client_key.public_data

    def session_requested(self) -> Session:
        return self._server.session()

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return _is_loopback(dest_host)

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class SshServer:
    """Start, stop, and what a network does to a machine. All on the loop of the caller; its tasks end with `stop`."""

    def __init__(
        self,
        *,
        user: str,
        home: Path,
        environment: Mapping[str, str],
        host_key: asyncssh.SSHKey,
        client_key: asyncssh.SSHKey,
    ) -> None:
        self.user = user
        self.client_key = client_key
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.port = 0
        self._home = home
        self._environment = dict(environment)
        self._host_key = host_key
        self._listener: asyncssh.SSHAcceptor | None = None
        self._tasks = TaskOwner("practice")

    async def start(self, port: int) -> None:
        """Listen on 127.0.0.1; `port` 0 takes any. Raises OSError when it is taken."""
        self._tasks = TaskOwner("practice")
        self._listener = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: _Connection(self),
            server_host_keys=[self._host_key],
            config=None,
            encoding=None,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            compression_algs=None,
            keepalive_interval=_KEEPALIVE_S,
            login_timeout=60,
            reuse_address=True,
        )
        self.port = self._listener.get_port()

    async def stop(self) -> None:
        """Nobody can connect any more, all connections are cut, and the commands of their channels ended."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        await self.drop_connections()
        await self._tasks.aclose()
        if listener is not None:
            await listener.wait_closed()

    async def drop_connections(self) -> int:
        """Cut all connections, without a word, as a network does. How many there were."""
        connections = list(self.connections)
        for connection in connections:
            connection.abort()
        if connections:
            await asyncio.gather(*(connection.wait_closed() for connection in connections))
        return len(connections)

    def session(self) -> Session:
        home = str(self._home).encode()
        return Session(self._begin, lambda channel: _Sftp(channel, home))

    def _begin(self, session: Session) -> None:
        self._tasks.spawn(serve_command(session, self._tasks, self._home, self._environment), "command")
