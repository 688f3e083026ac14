"""Disks that are full or may not be written, as real ones where this machine allows it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.store.conftest import ENDPOINT, events, new_run
from vastdesk.domain.errors import VastDeskError
from vastdesk.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes and mounts of Unix")

OPEN_AND_WRITE = """
import asyncio, sys
from pathlib import Path
from vastdesk.domain.errors import VastDeskError
from vastdesk.store import Store
async def main():
    try:
        async with await Store.open(Path(sys.argv[1])) as store:
            await store.set_setting("step_delay", "1")
            print("written")
    except VastDeskError as error:
        print(error.kind)
asyncio.run(main())
"""


def as_ordinary_user(folder: Path) -> str:
    """What a user who is not root finds. Root may write everywhere, so root gives that right away first."""
    without_rights = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*without_rights, sys.executable, "-c", OPEN_AND_WRITE, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a database in it."""
    folder = tmp_path / "data"
    assert as_ordinary_user(folder) == "written"
    yield folder
    folder.chmod(0o700)


def test_a_folder_that_may_not_be_written(folder: Path) -> None:
    folder.chmod(0o500)
    assert as_ordinary_user(folder) == "store_readonly"


def test_a_database_that_may_not_be_written(folder: Path) -> None:
    (folder / "vastdesk.db").chmod(0o400)
    assert as_ordinary_user(folder) == "store_readonly"


def test_a_place_where_no_folder_may_be_made(folder: Path) -> None:
    folder.chmod(0o500)
    assert as_ordinary_user(folder / "below") == "store_readonly"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_disk_that_fills_up_keeps_what_was_stored(small_disk: Path) -> None:
    async with await Store.open(small_disk / "data") as store:
        run = await store.create_run(new_run(await store.add_instance("gpu", [ENDPOINT])))
        stored = 0
        with pytest.raises(VastDeskError) as caught:
            while True:
                stored += len(await store.append(run.id, "a", events(stored + 1, stored + 10, text="x" * 900)))
        assert caught.value.kind == "store_full" and stored > 100
        assert await store.last_seq(run.id, "a") == stored
    (small_disk / "room").touch()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    async with await Store.open(small_disk / "data") as store:
        assert store.notices == []
        assert [event["seq"] for event in await store.events(run.id)] == list(range(1, stored + 1))
        assert len(await store.append(run.id, "a", events(stored + 1, stored + 10))) == 10


async def test_a_disk_that_was_full_before(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(b"x" * 3_000_000)
    with pytest.raises(VastDeskError) as caught:
        await Store.open(small_disk / "data")
    assert caught.value.kind == "store_full"
    (small_disk / "ballast").unlink()
    async with await Store.open(small_disk / "data") as store:
        assert store.notices == []
