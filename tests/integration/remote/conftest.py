"""A machine with a real sshd, a user with one key, and links between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.fakes.hostkeys import MemoryHostKeys
from tests.fakes.sshd import Sshd, sshd_path
from vastdesk.domain.instances import Endpoint, HostKey, Instance
from vastdesk.remote.keys import KeySource
from vastdesk.remote.link import Link
from vastdesk.remote.options import Options
from vastdesk.remote.package import RunnerPackage
from vastdesk.remote.rungs import Rung


@dataclass
class World:
    """The user's side: a folder `~/.ssh` with one key, pins, and what was reported while connecting."""

    folder: Path
    sshd: Sshd
    key: asyncssh.SSHKey
    host_keys: MemoryHostKeys = field(default_factory=MemoryHostKeys)
    rungs: list[Rung] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    options: Options = field(default_factory=Options)

    @property
    def ssh_dir(self) -> Path:
        return self.folder / "ssh"

    @property
    def fingerprint(self) -> str:
        return self.key.get_fingerprint()

    def instance(self, *endpoints: tuple[str, int], **fields: Any) -> Instance:
        """The machine; by default at the sshd's own address."""
        where = endpoints or ((self.sshd.host, self.sshd.port),)
        return Instance("id-1", "box", tuple(Endpoint(host, port, self.sshd.user) for host, port in where), **fields)

    def pin(self, instance_id: str = "id-1", sshd: Sshd | None = None, number: int = 0) -> None:
        """Trust a host key of the sshd, as if the user had compared it."""
        text = (sshd or self.sshd).host_public_keys[number]
        key = asyncssh.import_public_key(text)
        self.host_keys.pinned[instance_id] = HostKey(key.get_algorithm(), text, key.get_fingerprint())

    async def on_rung(self, rung: Rung) -> None:
        self.rungs.append(rung)

    def link(self, instance: Instance | None = None, package: RunnerPackage | None = None, **changes: Any) -> Link:
        """A link that is closed with the test. `changes` are options."""
        link = Link(
            instance or self.instance(),
            host_keys=self.host_keys,
            keys=KeySource(ssh_dir=self.ssh_dir),
            package=package,
            options=replace(self.options, **changes),
        )
        self.links.append(link)
        return link

    async def connected(self, instance: Instance | None = None, **changes: Any) -> Link:
        """A link that trusts the machine and is connected."""
        self.pin()
        link = self.link(instance, **changes)
        await link.connect(self.on_rung)
        return link


def write_key(folder: Path, name: str, key: asyncssh.SSHKey, passphrase: str | None = None) -> Path:
    """A private key file as ssh-keygen leaves it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(key.export_private_key("openssh", passphrase=passphrase, rounds=1, ignore_few_rounds=True))
    path.chmod(0o600)
    return path


@pytest.fixture
def make_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Servers that are stopped, with all that was started in them, when the test ends."""
    if sshd_path() is None:
        pytest.skip("no sshd on this computer")
    started: list[Sshd] = []

    def make(**settings: Any) -> Sshd:
        sshd = Sshd(tmp_path / f"machine{len(started)}", **settings).start()
        started.append(sshd)
        return sshd

    yield make
    for sshd in started:
        sshd.stop()


@pytest.fixture
async def make_world(tmp_path: Path, make_sshd: Callable[..., Sshd]) -> AsyncIterator[Callable[..., World]]:
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        key = asyncssh.generate_private_key("ssh-ed25519")
        world = World(tmp_path, make_sshd(**settings), key)
        write_key(world.ssh_dir, "id_ed25519", key)
        world.sshd.authorize(key.export_public_key().decode())
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        for link in world.links:
            await link.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
