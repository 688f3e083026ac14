"""The two rungs of SSH itself: the host key and the login. What goes wrong there, in the words of the app."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import asyncssh

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey
from vastdesk.remote.keys import LoadedKey
from vastdesk.remote.known import HostKeys, algorithms_for, is_pinned, refusal, to_host_key
from vastdesk.remote.network import first_words
from vastdesk.remote.options import Options
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.rungs import Ladder

# docs/facts.md#ssh-cipher
ENCRYPTION = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
BANNER_LIMIT = 4096


class Session(asyncssh.SSHClient):
    """asyncssh's callbacks for one connection: judges the host key, remembers what was said and how it ended."""

    ssh: asyncssh.SSHClientConnection

    def __init__(self, endpoint: Endpoint, pin: HostKey | None) -> None:
        self.endpoint = endpoint
        self.shown: HostKey | None = None
        self.trusted = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost_because = ""
        self.diagnostics: dict[str, str] = {"endpoint": str(endpoint)}
        self._pin = pin

    @property
    def named_itself(self) -> bool:
        """Whether the peer spoke SSH at all."""
        return bool(self.ssh.get_extra_info("server_version")) if hasattr(self, "ssh") else False

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.ssh = conn

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        # Called for every key exchange, re-keying too, because the set of keys asyncssh trusts is empty.
        self.shown = to_host_key(key)
        return is_pinned(self._pin, self.shown)

    def begin_auth(self, username: str) -> None:
        self.trusted.set()

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.diagnostics["banner"] = (self.diagnostics.get("banner", "") + msg)[:BANNER_LIMIT]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_because = str(exc) if exc else "closed"
        self.diagnostics["ended"] = self.lost_because
        self.lost.set()

    def note_negotiated(self) -> None:
        for name in ("server_version", "send_cipher", "recv_cipher", "send_mac"):
            self.diagnostics[name] = str(self.ssh.get_extra_info(name) or "")
        if self.shown is not None:
            self.diagnostics["host_key"] = self.shown.fingerprint

    async def close(self) -> None:
        self.ssh.abort()
        try:
            async with asyncio.timeout(2):
                await self.ssh.wait_closed()
        except TimeoutError:
            pass


class Login:
    """Logs in with one key, to an instance and perhaps its jump host."""

    def __init__(self, name: str, key: LoadedKey, host_keys: HostKeys, options: Options) -> None:
        self.options = options
        self._name = name
        self._key = key
        self._host_keys = host_keys

    async def by_socket(self, sock: socket.socket, endpoint: Endpoint, pin_id: str, ladder: Ladder) -> Session:
        """Over a connected socket, which belongs to the session from now on."""
        try:
            return await self._climb(endpoint, pin_id, ladder, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def by_jump(self, jump: Session, endpoint: Endpoint, pin_id: str, ladder: Ladder) -> Session:
        """Through the jump host: it resolves the name and makes the TCP connection."""
        await ladder.say("resolve", "succeeded", f"left to {jump.endpoint.host}")
        await ladder.say("tcp", "succeeded", f"through {jump.endpoint}")
        return await self._climb(endpoint, pin_id, ladder, tunnel=jump.ssh)

    async def _climb(self, endpoint: Endpoint, pin_id: str, ladder: Ladder, **way: Any) -> Session:
        pin = await self._host_keys.host_key(pin_id)
        session = Session(endpoint, pin)
        begin = time.monotonic()
        await ladder.say("kex", "running")
        reports = TaskOwner(f"handshake with {endpoint}")
        second = reports.spawn(_report_second_rung(session, ladder, begin), "rungs")
        try:
            async with self.options.handshakes, asyncio.timeout(self.options.login_timeout_s):
                await self._connect(session, endpoint, pin, way)
            began = await second
        except (OSError, asyncssh.Error, ValueError) as error:
            refused = await self._translated(error, session, endpoint, pin_id, pin, "sock" in way)
            rung = "login" if session.trusted.is_set() else "kex"
            await reports.aclose()
            await ladder.say(rung, "failed", refused.sentence, time.monotonic() - begin)
            raise refused from error
        finally:
            await reports.aclose()
        session.note_negotiated()
        await ladder.say("login", "succeeded", f"as {endpoint.user}", time.monotonic() - began)
        return session

    async def _connect(self, session: Session, endpoint: Endpoint, pin: HostKey | None, way: dict[str, Any]) -> None:
        options = self.options
        # Everything that would make asyncssh look at the user's files, agent or other keys is switched off: sshd allows
        # six attempts, and foreign keys would use them up.
        await asyncssh.connect(
            endpoint.host,
            endpoint.port,
            username=endpoint.user,
            client_factory=lambda: session,
            config=None,
            client_keys=[self._key.pair],
            agent_path=None,
            preferred_auth="publickey",
            # An empty set, never None: with None asyncssh connects to anything (docs/facts.md#ssh-known-hosts-none).
            known_hosts=([], [], []),
            server_host_key_algs=algorithms_for(pin),
            encryption_algs=ENCRYPTION,
            compression_algs=None,
            x509_trusted_certs=None,
            gss_host=None,
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=options.keepalive_s,
            keepalive_count_max=options.keepalive_count,
            **way,
        )

    async def _translated(
        self,
        error: Exception,
        session: Session,
        endpoint: Endpoint,
        pin_id: str,
        pin: HostKey | None,
        direct: bool,
    ) -> VastDeskError:
        where = {"host": endpoint.host, "port": endpoint.port}
        if session.shown is not None and not session.trusted.is_set() and not is_pinned(pin, session.shown):
            # Offered in both cases: trusting pins exactly what was shown, once the user has compared it.
            await self._host_keys.offer_host_key(pin_id, session.shown)
            return refusal(self._name, endpoint, session.shown, pin)
        if isinstance(error, asyncssh.PermissionDenied) or "Too many authentication failures" in str(error):
            return VastDeskError("auth_refused", user=endpoint.user, key=self._key.description, **where)
        if isinstance(error, TimeoutError):
            return VastDeskError("connect_timeout", timeout_s=f"{self.options.login_timeout_s:g}", **where)
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return VastDeskError("kex_failed", detail=str(error), **where)
        if isinstance(error, asyncssh.ChannelOpenError):  # the jump host could not reach it
            return VastDeskError("host_unreachable", detail=error.reason, **where)
        if isinstance(error, ValueError) and session.trusted.is_set():
            return VastDeskError("key_refused", key=self._key.description, detail=str(error))
        if not session.named_itself and direct:
            said = await first_words(endpoint)
            if said and not said.startswith(BUSY):
                return VastDeskError("not_ssh", answer=_first_line(said), **where)
        return VastDeskError("connection_lost", host=str(endpoint), detail=str(error) or type(error).__name__)


# sshd itself, or sshd that has no place now: come again (docs/facts.md#sshd-busy).
BUSY = (b"SSH-", b"Exceeded MaxStartups", b"Not allowed at this time")


async def _report_second_rung(session: Session, ladder: Ladder, begin: float) -> float:
    """Says that the host key was right as soon as it was; when the login began."""
    await session.trusted.wait()
    note = f"{session.shown.algorithm} {session.shown.fingerprint}" if session.shown else ""
    await ladder.say("kex", "succeeded", note, time.monotonic() - begin)
    await ladder.say("login", "running")
    return time.monotonic()


def _first_line(said: bytes) -> str:
    text = said.decode("latin-1").splitlines()[0][:80]
    return "".join(char if char.isprintable() else "." for char in text)
