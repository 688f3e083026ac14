"""Which key is offered: exactly one, from a file, from our store or from a real ssh-agent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.integration.remote.conftest import World, write_key
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Identity
from vastdesk.remote.connection import open_connection
from vastdesk.remote.keymaking import generate_key
from vastdesk.remote.keys import KeySource

PASSPHRASE = "correct-horse-canary-2b1f"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The socket of a real, empty ssh-agent."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent on this computer")
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens once it does
    yield str(socket)
    process.terminate()
    process.wait()
    process.stdout.close()


def add_to_agent(agent: str, path: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(path)], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)


def identity(kind: str, key: asyncssh.SSHKey, path: str | None = None) -> Identity:
    public = key.export_public_key().decode().strip()
    return Identity("laptop", kind, public, key.get_fingerprint(), path)  # type: ignore[arg-type]


def finding(one: Identity) -> Callable[..., object]:
    async def find(name: str) -> Identity:
        assert name == one.name
        return one

    return find


async def log_in(world: World, keys: KeySource, **fields: str) -> None:
    world.pin()
    connection = await open_connection(
        world.instance(**fields),
        host_keys=world.host_keys,
        keys=keys,
        options=world.options,
        on_rung=world.on_rung,
    )
    await connection.close()


async def test_an_agent_full_of_keys_offers_the_chosen_one_only(world: World, agent: str, tmp_path: Path) -> None:
    for number in range(8):  # more than sshd lets anybody try
        add_to_agent(agent, write_key(tmp_path / "many", f"k{number}", asyncssh.generate_private_key("ssh-ed25519")))
    add_to_agent(agent, world.ssh_dir / "id_ed25519")
    keys = KeySource(find_identity=finding(identity("agent", world.key)), agent_path=agent, ssh_dir=tmp_path / "none")
    await log_in(world, keys, identity="laptop")
    assert world.sshd.offered_keys() == [world.fingerprint]


async def test_an_rsa_key_in_the_agent(world: World, agent: str, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    add_to_agent(agent, write_key(tmp_path / "rsa", "k", key))
    world.sshd.authorize(key.export_public_key().decode())
    keys = KeySource(find_identity=finding(identity("agent", key)), agent_path=agent)
    await log_in(world, keys, identity="laptop")


async def test_an_agent_without_the_key(world: World, agent: str) -> None:
    keys = KeySource(find_identity=finding(identity("agent", world.key)), agent_path=agent)
    with pytest.raises(VastDeskError) as caught:
        await log_in(world, keys, identity="laptop")
    assert caught.value.kind == "agent_lacks_key"
    assert world.fingerprint in caught.value.sentence


@pytest.mark.parametrize("path", [None, "/nowhere/agent.sock"])
async def test_no_agent(world: World, path: str | None) -> None:
    keys = KeySource(find_identity=finding(identity("agent", world.key)), agent_path=path)
    with pytest.raises(VastDeskError) as caught:
        await log_in(world, keys, identity="laptop")
    assert caught.value.kind == "agent_missing"


async def test_the_agent_of_the_session_plays_no_part_unless_chosen(
    world: World, agent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_to_agent(agent, write_key(tmp_path / "other", "k", asyncssh.generate_private_key("ssh-ed25519")))
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    await log_in(world, KeySource(ssh_dir=world.ssh_dir))
    assert world.sshd.offered_keys() == [world.fingerprint]


async def test_of_several_default_files_only_the_first_is_offered(world: World) -> None:
    write_key(world.ssh_dir, "id_rsa", asyncssh.generate_private_key("ssh-rsa", key_size=2048))
    write_key(world.ssh_dir, "id_ecdsa", asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
    world.sshd.deny_all()
    with pytest.raises(VastDeskError) as caught:
        await log_in(world, KeySource(ssh_dir=world.ssh_dir))
    assert caught.value.kind == "auth_refused"
    assert world.sshd.offered_keys() == [world.fingerprint]


async def test_an_encrypted_key_asks_once_however_often_one_connects(world: World, tmp_path: Path) -> None:
    path = write_key(tmp_path / "locked", "key", world.key, PASSPHRASE)
    prompts = []

    async def ask(prompt: str) -> str:
        prompts.append(prompt)
        return PASSPHRASE

    keys = KeySource(ask=ask)
    await log_in(world, keys, identity_file=str(path))
    await log_in(world, keys, identity_file=str(path))
    assert prompts == [f"Passphrase for {path}: "]


async def test_an_rsa_key_in_the_old_pem_form(world: World, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    path = tmp_path / "old.pem"
    path.write_bytes(key.export_private_key("pkcs1-pem", passphrase=PASSPHRASE))
    path.chmod(0o600)
    world.sshd.authorize(key.export_public_key().decode())

    async def ask(_prompt: str) -> str:
        return PASSPHRASE

    await log_in(world, KeySource(ask=ask), identity_file=str(path))
    assert world.sshd.offered_keys() == [key.get_fingerprint()]


async def test_a_stored_identity_opens_with_the_passphrase_from_the_keyring(world: World) -> None:
    made = generate_key(PASSPHRASE, "vastdesk")
    world.sshd.authorize(made.public_key)
    key = asyncssh.import_private_key(made.private, PASSPHRASE)

    async def read_stored(one: Identity) -> tuple[bytes, str]:
        return made.private, PASSPHRASE

    keys = KeySource(find_identity=finding(identity("stored", key)), read_stored=read_stored)
    await log_in(world, keys, identity="laptop")
    assert world.sshd.offered_keys() == [made.fingerprint]


async def test_a_key_file_that_others_can_read_is_used_with_a_warning(world: World) -> None:
    path = world.ssh_dir / "id_ed25519"
    path.chmod(0o644)
    await log_in(world, KeySource(ssh_dir=world.ssh_dir))
    note = next(rung.note for rung in world.rungs if (rung.name, rung.state) == ("key", "succeeded"))
    assert "chmod 600" in note
