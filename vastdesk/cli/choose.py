"""What the options of `run` choose: the workflow with its steps and parameters, the instance, the identity."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.settings import seconds_of
from vastdesk.domain.ssh_string import SshTarget, parse_ssh
from vastdesk.domain.workflow import Catalogue, Workflow
from vastdesk.store import Store
from vastdesk.workers.workflow_files import find_workflow


async def chosen_workflow(args: argparse.Namespace, catalogue: Catalogue, store: Store) -> Workflow:
    """Raises VastDeskError: no_workflow, bad_workflow, bad_choice."""
    file = find_workflow(args.workflow, store.data_dir)
    delay = seconds_of("step_delay", await store.settings())
    workflow = file.load(catalogue, delay)
    return workflow.with_choices(catalogue, only=args.step, skip=args.skip, sets=args.set, step_delay=args.step_delay)


async def chosen_instance(args: argparse.Namespace, store: Store) -> Instance:
    """The instance of `--instance` or `--ssh`, saved. An identity given is kept with it, so that whoever goes on with
    the run later logs in with the same key. Raises VastDeskError: no_instance, no_identity, bad_ssh_string."""
    login = await chosen_identity(args.identity, store)
    if args.instance is not None:
        return await _kept(await store.find_instance(args.instance), login, store)
    target = parse_ssh(args.ssh)
    fields = {**target_fields(target), **login}
    try:
        saved = await store.find_instance(target.name)
    except VastDeskError as error:
        if error.kind != "no_instance":
            raise
        return await store.add_instance(target.name, [target.endpoint()], **fields)
    return await _kept(saved, {name: value for name, value in fields.items() if value is not None} | login, store)


async def _kept(instance: Instance, fields: dict[str, Any], store: Store) -> Instance:
    if all(getattr(instance, name) == value for name, value in fields.items()):
        return instance
    return await store.update_instance(instance.id, **fields)


def target_fields(target: SshTarget) -> dict[str, Any]:
    """What an SSH string says besides the address."""
    key = target.identity_file
    return {"identity_file": str(Path(key).expanduser().absolute()) if key else None, "jump": target.jump}


async def chosen_identity(text: str | None, store: Store) -> dict[str, Any]:
    """Fields of an instance for `--identity NAME|FILE`: a saved identity by name, else a key file. Empty without one.
    Raises VastDeskError("no_identity")."""
    if text is None:
        return {}
    try:
        return {"identity": (await store.find_identity(text)).name, "identity_file": None}
    except VastDeskError as error:
        path = Path(text).expanduser()
        if error.kind != "no_identity" or not path.is_file():
            raise
        return {"identity": None, "identity_file": str(path.absolute())}
