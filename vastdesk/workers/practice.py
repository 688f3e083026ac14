"""The practice instance as the engine meets it: started, saved in the store with its key pinned, with its workflow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.remote.practice.interpreters import practice_available
from vastdesk.store.resources import resource_path
from vastdesk.store.store import Store

if TYPE_CHECKING:  # at run time only where it can run: it needs modules that Windows does not have
    from vastdesk.remote.practice.instance import PracticeFacts, PracticeInstance

__all__ = ["NAME", "Practice", "practice_available", "practice_workflow", "run_practice"]

NAME = "practice"
"""Of the saved instance."""

FOLDER = "practice"
"""In the data folder."""

STEP_DELAY_S = 0.5
"""The pause between steps is there for machines that settle; here it would only bore."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Practice:
    """A practice instance that runs: `server` can reboot it and cut its connections."""

    instance: Instance
    facts: PracticeFacts
    server: PracticeInstance


@contextlib.asynccontextmanager
async def run_practice(
    store: Store, data_dir: Path, *, fresh: bool = False, on_progress: Progress | None = None
) -> AsyncIterator[Practice]:
    """Prepare the practice instance in the data folder (a few seconds the first time) and serve it for the length of
    the `async with`. `on_progress` hears what is being made, and how many of how many parts are done.

    Jobs that run on it when it is left go on, and are found again the next time.
    Raises VastDeskError("practice_unavailable", "practice_busy", "practice_folder", "practice_failed",
    "instance_exists").
    """
    reason = await asyncio.to_thread(practice_available)
    if reason:
        raise VastDeskError("practice_unavailable", reason=reason)
    from vastdesk.remote.practice.instance import PracticeInstance

    server = PracticeInstance(data_dir / FOLDER, resource_path("practice"))
    try:
        await server.prepare(fresh, on_progress or _quiet)
        facts = await server.start()
        yield Practice(await _register(store, facts), facts, server)
    finally:
        await server.stop()


def _quiet(part: str, done: int, total: int) -> None:
    """Nobody watches."""


async def _register(store: Store, facts: PracticeFacts) -> Instance:
    """Save it, or follow its port of now, and pin its key: we made that key, there is nothing to ask."""
    endpoint = Endpoint(facts.host, facts.port, facts.user)
    identity_file = str(facts.identity_file)
    saved = next((instance for instance in await store.instances() if instance.name == NAME), None)
    if saved is None:
        saved = await store.add_instance(NAME, [endpoint], identity_file=identity_file)
    elif any(other.host != facts.host for other in saved.endpoints):
        raise VastDeskError("instance_exists", instance=NAME)  # somebody's own machine bears that name
    elif saved.endpoints != (endpoint,) or saved.identity_file != identity_file:
        saved = await store.update_instance(saved.id, endpoints=(endpoint,), identity_file=identity_file)
    if await store.host_key(saved.id) != facts.host_key:
        await store.forget_host_key(saved.id)
        await store.offer_host_key(saved.id, facts.host_key)
        await store.trust_host_key(saved.id, facts.host_key.fingerprint)
    return saved


def practice_workflow(text: str, facts: PracticeFacts) -> str:
    """A workflow file (`text`) for the practice instance: its own node list and ComfyUI folder, and short pauses."""
    workflow: dict[str, Any] = yaml.safe_load(text)
    workflow["step_delay"] = STEP_DELAY_S
    for step in workflow["steps"]:
        given = step.setdefault("with", {})
        if step["use"] == "install_custom_nodes":
            given["nodes"] = str(facts.node_list)
        # A path that is given is taken as it is; on this machine everything is below a folder.
        if str(given.get("path", "")).startswith("/workspace/"):
            given["path"] = str(facts.comfyui)
    return yaml.safe_dump(workflow, sort_keys=False, allow_unicode=True)
