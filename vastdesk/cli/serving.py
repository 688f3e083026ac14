"""The practice machine lives inside a VastDesk process: a command about it serves it for as long as it works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from vastdesk.domain.errors import VastDeskError
from vastdesk.store import Store


@asynccontextmanager
async def served(store: Store, instance_id: str) -> AsyncIterator[None]:
    """Inside the block the instance is there if it is the practice machine; any other is left to itself."""
    async with AsyncExitStack() as stack:
        if await _is_practice(store, instance_id):
            from vastdesk.workers.practice import run_practice

            try:
                await stack.enter_async_context(run_practice(store, store.data_dir))
            except VastDeskError as error:
                if error.kind != "practice_busy":  # another VastDesk serves it: it is there
                    raise
        yield


async def _is_practice(store: Store, instance_id: str) -> bool:
    try:
        instance = await store.find_instance(instance_id)
    except VastDeskError:  # removed; its run says so itself
        return False
    from vastdesk.workers.practice import FOLDER, NAME

    local = all(endpoint.host in ("127.0.0.1", "::1") for endpoint in instance.endpoints)
    return instance.name == NAME and local and (store.data_dir / FOLDER).is_dir()
