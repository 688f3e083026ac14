"""Reading and unlocking keys: what is asked, what is said when it fails, and that no secret gets out."""

from __future__ import annotations

import asyncio
import logging
import traceback
from pathlib import Path

import asyncssh
import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.remote.keymaking import generate_key, import_key_file, public_half, read_public_key
from vastdesk.remote.keys import KeySource, LoadedKey, permission_warning

PASSPHRASE = "canary-passphrase-77aa"


@pytest.fixture(scope="module")
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment="me@laptop")


@pytest.fixture(scope="module")
def locked(key: asyncssh.SSHKey) -> bytes:
    return key.export_private_key("openssh", passphrase=PASSPHRASE, rounds=1, ignore_few_rounds=True)


def instance(path: Path | None = None) -> Instance:
    return Instance("i", "box", (Endpoint("h", 22, "root"),), identity_file=str(path) if path else None)


async def load(keys: KeySource, path: Path | None = None) -> LoadedKey:
    async with keys.opened(instance(path)) as loaded:
        return loaded


async def failure(keys: KeySource, path: Path | None = None) -> VastDeskError:
    with pytest.raises(VastDeskError) as caught:
        await load(keys, path)
    return caught.value


async def test_no_key_at_all(tmp_path: Path) -> None:
    error = await failure(KeySource(ssh_dir=tmp_path))
    assert error.kind == "key_missing"
    assert "id_ed25519" in error.sentence


async def test_a_named_file_that_is_not_there(tmp_path: Path) -> None:
    assert (await failure(KeySource(), tmp_path / "gone")).kind == "key_missing"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGXb me", "public half"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTYgen"),
        ("hello\n", "no private key"),
        ("", "no private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "no private key"),
    ],
)
async def test_files_that_are_no_private_keys(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    error = await failure(KeySource(), path)
    assert error.kind == "key_unreadable"
    assert hint in error.sentence


async def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    assert (await failure(KeySource(), tmp_path)).kind == "key_unreadable"


async def test_a_locked_key_and_nobody_to_ask(tmp_path: Path, locked: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(locked)
    assert (await failure(KeySource(), path)).kind == "key_locked"


async def test_three_wrong_passphrases_are_enough_and_none_gets_out(
    tmp_path: Path, locked: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "key"
    path.write_bytes(locked)
    prompts = []

    async def ask(prompt: str) -> str:
        prompts.append(prompt)
        return f"wrong-canary-{len(prompts)}"

    keys = KeySource(ask=ask)
    with caplog.at_level(logging.DEBUG):
        error = await failure(keys, path)
    assert error.kind == "key_locked"
    assert len(prompts) == 3
    assert prompts[1].startswith("That was not it.")
    said = "".join(traceback.format_exception(error)) + repr(error) + repr(error.facts) + repr(keys) + caplog.text
    assert "canary" not in said


async def test_the_user_gives_up(tmp_path: Path, locked: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(locked)

    async def ask(_prompt: str) -> None:
        return None

    assert (await failure(KeySource(ask=ask), path)).kind == "key_locked"


async def test_ten_instances_that_connect_at_once_ask_once(tmp_path: Path, locked: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(locked)
    path.chmod(0o600)
    asked = asyncio.Event()
    prompts = []

    async def ask(prompt: str) -> str:
        prompts.append(prompt)
        await asked.wait()
        return PASSPHRASE

    keys = KeySource(ask=ask)
    async with asyncio.TaskGroup() as group:
        loads = [group.create_task(load(keys, path)) for _ in range(10)]
        asked.set()
    assert len(prompts) == 1
    assert len({task.result().fingerprint for task in loads}) == 1


async def test_what_is_loaded_shows_no_key_material(tmp_path: Path, key: asyncssh.SSHKey) -> None:
    path = tmp_path / "key"
    path.write_bytes(key.export_private_key())
    path.chmod(0o600)
    loaded = await load(KeySource(), path)
    assert loaded.description == f"{path} ({key.get_fingerprint()})"
    assert "SSHKey" not in repr(loaded)


def test_a_warning_only_when_others_can_read() -> None:
    path = Path("/home/me/.ssh/id")
    assert permission_warning(path, 0o100600) == ""
    assert permission_warning(path, 0o100400) == ""
    assert "chmod 600" in permission_warning(path, 0o100640)


def test_a_new_key_is_encrypted_ed25519() -> None:
    made = generate_key(PASSPHRASE, "me@laptop")
    assert made.public_key.startswith("ssh-ed25519 ")
    assert made.public_key.endswith(" me@laptop")
    assert made.fingerprint.startswith("SHA256:")
    assert asyncssh.import_private_key(made.private, PASSPHRASE).get_fingerprint() == made.fingerprint
    with pytest.raises(asyncssh.KeyImportError):
        asyncssh.import_private_key(made.private)
    assert "PRIVATE" not in repr(made)


def test_an_imported_key_is_encrypted_anew(locked: bytes, key: asyncssh.SSHKey) -> None:
    taken = import_key_file(locked, PASSPHRASE, "another", "key")
    assert asyncssh.import_private_key(taken.private, "another").get_fingerprint() == key.get_fingerprint()


@pytest.mark.parametrize("opens_with", [None, "wrong-canary"])
def test_an_imported_key_that_stays_locked(locked: bytes, opens_with: str | None) -> None:
    with pytest.raises(VastDeskError) as caught:
        import_key_file(locked, opens_with, "another", "key")
    assert caught.value.kind == "key_locked"
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_the_public_half_of_a_key_that_stays_where_it_is(locked: bytes, key: asyncssh.SSHKey) -> None:
    line, fingerprint = public_half(locked, PASSPHRASE, "key")
    assert fingerprint == key.get_fingerprint()
    assert read_public_key(line) == (line, fingerprint)


def test_a_text_that_is_no_public_key() -> None:
    with pytest.raises(VastDeskError) as caught:
        read_public_key("hello")
    assert caught.value.kind == "key_unreadable"
