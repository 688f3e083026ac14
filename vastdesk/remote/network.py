"""The two rungs below SSH: finding the address, and TCP."""

from __future__ import annotations

import asyncio
import socket

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.remote.rungs import Ladder

Address = tuple[socket.AddressFamily, str, tuple[object, ...]]


async def reach(endpoint: Endpoint, timeout_s: float, ladder: Ladder) -> socket.socket:
    """A connected TCP socket. Raises `dns_failed`, `connect_refused`, `connect_timeout`, `host_unreachable`."""
    async with ladder.rung("resolve", endpoint.host) as note:
        addresses = await resolve(endpoint, timeout_s)
        note.text = ", ".join(dict.fromkeys(text for _family, text, _address in addresses))
    async with ladder.rung("tcp", f"{endpoint.host} port {endpoint.port}"):
        return await _connect_any(endpoint, addresses, timeout_s)


async def resolve(endpoint: Endpoint, timeout_s: float) -> list[Address]:
    """The addresses of the host, in the order the system prefers."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError, TimeoutError) as error:
        detail = "no answer" if isinstance(error, TimeoutError) else str(getattr(error, "strerror", None) or error)
        raise VastDeskError("dns_failed", host=endpoint.host, detail=detail) from error
    return [(family, str(address[0]), tuple(address)) for family, _type, _proto, _name, address in found]


async def _connect_any(endpoint: Endpoint, addresses: list[Address], timeout_s: float) -> socket.socket:
    deadline = asyncio.get_running_loop().time() + timeout_s
    error: OSError = OSError("no address")
    for number, (family, _text, address) in enumerate(addresses):
        left = deadline - asyncio.get_running_loop().time()
        try:
            # An address that swallows packets leaves time for those behind it.
            async with asyncio.timeout(max(left / (len(addresses) - number), 0.05)):
                return await _connect(family, address)
        except OSError as one:  # TimeoutError is one
            error = one
    raise _translated(endpoint, error, timeout_s) from error


async def _connect(family: socket.AddressFamily, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _translated(endpoint: Endpoint, error: OSError, timeout_s: float) -> VastDeskError:
    where = {"host": endpoint.host, "port": endpoint.port}
    if isinstance(error, ConnectionRefusedError):
        return VastDeskError("connect_refused", **where)
    if isinstance(error, TimeoutError):
        return VastDeskError("connect_timeout", timeout_s=f"{timeout_s:g}", **where)
    return VastDeskError("host_unreachable", detail=error.strerror or str(error), **where)


async def first_words(endpoint: Endpoint, timeout_s: float = 3.0) -> bytes:
    """What whoever listens there says to an SSH client, at most 256 bytes; b"" for nothing or a closed door.

    Asked when a handshake broke before the peer had named itself, to tell a web server from a busy sshd.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            try:
                writer.write(b"SSH-2.0-VastDesk\r\n")
                return await reader.read(256)
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return b""
