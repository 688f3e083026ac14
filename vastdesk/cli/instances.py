"""`vastdesk instances`: saved machines."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from vastdesk.cli import shapes
from vastdesk.cli.choose import chosen_identity, target_fields
from vastdesk.cli.closing import program
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.report import wrong_use
from vastdesk.cli.serving import served
from vastdesk.cli.sessions import open_session, open_store
from vastdesk.cli.text import columns, facts, local_time, short_id
from vastdesk.domain.instances import HostKey, Instance
from vastdesk.domain.sentences import format_bytes
from vastdesk.domain.ssh_string import parse_ssh
from vastdesk.store import Store

MAX_NAME = 100
SIZES = ("total", "available", "free", "used")
"""Facts of a probe that count bytes."""


def list_all(args: argparse.Namespace) -> int:
    return asyncio.run(_list(args))


async def _list(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        listed = [(each, *await _keys(store, each)) for each in await store.instances()]
    if args.json:
        for instance, pinned, offered in listed:
            emit(shapes.shown_instance(instance, pinned, offered))
    elif not listed:
        write_text(f'No instances yet. Add one: {program(args)} instances add NAME --ssh "ssh -p 12345 root@1.2.3.4"\n')
    else:
        rows = [
            (each.name, _address(each), each.identity or each.identity_file or "default key", _trust(pinned, offered))
            for each, pinned, offered in listed
        ]
        write_text(columns(("NAME", "ADDRESS", "IDENTITY", "HOST KEY"), rows) + "\n")
    return 0


async def _keys(store: Store, instance: Instance) -> tuple[HostKey | None, HostKey | None]:
    return await store.host_key(instance.id), await store.offered_host_key(instance.id)


def _address(instance: Instance) -> str:
    return ", ".join(str(endpoint) for endpoint in instance.endpoints)


def _trust(pinned: HostKey | None, offered: HostKey | None) -> str:
    if pinned and offered:
        return "CHANGED, not trusted"
    return "trusted" if pinned else "waits for your trust" if offered else "not seen yet"


def add(args: argparse.Namespace) -> int:
    return asyncio.run(_add(args))


async def _add(args: argparse.Namespace) -> int:
    name = checked_name(args.name, "instance")
    target = parse_ssh(args.ssh)
    async with open_store(args) as store:
        fields = {**target_fields(target), **await chosen_identity(args.identity, store)}
        profile = {"comfyui": args.comfyui, "python": args.python}
        fields["profile"] = {name: path for name, path in profile.items() if path}
        instance = await store.add_instance(name, [target.endpoint()], **fields)
    if args.json:
        emit(shapes.shown_instance(instance, None, None))
    else:
        write_text(
            f"Saved {instance.name}: {_address(instance)}\nSee what is there: {program(args)} instances probe {name}\n"
        )
    return 0


def checked_name(text: str, what: str) -> str:
    """A name that can be typed and shown. Raises wrong use."""
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable() or name.startswith("-"):
        raise wrong_use(
            f"the name of an {what} is 1 to {MAX_NAME} printable characters and does not begin with a dash",
            "Choose another name.",
        )
    return name


def show(args: argparse.Namespace) -> int:
    return asyncio.run(_show(args))


async def _show(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        instance = await store.find_instance(args.name)
        pinned, offered = await _keys(store, instance)
        last = next((row for row in await store.runs() if row.instance_id == instance.id), None)
    if args.json:
        emit(shapes.shown_instance(instance, pinned, offered))
        return 0
    pairs = [
        ("name", instance.name),
        ("id", instance.id),
        ("address", _address(instance)),
        ("jump host", instance.jump),
        ("identity", instance.identity),
        ("key file", instance.identity_file),
        ("host key", f"{pinned.algorithm} {pinned.fingerprint}" if pinned else None),
        ("not trusted", f"{offered.algorithm} {offered.fingerprint}" if offered else None),
        *((str(key), value) for key, value in instance.profile.items()),
        ("added", local_time(instance.created_ts)),
        ("last run", f"{short_id(last.id)} {last.state}" if last else None),
    ]
    write_text(facts(pairs) + "\n")
    return 0


def remove(args: argparse.Namespace) -> int:
    return asyncio.run(_remove(args))


async def _remove(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        instance = await store.find_instance(args.name)
        await store.remove_instance(instance.id)
    write_text(f"Forgot {instance.name}. Nothing happened on the machine.\n")
    return 0


def trust(args: argparse.Namespace) -> int:
    return asyncio.run(_trust_key(args))


async def _trust_key(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        instance = await store.find_instance(args.name)
        key = await store.trust_host_key(instance.id, args.fingerprint.strip())
        waiting = [row for row in await store.runs() if row.instance_id == instance.id and row.state == "blocked"]
    write_text(f"Trusted for {instance.name}: {key.algorithm} {key.fingerprint}\n")
    if waiting:
        write_text(f"A run waits for it; go on: {program(args)} resume {short_id(waiting[0].id)}\n")
    return 0


def probe(args: argparse.Namespace) -> int:
    return asyncio.run(_probe(args))


async def _probe(args: argparse.Namespace) -> int:
    async with open_session(args) as (engine, _):
        instance = await engine.store.find_instance(args.name)
        async with served(engine.store, instance.id):
            found = await engine.probe(await engine.store.find_instance(instance.id))
        if args.save:
            instance = await _keep_paths(engine.store, instance, found)
    if args.json:
        emit(shapes.probed(instance, found))
    else:
        write_text(facts([(str(name).replace("_", " "), _fact(name, value)) for name, value in found.items()]) + "\n")
    return 0


async def _keep_paths(store: Store, instance: Instance, found: dict[str, Any]) -> Instance:
    """Steps go by the profile first, so that what is found today is used though another ComfyUI comes beside it."""
    paths = {"comfyui": found.get("comfyui"), "python": found.get("comfyui_python")}
    kept = {name: fact["path"] for name, fact in paths.items() if isinstance(fact, dict) and fact.get("path")}
    return await store.update_instance(instance.id, profile={**instance.profile, **kept})


def _fact(name: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and name in SIZES:
        return format_bytes(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_fact(str(key), each)}" for key, each in value.items())
    if isinstance(value, list):
        return " · ".join(_fact(name, each) for each in value) or "none"
    return str(value)
