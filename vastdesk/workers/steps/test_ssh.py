"""`test_ssh`: the readiness ladder of an instance, one task a rung."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.remote.rungs import Rung
from vastdesk.remote.runner.step import Step
from vastdesk.workers.backoff import backoff
from vastdesk.workers.desktop_context import DesktopContext

STEP = Step(
    name="test_ssh",
    title="Test SSH",
    description="Climbs the ladder from the address to a machine that is ready: each rung has its own sentence.",
    limit_s=30,
    undo="nothing to undo: it only looks",
)

LADDER = (
    ("resolve", "Resolve the address"),
    ("tcp", "Reach the SSH port"),
    ("kex", "Check the host key"),
    ("login", "Log in"),
    ("runner", "Start the runner"),
    ("identity", "Check that it is the right machine"),
    ("provisioning", "Provisioning finished"),
)

FRESH_S = 600.0
"""A machine that Vast created less than this ago may still refuse the right key (docs/facts.md#vast-auth)."""
FRESH_LIMIT_S = 240.0
AUTH_RETRY_S = 180.0
PROVISIONING_POLL_S = 2.0


def is_fresh(instance: Instance) -> bool:
    """Created by Vast minutes ago."""
    return instance.vast_id is not None and time.time() - instance.created_ts < FRESH_S


def limit_s(instance: Instance, limit: float | None) -> float | None:
    """The step's limit, longer for a fresh machine."""
    return max(limit or 0.0, FRESH_LIMIT_S) if is_fresh(instance) else limit


async def run(ctx: DesktopContext) -> str:
    """Raises VastDeskError of the rung that broke."""
    await ctx.plan({"id": id_, "label": label} for id_, label in LADDER)
    await ctx.disconnect()
    await _climb(ctx)
    link = await ctx.link()
    facts = await link.client.probe()
    await _check_identity(ctx, facts)
    await _await_provisioning(ctx, facts)
    return _note(facts)


async def _climb(ctx: DesktopContext) -> None:
    """Connects; retries a refused login while the machine is fresh."""
    deadline = time.monotonic() + (AUTH_RETRY_S if is_fresh(ctx.instance) else 0.0)
    waits = backoff(2.0, 15.0)
    while True:
        try:
            await ctx.link(_Reporter(ctx).on_rung)
            return
        except VastDeskError as error:
            if error.kind != "auth_refused" or time.monotonic() >= deadline:
                raise
            await ctx.task("login", "running", note="refused: a new machine may need up to 3 minutes to know the key")
            await asyncio.sleep(next(waits))


class _Reporter:
    """Turns rungs into task events."""

    def __init__(self, ctx: DesktopContext) -> None:
        self._ctx = ctx

    async def on_rung(self, rung: Rung) -> None:
        if rung.name in dict(LADDER):
            await self._ctx.task(rung.name, rung.state, note=rung.note)


async def _check_identity(ctx: DesktopContext, facts: dict[str, Any]) -> None:
    label = facts.get("container_label")
    expected = f"C.{ctx.instance.vast_id}" if ctx.instance.vast_id else None
    if expected and label != expected:
        error = VastDeskError("wrong_machine", expected=expected, found=label or "no label")
        await ctx.task("identity", "failed", note=error.sentence)
        raise error
    note = f"label {label}" if label else "no Vast label: a machine of your own"
    await ctx.task("identity", "succeeded", note=note)


async def _await_provisioning(ctx: DesktopContext, facts: dict[str, Any]) -> None:
    """Waits while the image still sets itself up; the step's limit ends an endless one."""
    while facts.get("provisioning") == "running":
        await ctx.task("provisioning", "running", note="the image is still setting itself up")
        await asyncio.sleep(PROVISIONING_POLL_S)
        facts = await (await ctx.link()).client.probe()
    if facts.get("provisioning") == "failed":
        await ctx.task("provisioning", "succeeded", note="the image's own provisioning reported a failure")
        return
    await ctx.task("provisioning", "succeeded")


def _note(facts: dict[str, Any]) -> str:
    gpus = facts.get("gpus") or []
    names = ", ".join(str(gpu.get("name", "GPU")) for gpu in gpus[:8]) if gpus else "no GPU"
    version = (facts.get("python") or {}).get("version", "?")
    return f"Connected · {names} · Python {version}"
