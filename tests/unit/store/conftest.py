"""A store of its own for every test, with one instance and one run in it for those who ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from vastdesk.domain.ids import new_id
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.store import NewRun, RunRow, Store

ENDPOINT = Endpoint("1.2.3.4", 22022, "root")


def events(first: int, last: int, type: str = "log", **fields: Any) -> list[dict[str, Any]]:
    """What a runner would send: events `first` to `last`."""
    return [
        {"seq": seq, "ts": 1_700_000_000.0, "mono": float(seq), "type": type, **fields}
        for seq in range(first, last + 1)
    ]


def new_run(instance: Instance, **fields: Any) -> NewRun:
    return NewRun(**{"id": new_id(), "instance_id": instance.id, "workflow": {"name": "w"}, **fields})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "data") as store:
        yield store


@pytest.fixture
async def other(store: Store) -> AsyncIterator[Store]:
    """A second process, as far as the store can tell: another connection, another owner."""
    async with await Store.open(store.data_dir) as other:
        yield other


@pytest.fixture
async def instance(store: Store) -> Instance:
    return await store.add_instance("gpu", [ENDPOINT])


@pytest.fixture
async def run(store: Store, instance: Instance) -> RunRow:
    return await store.create_run(new_run(instance))


@pytest.fixture
def open_again(tmp_path: Path) -> Callable[[], Any]:
    """Opens the store of this test again, as the next start of VastDesk does."""
    return lambda: Store.open(tmp_path / "data")
