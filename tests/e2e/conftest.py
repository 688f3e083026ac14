from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.box import TORCH, Box
from tests.e2e.disks import SmallDisk
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.fakes.sshd import Sshd
from tests.integration.steps.conftest import git_host, shared_index
from tests.integration.workers.conftest import world
from tests.integration.workers.world import new_key

__all__ = ["git_host", "shared_index", "world"]


@pytest.fixture
def make_box(tmp_path: Path, shared_index: PackageIndex) -> Iterator[Callable[..., Box]]:
    """Machines; the settings are those of `Sshd`, the package index, and the size of the disk if it is to be a small
    one. Without ComfyUI yet: see `Box.furnish`."""
    started: list[Sshd] = []
    disks: list[SmallDisk] = []

    def make(
        *,
        index: PackageIndex = shared_index,
        env: dict[str, str] | None = None,
        disk_bytes: int | None = None,
        **settings: Any,
    ) -> Box:
        folder = tmp_path / f"box{len(started)}"
        folder.mkdir()
        boot_id = folder / "boot_id"
        boot_id.write_text("boot-1\n")
        if disk_bytes is not None:
            disks.append(SmallDisk(folder / "sshd", disk_bytes))
        own = {"VASTDESK_BOOT_ID": str(boot_id), "VASTDESK_GRACE_S": "1", **(env or {})}
        sshd = Sshd(folder / "sshd", env=own, **settings)
        sshd.authorize(new_key(folder / "id_ed25519").export_public_key().decode())
        started.append(sshd.start())
        box = Box(folder, sshd, folder / "id_ed25519", index)
        box.disk = disks[-1] if disk_bytes is not None else None
        return box

    yield make
    for sshd in started:
        sshd.stop()
    for disk in disks:
        disk.close()


@pytest.fixture
def bare_box(make_box: Callable[..., Box]) -> Box:
    """A machine without ComfyUI."""
    return make_box()


@pytest.fixture
def box(make_box: Callable[..., Box]) -> Box:
    """A machine with ComfyUI and an empty environment."""
    return make_box().furnish()


@pytest.fixture
def gpu_box(make_box: Callable[..., Box]) -> Box:
    """The same with torch for CUDA and numpy 2."""
    return make_box().furnish(TORCH)


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[FakeGitHost]:
    """A git host that this test alone breaks; what hangs is let go in the end."""
    with FakeGitHost(tmp_path / "githost") as host:
        yield host
        host.release()
