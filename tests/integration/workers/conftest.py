from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.sshd import Sshd
from tests.integration.workers.world import World, new_key


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A machine and a data folder of its own for each test."""
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("boot-1\n")
    sshd = Sshd(tmp_path / "sshd", env={"VASTDESK_BOOT_ID": str(boot_id), "VASTDESK_GRACE_S": "1"})
    key_path = tmp_path / "id_ed25519"
    sshd.authorize(new_key(key_path).export_public_key().decode())
    with sshd:
        yield World(tmp_path, sshd, key_path)
