"""Opening whatever lies in the place of the database: nothing is ever overwritten, and the user is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.store.conftest import ENDPOINT, events, new_run
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import HostKey
from vastdesk.store import Store
from vastdesk.store.db import suspect_mark

KEY = HostKey("ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:abc")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database with an instance, its pinned key, a setting and a run of a few hundred pages."""
    async with await Store.open(tmp_path) as store:
        instance = await store.add_instance("gpu", [ENDPOINT], profile={"comfyui": "/opt/ComfyUI"})
        await store.offer_host_key(instance.id, KEY)
        await store.trust_host_key(instance.id, KEY.fingerprint)
        await store.set_setting("step_delay", "9")
        run = await store.create_run(new_run(instance))
        await store.append(run.id, "a", events(1, 600, text="x" * 900))
    return tmp_path / "vastdesk.db"


def cut_in_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def cut_within_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(60)


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xffgarbage" * 5000)


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "somebody's file").touch()


def make_it_another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def overwrite_the_schema(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (cut_in_half, "had lost its end"),
    (cut_within_the_header, "was not a database"),
    (fill_with_garbage, "was not a database"),
    (make_empty, "was empty"),
    (make_a_folder, "was a folder"),
    (make_it_another_programs, "belonged to another program"),
    (overwrite_the_schema, "was damaged"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
async def test_a_file_that_cannot_be_used_is_moved_aside(
    path: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(path)
    before = path.read_bytes() if path.is_file() else None
    async with await Store.open(path.parent) as store:
        (notice,) = store.notices
        (aside,) = [
            file for file in path.parent.glob("vastdesk.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))
        ]
        assert words in notice and aside.name in notice
        assert before is None or aside.read_bytes() == before
        instance = await store.add_instance("new", [ENDPOINT])
        assert (await store.create_run(new_run(instance))).place == "active"
    async with await Store.open(path.parent) as store:
        assert store.notices == []
        assert "new" in [instance.name for instance in await store.instances()]


async def test_damage_found_while_working_is_dealt_with_at_the_next_start(path: Path) -> None:
    """A page in the midst of the events: too deep to be found by every start."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    async with await Store.open(path.parent) as store:
        assert store.notices == []
        (run,) = await store.runs()
        with pytest.raises(VastDeskError) as caught:
            await store.events(run.id)
        assert caught.value.kind == "store_damaged"
    async with await Store.open(path.parent) as store:
        assert "was damaged" in store.notices[0]
        assert "1 instances, 1 settings" in store.notices[0]
        (instance,) = await store.instances()
        assert (instance.name, instance.endpoints, instance.profile) == (
            "gpu",
            (ENDPOINT,),
            {"comfyui": "/opt/ComfyUI"},
        )
        assert await store.host_key(instance.id) == KEY
        assert await store.settings() == {"step_delay": "9"}
        assert await store.runs() == []


async def test_the_whole_file_is_looked_through_on_request(path: Path) -> None:
    async with await Store.open(path.parent) as store:
        assert await store.integrity() == (sqlite3.sqlite_version, "ok")


async def test_a_false_alarm_is_forgotten(path: Path) -> None:
    suspect_mark(path).touch()
    async with await Store.open(path.parent) as store:
        assert store.notices == [] and len(await store.runs()) == 1
    assert not suspect_mark(path).exists()


async def test_two_damaged_files_in_one_second_are_both_kept(path: Path) -> None:
    for _ in range(3):
        fill_with_garbage(path)
        await (await Store.open(path.parent)).close()
    assert len(list(path.parent.glob("vastdesk.db.damaged-*"))) == 3


async def test_an_interrupted_first_start_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "vastdesk.db.new").write_bytes(b"half")
    (tmp_path / "vastdesk.db.new-wal").write_bytes(b"half")
    async with await Store.open(tmp_path) as store:
        assert store.notices == []
    assert not list(tmp_path.glob("*.new*"))


async def test_what_a_killed_process_left_is_read(path: Path) -> None:
    """The main file alone is old and short then; the newest is in the write-ahead log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE instance SET name = 'newest'")
        copy = path.parent / "copy"
        copy.mkdir()
        for end in ("", "-wal"):
            (copy / f"vastdesk.db{end}").write_bytes(path.with_name(f"vastdesk.db{end}").read_bytes())
    async with await Store.open(copy) as store:
        assert store.notices == []
        assert [instance.name for instance in await store.instances()] == ["newest"]


async def test_all_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    async with await Store.open(folder) as store:
        await store.add_instance("gpu", [ENDPOINT])
        modes = {
            file.name: file.stat().st_mode & 0o777 for file in (folder, *folder.glob("vastdesk.db*"), folder / "owners")
        }
    assert modes.pop("data") == 0o700 == modes.pop("owners")
    modes.pop("vastdesk.db.opening")
    assert modes == {"vastdesk.db": 0o600, "vastdesk.db-wal": 0o600, "vastdesk.db-shm": 0o600}


async def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(VastDeskError) as caught:
        await Store.open(tmp_path / "data")
    assert caught.value.kind == "store_failed"
    with pytest.raises(VastDeskError) as caught:
        await Store.open(tmp_path / "data" / "below")
    assert caught.value.kind == "store_failed"
