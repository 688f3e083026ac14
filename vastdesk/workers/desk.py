"""What a window can ask of the engine beside runs themselves: machines, workflows, output, settings.

Functions of an engine, carried out in its thread (`await bridge.call(lambda engine: add_machine(engine, …))`), so that
the window knows neither SQL nor SSH.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import HostKey, Identity, Instance
from vastdesk.domain.settings import seconds_of
from vastdesk.domain.ssh_string import SshTarget
from vastdesk.domain.workflow import Catalogue, Workflow, dump_workflow, load_workflow
from vastdesk.remote.known import jump_id
from vastdesk.remote.rungs import Rung as Rung  # the window hears of rungs
from vastdesk.workers.engine import Engine
from vastdesk.workers.forms import Step, declarations
from vastdesk.workers.original_files import OriginalConfig, OriginalTemplate, read_original
from vastdesk.workers.workflow_files import WorkflowFile, workflow_files

# -- machines ----------------------------------------------------------------------------------------------------------


async def add_machine(engine: Engine, name: str, target: SshTarget, *, identity: str | None = None) -> Instance:
    """Saves a machine. `identity` names a saved one; else the key file of the SSH string, else the default key.
    Raises `instance_exists`, `no_identity`."""
    if identity is not None:
        await engine.store.find_identity(identity)
    key_file = str(Path(target.identity_file).expanduser()) if target.identity_file and identity is None else None
    return await engine.store.add_instance(
        name, [target.endpoint()], identity=identity, identity_file=key_file, jump=target.jump
    )


async def edit_machine(engine: Engine, instance_id: str, **fields: Any) -> Instance:
    """Changes what is given: name, endpoints, identity, identity_file, jump, profile. Raises `instance_exists`."""
    return await engine.store.update_instance(instance_id, **fields)


async def duplicate_machine(engine: Engine, instance_id: str) -> Instance:
    """A copy under a name of its own, without the pinned key: it may become another machine."""
    old = await engine.store.find_instance(instance_id)
    taken = {instance.name for instance in await engine.store.instances()}
    name = next(name for n in range(2, len(taken) + 3) if (name := f"{old.name} {n}") not in taken)
    return await engine.store.add_instance(
        name,
        list(old.endpoints),
        identity=old.identity,
        identity_file=old.identity_file,
        jump=old.jump,
        profile=dict(old.profile),
    )


async def remove_machine(engine: Engine, instance_id: str) -> None:
    """Forgets a machine; nothing happens on it, and the history of its runs stays. Raises `instance_busy`."""
    for row in await engine.store.open_runs():
        if row.instance_id == instance_id:
            name = (await engine.store.find_instance(instance_id)).name
            raise VastDeskError("instance_busy", run=row.id, instance=name)
    await engine.store.remove_instance(instance_id)


async def test_machine(
    engine: Engine, instance: Instance, on_rung: Callable[[Rung], Awaitable[None]]
) -> dict[str, Any]:
    """Climbs the ladder on a connection of its own; what is there (runner/probe.py). Raises VastDeskError of the
    rung that broke; an unknown host key is offered to `Engine.trust`."""
    link = engine.new_link(instance)
    try:
        await link.connect(on_rung)
        facts: dict[str, Any] = await link.client.probe()
        return facts
    finally:
        await link.close()


async def host_key(engine: Engine, instance_id: str) -> tuple[HostKey | None, HostKey | None]:
    """(pinned, offered)."""
    return await engine.store.host_key(instance_id), await engine.store.offered_host_key(instance_id)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key a machine showed (`key`), and the one trusted until now, if there is one. `is_jump`: of its jump host."""

    key: HostKey
    pinned: HostKey | None
    is_jump: bool


async def shown_key(engine: Engine, instance_id: str, fingerprint: str = "") -> ShownKey | None:
    """The key that waits for a decision: the one with this fingerprint, else any. None: none does (any more)."""
    for holder in (jump_id(instance_id), instance_id):
        offered = await engine.store.offered_host_key(holder)
        if offered is not None and fingerprint in ("", offered.fingerprint):
            return ShownKey(offered, await engine.store.host_key(holder), holder != instance_id)
    return None


async def trust_key(engine: Engine, instance_id: str, fingerprint: str) -> HostKey:
    """Pins exactly the key with that fingerprint that the machine showed; runs it blocked go on. Raises
    `host_key_not_offered`."""
    key = await engine.trust(instance_id, fingerprint)
    for row in await engine.store.open_runs():
        if row.instance_id == instance_id and row.state == "blocked":
            await engine.drive(row.id)
    return key


async def forget_key(engine: Engine, instance_id: str) -> None:
    """The next connection shows the key and asks again."""
    await engine.store.forget_host_key(instance_id)


async def identities(engine: Engine) -> list[Identity]:
    """The saved ones."""
    return await engine.store.identities()


# -- workflows ---------------------------------------------------------------------------------------------------------


async def list_workflows(engine: Engine) -> list[WorkflowFile]:
    """The user's own, then the shipped ones."""
    return await asyncio.to_thread(workflow_files, engine.store.data_dir)


@dataclass(frozen=True, slots=True)
class ListedWorkflow:
    """A workflow file as it was found: `workflow`, or the `error` that says what is wrong with it."""

    file: WorkflowFile
    name: str
    workflow: Workflow | None
    error: VastDeskError | None = None


async def survey_workflows(engine: Engine) -> list[ListedWorkflow]:
    """All files, each read: the user's own, then the shipped ones."""
    delay_s = seconds_of("step_delay", await engine.store.settings())

    def read() -> list[ListedWorkflow]:
        return [_listed(engine, file, delay_s) for file in workflow_files(engine.store.data_dir)]

    return await asyncio.to_thread(read)


def _listed(engine: Engine, file: WorkflowFile, delay_s: float) -> ListedWorkflow:
    try:
        workflow = file.load(engine.catalogue, delay_s)
    except VastDeskError as error:
        return ListedWorkflow(file, file.name(), None, error)
    return ListedWorkflow(file, workflow.name, workflow)


async def declarations_of_steps(engine: Engine) -> tuple[Catalogue, Mapping[str, Step]]:
    """What forms are made from and checked against."""
    return engine.catalogue, await asyncio.to_thread(declarations)


async def read_workflow(engine: Engine, file: WorkflowFile) -> Workflow:
    """Raises BadWorkflow with every problem, `unreadable_workflow`."""
    delay_s = seconds_of("step_delay", await engine.store.settings())
    return await asyncio.to_thread(file.load, engine.catalogue, delay_s)


async def load_workflow_file(engine: Engine, path: Path) -> Workflow | OriginalTemplate | OriginalConfig:
    """A workflow from any file, the original tool's too. Raises BadWorkflow with every problem,
    `unreadable_workflow`."""
    delay_s = seconds_of("step_delay", await engine.store.settings())
    return await asyncio.to_thread(_loaded, engine, WorkflowFile(path, shipped=False), delay_s)


def _loaded(engine: Engine, file: WorkflowFile, delay_s: float) -> Workflow | OriginalTemplate | OriginalConfig:
    text = file.read()
    original = read_original(text, str(file.path), engine.catalogue, delay_s)
    return load_workflow(text, str(file.path), engine.catalogue, step_delay_s=delay_s) if original is None else original


async def delete_workflow(engine: Engine, file: WorkflowFile) -> bytes:
    """Removes one of the user's own; what it held, for `restore_workflow`. Raises `unreadable_workflow`,
    `unwritable_workflow`."""
    held = await asyncio.to_thread(file.read)
    try:
        await asyncio.to_thread(file.path.unlink)
    except OSError as error:
        raise VastDeskError("unwritable_workflow", path=file.path, detail=error.strerror or str(error)) from error
    return held


async def restore_workflow(engine: Engine, file: WorkflowFile, held: bytes) -> None:
    """Puts a removed one back. Raises `unwritable_workflow`."""
    try:
        await asyncio.to_thread(_write, file.path, held)
    except OSError as error:
        raise VastDeskError("unwritable_workflow", path=file.path, detail=error.strerror or str(error)) from error


def own_path(data_dir: Path, name: str) -> Path:
    """Where a workflow of that name is kept among the user's own."""
    stem = "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split()) or "workflow"
    return data_dir / "workflows" / f"{stem[:100]}.yaml"


async def save_workflow(engine: Engine, workflow: Workflow, path: Path | None = None) -> Path:
    """Writes it as a file: to `path` (export), else among the user's own by its name. Raises `unwritable_workflow`."""
    text = dump_workflow(workflow, engine.catalogue)
    load_workflow(text, workflow.name, engine.catalogue)  # what is saved can be read again
    target = path or own_path(engine.store.data_dir, workflow.name)
    try:
        await asyncio.to_thread(_write, target, text.encode("utf-8"))
    except OSError as error:
        raise VastDeskError("unwritable_workflow", path=target, detail=error.strerror or str(error)) from error
    return target


def _write(target: Path, data: bytes) -> None:
    """By rename: a full disk leaves the old file as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


# -- output and settings -----------------------------------------------------------------------------------------------


async def read_output(
    engine: Engine, instance: Instance, job: str, step: str, offset: int = 0, max_bytes: int = 1 << 16
) -> dict[str, Any]:
    """Raw output of a step on the instance, from byte `offset` on: {offset, data, next, size, eof}."""
    link = await engine.link(instance)
    answer: dict[str, Any] = await link.client.log(job, step, offset, max_bytes)
    return answer


async def settings(engine: Engine) -> Mapping[str, str]:
    """The texts of all settings that were changed (`domain.settings.values_of` makes values of them)."""
    return await engine.store.settings()


async def change_setting(engine: Engine, name: str, text: str | None) -> None:
    """None goes back to the default. Raises `bad_setting`, `no_setting`."""
    await engine.store.set_setting(name, text)
