"""A fresh instance for each test, which must be empty again at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import Client, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def client(world: World) -> Client:
    return world.client()
