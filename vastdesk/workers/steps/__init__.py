"""Steps that need the desktop. Each module has `STEP` and `async def run(ctx) -> str`, the closing note."""

from __future__ import annotations

import asyncio
from types import ModuleType

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.workflow import StepUse
from vastdesk.remote.runner.step import Step
from vastdesk.workers.desktop_context import Append, DesktopContext
from vastdesk.workers.links import LinkPool
from vastdesk.workers.steps import test_ssh, wait_here

_MODULES: dict[str, ModuleType] = {module.STEP.name: module for module in (test_ssh, wait_here)}


def desktop_steps() -> tuple[Step, ...]:
    """The declarations, for the catalogue."""
    return tuple(module.STEP for module in _MODULES.values())


async def run_desktop_step(use: StepUse, *, run_id: str, instance: Instance, links: LinkPool, append: Append) -> str:
    """Runs it within its time limit; the closing note. Raises VastDeskError."""
    module = _MODULES[use.use]
    ctx = DesktopContext(run_id, use.id, use.params, instance, links, append)
    limit_s = module.limit_s(instance, use.limit_s) if hasattr(module, "limit_s") else use.limit_s
    try:
        async with asyncio.timeout(limit_s):
            note: str = await module.run(ctx)
            return note
    except TimeoutError as error:
        raise VastDeskError("step_timeout", step=use.title, limit=f"{limit_s:g} s") from error
