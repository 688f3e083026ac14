"""Instances, identities, settings, workflows and the history, on a real store."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from tests.unit.cli import schemas, stories
from tests.unit.cli.conftest import Call, InStore, Plays
from vastdesk.domain.instances import HostKey
from vastdesk.store import NewRun, Store
from vastdesk.store.secrets import Secrets

KEY = HostKey("ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8")


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets when the test ends."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def memory_keyring() -> Iterator[MemoryKeyring]:
    before, mine = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


# -- instances ---------------------------------------------------------------------------------------------------------


def test_the_life_of_an_instance(call: Call, in_store: InStore) -> None:
    assert "instances add NAME" in call("instances").out
    assert call("instances", "add", "my-box", "--ssh", "ssh -p 2222 root@[::1] -J me@jump").code == 0
    assert "root@[::1]:2222" in call("instances").out
    assert "not seen yet" in call("instances", "list").out

    async def offer(store: Store) -> None:
        await store.offer_host_key((await store.find_instance("my-box")).id, KEY)

    in_store(offer)
    assert "waits for your trust" in call("instances").out
    assert call("instances", "trust", "my-box", "SHA256:another").code == 2
    assert call("instances", "trust", "my-box", KEY.fingerprint).out.startswith(
        "Trusted for my-box: ssh-ed25519 SHA256:nT"
    )
    shown = call("instances", "show", "my-box").out
    assert KEY.fingerprint in shown and "me@jump:22" in shown
    (value,) = schemas.checked(call("instances", "--json").out)
    assert value["host_key"]["fingerprint"] == KEY.fingerprint
    assert schemas.checked(call("instances", "show", "my-box", "--json").out) == [value]
    assert call("instances", "remove", "my-box").code == 0
    assert call("instances", "show", "my-box").code == 7


def test_a_name_is_taken_once(call: Call) -> None:
    assert call("instances", "add", "my-box", "--ssh", "root@h").code == 0
    assert call("instances", "add", "my-box", "--ssh", "root@other").code == 2


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "x" * 101])
def test_names_that_cannot_be_typed_are_refused(call: Call, name: str) -> None:
    assert call("instances", "add", name, "--ssh", "root@h").code == 2


def test_trusting_a_key_says_which_run_waits_for_it(call: Call, in_store: InStore) -> None:
    async def prepare(store: Store) -> None:
        box = await store.add_instance("my-box", [])
        await store.offer_host_key(box.id, KEY)
        await store.create_run(NewRun(stories.RUN, box.id, {"name": "x"}))
        await store.append_desktop(stories.RUN, "run_state", state="blocked")

    in_store(prepare)
    assert "resume 0193c1f2-7a31" in call("instances", "trust", "my-box", KEY.fingerprint).out


def test_probe_says_what_is_there(call: Call, plays: Plays) -> None:
    plays(stories.finished())
    call("instances", "add", "my-box", "--ssh", "root@h")
    out = call("instances", "probe", "my-box").out
    assert "name RTX 4090" in out and "total 4.7 GiB" in out and "comfyui  –" in out
    assert schemas.checked(call("instances", "probe", "my-box", "--json").out)[0]["type"] == "probe"


# -- identities --------------------------------------------------------------------------------------------------------


def test_the_life_of_an_identity(call: Call, memory_keyring: MemoryKeyring, data_dir: Path) -> None:
    assert "identities generate NAME" in call("identities").out
    made = call("identities", "generate", "laptop")
    assert made.code == 0 and "ssh-ed25519 AAAA" in made.out
    assert call("identities", "generate", "laptop").code == 2
    public = call("identities", "public", "laptop").out
    assert public.startswith("ssh-ed25519 ") and public in made.out
    (value,) = schemas.checked(call("identities", "--json").out)
    assert (value["name"], value["kind"]) == ("laptop", "stored")
    (passphrase,) = memory_keyring.kept.values()
    written = b"".join(path.read_bytes() for path in data_dir.rglob("*") if path.is_file())
    assert passphrase.encode() not in written
    assert call("instances", "add", "box", "--ssh", "root@h", "--identity", "laptop").code == 0
    assert call("identities", "remove", "laptop").code == 2, "an instance logs in with it"
    call("instances", "remove", "box")
    assert call("identities", "remove", "laptop").code == 0
    assert memory_keyring.kept == {}
    assert call("identities", "public", "laptop").code == 7


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    from vastdesk.remote.keymaking import generate_key

    path = tmp_path / "id_locked"
    path.write_bytes(generate_key("sesame", "me@home").private)
    path.chmod(0o600)
    return path


def test_a_locked_key_cannot_be_taken_over_without_somebody_to_ask(
    call: Call, memory_keyring: MemoryKeyring, key_file: Path
) -> None:
    said = call("identities", "import", "mine", str(key_file))
    assert said.code == 4 and "passphrase" in said.err
    assert memory_keyring.kept == {}


@pytest.mark.parametrize("where, kind", [((), "stored"), (("--in-place",), "file")])
def test_a_locked_key_is_opened_with_its_passphrase(
    call: Call,
    memory_keyring: MemoryKeyring,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: tuple[str, ...],
    kind: str,
) -> None:
    from vastdesk.cli import identities

    async def typed(prompt: str) -> str:
        return "sesame"

    monkeypatch.setattr(identities, "on_terminal", lambda: True)
    monkeypatch.setattr(identities, "read_secret", typed)
    said = call("identities", "import", "mine", str(key_file), "--json", *where)
    (value,) = schemas.checked(said.out)
    assert (value["kind"], value["path"]) == (kind, str(key_file) if kind == "file" else None)
    assert "me@home" in value["public_key"]


def test_what_is_no_key_is_refused(call: Call, tmp_path: Path, memory_keyring: MemoryKeyring) -> None:
    assert call("identities", "import", "x", str(tmp_path / "none")).code == 2
    (tmp_path / "text").write_text("hello")
    assert "no private key" in call("identities", "import", "x", str(tmp_path / "text")).err


# -- settings ----------------------------------------------------------------------------------------------------------


def test_settings_are_typed(call: Call) -> None:
    assert call("settings", "get", "step_delay").out == "5\n"
    assert call("settings", "set", "step_delay", "1m").out == "step_delay is 1m\n"
    assert schemas.checked(call("settings", "get", "step_delay", "--json").out)[0]["value"] == 60.0
    assert "changed" in call("settings").out
    assert call("settings", "set", "step_delay", "soon").code == 2
    assert call("settings", "set", "step_dela", "1").code == 2
    assert "did you mean step_delay?" in call("settings", "get", "step_dela").err
    assert call("settings", "set", "step_delay").code == 2
    assert call("settings", "set", "step_delay", "default").code == 0
    assert call("settings", "get", "step_delay").out == "5\n"
    assert len(schemas.checked(call("settings", "--json").out)) > 5


def test_a_secret_comes_from_stdin_and_goes_to_the_keyring(
    call: Call, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret-t0ken\n"))
    said = call("settings", "set", "civitai_token")
    assert said == (0, "civitai_token kept in the keyring\n", "")
    assert asyncio.run(Secrets(data_dir).get("token", "civitai_token")) == "s3cret-t0ken"
    assert call("settings", "get", "civitai_token").code == 2
    assert "s3cret-t0ken" not in call("settings").out
    assert call("settings", "set", "civitai_token", "default").code == 0
    assert memory_keyring.kept == {}


def test_a_secret_on_the_command_line_is_refused(call: Call, memory_keyring: MemoryKeyring) -> None:
    said = call("settings", "set", "civitai_token", "s3cret-t0ken")
    assert said.code == 2 and "s3cret-t0ken" not in said.err
    assert memory_keyring.kept == {}


@pytest.mark.parametrize("text", ["", "\n", "a\x00b\n"])
def test_no_secret_is_no_secret(
    call: Call, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert call("settings", "set", "civitai_token").code == 2


# -- workflows ---------------------------------------------------------------------------------------------------------


def test_shipped_workflows_are_right(call: Call) -> None:
    listed = schemas.checked(call("workflows", "--json").out)
    assert {"ComfyUI set-up", "Custom nodes only"} <= {each["name"] for each in listed}
    assert all(each["valid"] and each["shipped"] for each in listed)


def test_a_shipped_workflow_can_be_copied_checked_and_broken(call: Call, tmp_path: Path) -> None:
    text = call("workflows", "show", "custom nodes only").out
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    assert call("workflows", "check", str(path)).code == 0
    path.write_text(text + "  - use: tset_ssh\n  - use: wait\n    with: {secnds: 3}\n", encoding="utf-8")
    said = call("workflows", "check", str(path))
    assert said.code == 2
    first, *_, last = said.out.splitlines()
    lines = len(text.splitlines())
    assert first.startswith(f"{path}:{lines + 1}: there is no step 'tset_ssh' (did you mean test_ssh?)")
    assert last.startswith(f"{path}:{lines + 3}: secnds")
    (value,) = schemas.checked(call("workflows", "check", str(path), "--json").out)
    assert [problem["line"] for problem in value["problems"]] == [lines + 1, lines + 3]


def test_ones_own_workflows_are_listed_even_when_they_are_wrong(call: Call, data_dir: Path) -> None:
    folder = data_dir / "workflows"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("name: 'Mine'\nsteps: 3\n", encoding="utf-8")
    (folder / "b.yml").write_bytes(b"\xff\xfe\x00")
    out = call("workflows").out
    assert "Mine" in out and "cannot be used: vastdesk workflows check" in out
    valid = {each["stem"]: each["valid"] for each in schemas.checked(call("workflows", "--json").out)}
    assert (valid["a"], valid["b"]) == (False, False)


def test_a_workflow_that_is_not_there(call: Call) -> None:
    assert call("workflows", "show", "nope").code == 7
    assert call("workflows", "check", "nope.yaml").code == 7


# -- history -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(in_store: InStore) -> None:
    """One run that has ended, and one that is on."""

    async def make(store: Store) -> None:
        box = await store.add_instance("my-box", [])
        workflow = {"name": "Custom nodes only"}
        await store.create_run(NewRun(stories.RUN, box.id, workflow))
        for event in stories.finished().events:
            fields = {name: value for name, value in event.items() if name not in ("run", "job", "rseq")}
            if event["job"] == "desktop":
                kept = {name: value for name, value in fields.items() if name not in ("seq", "ts", "mono", "type")}
                await store.append_desktop(stories.RUN, event["type"], **kept)
            else:
                await store.append(stories.RUN, event["job"], [fields])
        await store.create_run(NewRun("0293c1f2-7a31-7c54-9b1e-3f6a2d5c8e10", box.id, workflow))

    in_store(make)


@pytest.mark.usefixtures("history")
def test_the_history(call: Call) -> None:
    out = call("runs").out.splitlines()
    assert out[0].split() == ["RUN", "STATE", "WORKFLOW", "INSTANCE", "STARTED", "TOOK"]
    assert out[2].startswith("0193c1f2-7a31  succeeded  Custom nodes only  my-box")
    newest, oldest = schemas.checked(call("runs", "--json").out)
    assert (newest["state"], oldest["state"], oldest["run"]) == ("queued", "succeeded", stories.RUN)


@pytest.mark.usefixtures("history")
def test_a_run_as_it_stands(call: Call) -> None:
    out = call("show", "0193").out
    assert "ComfyUI-Node-2: failed  repository not found" in out
    assert "Workflow completed: 3 steps" in out
    (value,) = schemas.checked(call("show", "0193", "--json").out)
    assert [step["step"] for step in value["steps"]] == ["test_ssh", "set_ui_home", "nodes"]
    assert len(value["steps"][2]["tasks"]) == 13


@pytest.mark.usefixtures("history")
def test_the_summary_has_what_scripts_ask_for(call: Call) -> None:
    (value,) = schemas.checked(call("show", "0193", "--summary", "--json").out)
    assert (value["state"], value["total_steps"], value["progress_percent"]) == ("succeeded", 3, 100.0)
    lines = call("show", "0193", "--summary").out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "run",
        "state",
        "current_step",
        "total_steps",
        "progress_percent",
        "is_running",
        "start_time",
        "last_update",
    ]
    assert "is_running: false" in lines


@pytest.mark.usefixtures("history")
def test_clearing_forgets_what_has_ended_and_nothing_else(call: Call) -> None:
    assert call("runs", "clear", "0293").code == 2
    assert call("runs", "clear").out == "1 run forgotten\n"
    assert call("show", "0193").code == 7
    assert call("show", "0293").code == 0
    assert call("runs", "clear").out == "0 runs forgotten\n"


def test_an_empty_history_says_how_to_begin(call: Call) -> None:
    assert "demo" in call("runs").out
    assert call("runs", "--json").out == ""


def test_probe_keeps_the_paths_it_found_when_asked_to(call: Call, plays: Plays) -> None:
    facts = {"comfyui": {"path": "/opt/ComfyUI"}, "comfyui_python": {"path": "/venv/main/bin/python"}}
    plays(stories.finished(), facts=facts)
    call("instances", "add", "my-box", "--ssh", "root@h", "--comfyui", "/elsewhere")
    assert "/elsewhere" in call("instances", "show", "my-box").out
    call("instances", "probe", "my-box", "--save")
    shown = call("instances", "show", "my-box").out
    assert "/opt/ComfyUI" in shown
    assert "/venv/main/bin/python" in shown
