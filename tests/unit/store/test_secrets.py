"""Secrets: in a keyring or nowhere, and never waiting for ever."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring import errors
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from vastdesk.domain.errors import VastDeskError
from vastdesk.store.secrets import KEYRING_CHARACTERS, Secrets, StoredKey, new_passphrase

CANARY = "canary-7f3a-secret"


class MemoryKeyring(KeyringBackend):
    """Holds what Windows' store holds, and no more."""

    priority = 1
    name = "Memory"

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le", "surrogatepass")) > 2560:
            raise errors.PasswordSetError("stub received bad data")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise errors.PasswordDeleteError("not there")
        del self.entries[service, username]


class BrokenKeyring(MemoryKeyring):
    """Raises at every use."""

    name = "Broken"

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error


class ForgetfulKeyring(MemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture
def backend() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def secrets(tmp_path: Path, backend: MemoryKeyring) -> Secrets:
    return Secrets(tmp_path, backend=backend)


async def kind_of(awaitable: object) -> str:
    with pytest.raises(VastDeskError) as caught:
        await awaitable  # type: ignore[misc]
    assert CANARY not in f"{caught.value} {caught.value.action} {caught.value.facts}"
    return caught.value.kind


async def test_a_secret_is_kept_under_a_service_of_its_own(secrets: Secrets, backend: MemoryKeyring) -> None:
    assert await secrets.get("api-key", "vast") is None
    await secrets.set("api-key", "vast", "one")
    await secrets.set("api-key", "civitai", "two")
    await secrets.set("api-key", "vast", "three")
    assert [await secrets.get("api-key", name) for name in ("vast", "civitai")] == ["three", "two"]
    assert {service for service, _ in backend.entries} == {"VastDesk/api-key/vast", "VastDesk/api-key/civitai"}
    assert await secrets.delete("api-key", "vast") and not await secrets.delete("api-key", "vast")
    assert await secrets.get("api-key", "vast") is None


@pytest.mark.parametrize(
    ("value", "in_vault"),
    [
        ("x" * KEYRING_CHARACTERS, False),
        ("x" * (KEYRING_CHARACTERS + 1), True),
        ("\U0001f511" * (KEYRING_CHARACTERS // 2), False),
        ("\U0001f511" * (KEYRING_CHARACTERS // 2 + 1), True),
        ("vastdesk-vault:1:not:one", True),
        ("", False),
    ],
    ids=[
        "longest",
        "too long",
        "longest of wide characters",
        "too many wide characters",
        "looks like an entry",
        "empty",
    ],
)
async def test_what_a_keyring_cannot_hold_goes_to_the_vault(
    secrets: Secrets, tmp_path: Path, value: str, in_vault: bool
) -> None:
    await secrets.set("token", "t", value)
    assert await secrets.get("token", "t") == value
    files = list((tmp_path / "vault").glob("*")) if in_vault else []
    assert (tmp_path / "vault").exists() == in_vault and len(files) == in_vault
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600 and value[:20].encode() not in file.read_bytes()
    await secrets.delete("token", "t")
    assert not list(tmp_path.rglob("vault/*"))


async def test_replacing_a_long_secret_leaves_one_file(secrets: Secrets, tmp_path: Path) -> None:
    for letter in "abc":
        await secrets.set("token", "t", letter * 5000)
    assert await secrets.get("token", "t") == "c" * 5000
    assert len(list((tmp_path / "vault").iterdir())) == 1
    await secrets.set("token", "t", "short")
    assert list((tmp_path / "vault").iterdir()) == []


async def test_a_long_secret_that_the_keyring_refuses_leaves_the_old_one(
    secrets: Secrets, backend: MemoryKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await secrets.set("token", "t", "a" * 5000)

    def refuse(service: str, username: str, password: str) -> None:
        raise errors.PasswordSetError("no room")

    monkeypatch.setattr(backend, "set_password", refuse)
    assert await kind_of(secrets.set("token", "t", "b" * 5000)) == "keyring_failed"
    assert await secrets.get("token", "t") == "a" * 5000
    assert len(list((tmp_path / "vault").iterdir())) == 1


async def test_a_vault_file_that_was_changed_or_lost_is_no_secret(secrets: Secrets, tmp_path: Path) -> None:
    await secrets.set("token", "t", "a" * 5000)
    (file,) = (tmp_path / "vault").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    assert await secrets.get("token", "t") is None
    file.unlink()
    assert await secrets.get("token", "t") is None
    assert await secrets.delete("token", "t")


async def test_an_entry_of_the_keyring_leads_nowhere_but_into_the_vault(
    secrets: Secrets, backend: MemoryKeyring, tmp_path: Path
) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "abc").write_text("mine")
    backend.entries["VastDesk/token/t", "t"] = "vastdesk-vault:1:../abc:AAAA"
    assert await secrets.get("token", "t") is None
    await secrets.delete("token", "t")
    assert (tmp_path / "abc").exists()


# ---- keyrings that are none


async def test_the_probe_leaves_nothing_behind(secrets: Secrets, backend: MemoryKeyring) -> None:
    assert await secrets.check() == "Memory" == await secrets.backend_name()
    assert backend.entries == {}


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (keyring.backends.fail.Keyring, "keyring_missing"),
        (keyring.backends.null.Keyring, "keyring_null"),
        (lambda: BrokenKeyring(errors.NoKeyringError()), "keyring_missing"),
        (lambda: BrokenKeyring(errors.KeyringLocked()), "keyring_locked"),
        (lambda: BrokenKeyring(errors.InitError("Prompt dismissed")), "keyring_locked"),
        (lambda: BrokenKeyring(errors.PasswordSetError(f"cannot keep {CANARY}")), "keyring_failed"),
        (lambda: BrokenKeyring(RuntimeError(f"bus closed {CANARY}")), "keyring_failed"),
    ],
    ids=["fail", "null", "no keyring", "locked", "no collection", "refused", "anything else"],
)
async def test_a_keyring_that_does_not_work_is_named(
    tmp_path: Path, make: Callable[[], KeyringBackend], kind: str
) -> None:
    secrets = Secrets(tmp_path, backend=make())
    assert await kind_of(secrets.set("api-key", "vast", CANARY)) == kind
    with pytest.raises(VastDeskError) as caught:
        await secrets.check()
    assert caught.value.kind == kind
    assert list(tmp_path.iterdir()) == []


async def test_not_even_the_key_of_a_vault_file_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    class Chatty(MemoryKeyring):
        def set_password(self, service: str, username: str, password: str) -> None:
            told.append(password)
            raise errors.PasswordSetError(f"cannot keep {password}")

    with pytest.raises(VastDeskError) as caught:
        await Secrets(tmp_path, backend=Chatty()).set("token", "t", "x" * 5000)
    assert told and "vastdesk-vault" not in str(caught.value)


async def test_a_keyring_that_forgets_is_found_out(tmp_path: Path) -> None:
    assert await kind_of(Secrets(tmp_path, backend=ForgetfulKeyring()).check()) == "keyring_null"


async def test_plain_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryKeyring, "__module__", "keyrings.alt.file")
    assert await kind_of(Secrets(tmp_path, backend=MemoryKeyring()).set("a", "b", CANARY)) == "keyring_null"


async def test_of_a_chain_only_the_first_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the first must not write the secret to the next, which may be a file in plain text."""
    second = MemoryKeyring()
    chain = ChainerBackend.__new__(ChainerBackend)
    monkeypatch.setattr(ChainerBackend, "backends", [BrokenKeyring(errors.KeyringLocked()), second])
    assert await kind_of(Secrets(tmp_path, backend=chain).set("a", "b", CANARY)) == "keyring_locked"
    assert second.entries == {}
    monkeypatch.setattr(ChainerBackend, "backends", [])
    assert await kind_of(Secrets(tmp_path, backend=chain).check()) == "keyring_missing"


async def test_a_keyring_that_waits_for_its_prompt_does_not_hold_up_anything(tmp_path: Path) -> None:
    answered = threading.Event()

    class Prompting(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            answered.wait(10)
            return super().get_password(service, username)

    backend = Prompting()
    secrets = Secrets(tmp_path, backend=backend, timeout_s=0.03)
    began = time.monotonic()
    assert await kind_of(secrets.set("a", "b", "c")) == "keyring_locked"
    assert await kind_of(secrets.get("a", "b")) == "keyring_locked"
    assert time.monotonic() - began < 5
    answered.set()
    patient = Secrets(tmp_path, backend=backend)
    await patient.set("a", "another", "d")
    assert await patient.get("a", "another") == "d"


async def test_the_loop_runs_on_while_the_keyring_thinks(tmp_path: Path) -> None:
    asked, answered = threading.Event(), threading.Event()

    class Slow(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            asked.set()
            assert answered.wait(10)
            return "late"

    async with asyncio.TaskGroup() as group:
        answer = group.create_task(Secrets(tmp_path, backend=Slow()).get("a", "b"))
        assert await asyncio.to_thread(asked.wait, 10)
        assert not answer.done()
        answered.set()
    assert answer.result() == "late"


# ---- private keys


async def test_a_private_key_is_a_file_and_its_passphrase_is_not(
    secrets: Secrets, tmp_path: Path, backend: MemoryKeyring
) -> None:
    key = StoredKey(b"encrypted", new_passphrase())
    path = await secrets.save_identity_key("app", key)
    assert path == secrets.identity_path("app") and path.parent == tmp_path / "identities"
    assert path.read_bytes() == b"encrypted" and path.stat().st_mode & 0o777 == 0o600
    assert await secrets.identity_key("app") == key
    assert key.passphrase not in repr(key) and len(key.passphrase) >= 43
    await secrets.remove_identity_key("app")
    await secrets.remove_identity_key("app")
    assert not path.exists() and backend.entries == {}
    assert await kind_of(secrets.identity_key("app")) == "no_identity"


async def test_a_passphrase_that_is_gone_is_said(secrets: Secrets, backend: MemoryKeyring) -> None:
    await secrets.save_identity_key("app", StoredKey(b"x", "p"))
    backend.entries.clear()
    assert await kind_of(secrets.identity_key("app")) == "identity_locked_out"


async def test_two_data_folders_share_a_keyring_and_no_secret(tmp_path: Path, backend: MemoryKeyring) -> None:
    mine, yours = (Secrets(tmp_path / name, backend=backend) for name in ("mine", "yours"))
    await mine.save_identity_key("app", StoredKey(b"my file", "my passphrase"))
    await yours.save_identity_key("app", StoredKey(b"your file", "your passphrase"))
    assert (await mine.identity_key("app")).passphrase == "my passphrase"
    await yours.remove_identity_key("app")
    assert (await mine.identity_key("app")).passphrase == "my passphrase"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", ".", "a/b", "a\\b", "CON", "ü ß", "a:b", "x" * 60, "nul\n"])
async def test_any_name_is_a_file_in_the_folder(secrets: Secrets, tmp_path: Path, name: str) -> None:
    path = await secrets.save_identity_key(name, StoredKey(b"k", "p"))
    assert path.parent == tmp_path / "identities" and path.is_file()
    assert await secrets.identity_key(name) == (b"k", "p")


async def test_no_secret_is_logged(secrets: Secrets, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await secrets.set("api-key", "vast", CANARY)
    await secrets.set("token", "t", CANARY * 100)
    await secrets.get("token", "t")
    assert CANARY not in caplog.text
