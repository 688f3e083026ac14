"""One SSH connection to an instance, rung by rung: key, name, TCP, host key, login. Nothing here ever starts `ssh`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.remote.keys import KeySource
from vastdesk.remote.known import HostKeys, jump_id
from vastdesk.remote.network import reach
from vastdesk.remote.options import Options
from vastdesk.remote.rungs import Ladder, OnRung, Rung

if TYPE_CHECKING:
    from vastdesk.remote.handshake import Login, Session

__all__ = ["Connection", "OnRung", "Rung", "is_passing", "open_connection"]

_PASSING = frozenset(
    {"dns_failed", "connect_refused", "connect_timeout", "host_unreachable", "connection_lost", "no_answer"}
)
_USER_DECIDES = frozenset({"host_key_unknown", "host_key_changed"})


def is_passing(error: VastDeskError) -> bool:
    """Whether the same attempt may go well in a moment: a network that is down, a server that is busy or restarting.

    A name that is not found is passing as well: a laptop without a network finds none.
    """
    return error.kind in _PASSING


class Connection:
    """A logged-in connection, and the one to the jump host below it; closed together."""

    def __init__(self, session: Session, jump: Session | None) -> None:
        self.ssh = session.ssh
        self.endpoint = session.endpoint
        self._session = session
        self._jump = jump

    @property
    def open(self) -> bool:
        return not self._session.lost.is_set()

    @property
    def diagnostics(self) -> dict[str, str]:
        """The server's version, what was negotiated, its banner, why it ended: for "copy details"."""
        return self._session.diagnostics

    async def lost(self) -> str:
        """Waits until the connection has ended; why, in words."""
        await self._session.lost.wait()
        return self._session.lost_because

    async def close(self) -> None:
        """Ends at once, without waiting for the peer: it may be gone."""
        await self._session.close()
        if self._jump is not None:
            await self._jump.close()


async def open_connection(
    instance: Instance,
    *,
    host_keys: HostKeys,
    keys: KeySource,
    options: Options,
    on_rung: OnRung | None = None,
) -> Connection:
    """Connect to the first endpoint that lets us in, through the jump host if there is one.

    Raises VastDeskError: of the key (`key_missing`, `key_locked` …) before the network is touched; `host_key_unknown`
    and `host_key_changed` before anything is authenticated; else the most telling failure of all endpoints.
    """
    from vastdesk.remote.handshake import Login  # asyncssh takes 0.2 s to import: not before it is needed

    ladder = Ladder(on_rung)
    async with AsyncExitStack() as stack:
        async with ladder.rung("key") as note:
            key = await stack.enter_async_context(keys.opened(instance))
            note.text = key.description
        login = Login(instance.name, key, host_keys, options)
        if instance.jump is None:
            return Connection(await _first_open(instance, login, None, ladder), None)
        jump_endpoint, jump_ladder = _jump_endpoint(instance), ladder.beside("jump ")
        sock = await reach(jump_endpoint, options.connect_timeout_s, jump_ladder)
        jump = await login.by_socket(sock, jump_endpoint, jump_id(instance.id), jump_ladder)
        try:
            return Connection(await _first_open(instance, login, jump, ladder), jump)
        except BaseException:
            await jump.close()
            raise


async def _first_open(instance: Instance, login: Login, jump: Session | None, ladder: Ladder) -> Session:
    errors = []
    for endpoint in instance.endpoints:
        try:
            if jump is not None:
                return await login.by_jump(jump, endpoint, instance.id, ladder)
            sock = await reach(endpoint, login.options.connect_timeout_s, ladder)
            return await login.by_socket(sock, endpoint, instance.id, ladder)
        except VastDeskError as error:
            if error.kind in _USER_DECIDES:
                raise
            errors.append(error)
    # An endpoint that answered says more than one that could not be reached.
    raise next((error for error in errors if not is_passing(error)), errors[0])


def _jump_endpoint(instance: Instance) -> Endpoint:
    """From `user@host:port`; the user defaults to that of the instance, the port to 22."""
    parts = urlsplit(f"ssh://{instance.jump}")
    return Endpoint(parts.hostname or "", parts.port or 22, parts.username or instance.endpoints[0].user)
