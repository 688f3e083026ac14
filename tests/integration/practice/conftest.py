"""A practice instance that is prepared once, and servers without a world for what needs none."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from vastdesk.domain.instances import HostKey
from vastdesk.remote.practice.environment import session_environment
from vastdesk.remote.practice.instance import PracticeFacts, PracticeInstance
from vastdesk.remote.practice.layout import Layout, user_name
from vastdesk.remote.practice.server import SshServer

RESOURCES = Path(__file__).parents[3] / "resources" / "practice"


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Blocking wait for something another process does."""
    import time

    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


async def until_true(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    """The same without stopping the loop, on which the server runs too."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def read_pid(path: Path) -> int | None:
    """The pid a shell has written with `echo $! >path`, when it has."""
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") else None


@contextlib.asynccontextmanager
async def connected(
    port: int, key: Path | asyncssh.SSHKey, host_key: HostKey | asyncssh.SSHKey, user: str | None = None
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    public = (
        asyncssh.import_public_key(host_key.public_key)
        if isinstance(host_key, HostKey)
        else host_key.convert_to_public()
    )
    client_key = asyncssh.read_private_key(key) if isinstance(key, Path) else key
    async with asyncssh.connect(
        "127.0.0.1",
        port,
        username=user or user_name(),
        client_keys=[client_key],
        known_hosts=([public], [], []),
        agent_path=None,
        config=None,
    ) as connection:
        yield connection


def to(facts: PracticeFacts) -> contextlib.AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
    return connected(facts.port, facts.identity_file, facts.host_key)


class Bare:
    """An SSH server with a home of its own and no world."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        for path in (self.layout.home, self.layout.tmp, self.layout.bin):
            path.mkdir(parents=True)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        caller = {**os.environ, "CANARY_TOKEN": "canary-secret", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
        self.environment = session_environment(self.layout, "bare", caller)
        self.server = SshServer(
            user=user_name(),
            home=self.layout.home,
            environment=self.environment,
            host_key=self.host_key,
            client_key=self.client_key,
        )

    @property
    def home(self) -> Path:
        return self.layout.home

    def connect(
        self, key: asyncssh.SSHKey | None = None, user: str | None = None
    ) -> contextlib.AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
        return connected(self.server.port, key or self.client_key, self.host_key, user)


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Bare]:
    made = Bare(tmp_path / "practice")
    await made.server.start(0)
    yield made
    await made.server.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a prepared practice instance, real environment and all. Tests share it: leave it as it was."""
    folder = tmp_path_factory.mktemp("data") / "practice"
    asyncio.run(_prepare(folder))
    yield folder


async def _prepare(folder: Path) -> None:
    instance = PracticeInstance(folder, RESOURCES)
    await instance.prepare()
    await instance.stop()


@pytest.fixture
async def practice(prepared: Path) -> AsyncIterator[PracticeInstance]:
    """The shared practice instance, prepared and not started; stopped afterwards."""
    instance = PracticeInstance(prepared, RESOURCES, git_rate_bytes_s=None)
    await instance.prepare()
    yield instance
    await instance.stop()
