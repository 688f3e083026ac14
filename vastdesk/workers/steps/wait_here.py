"""`wait` between desktop steps. Beside a job it is the runner that waits, so that the desktop may sleep."""

from __future__ import annotations

import asyncio

from vastdesk.remote.runner.steps import load
from vastdesk.workers.desktop_context import DesktopContext

STEP = load("wait")


async def run(ctx: DesktopContext) -> str:
    seconds = float(ctx.params["seconds"])
    await ctx.plan([{"id": "wait", "label": f"Wait {seconds:g} s"}])
    await ctx.task("wait", "running")
    await asyncio.sleep(seconds)
    await ctx.task("wait", "succeeded")
    return f"Waited {seconds:g} s"
