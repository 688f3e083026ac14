"""`vastdesk settings`: the typed table, and the secrets, which go to the keyring and are never given as arguments."""

from __future__ import annotations

import argparse
import asyncio
import sys

from vastdesk.cli import shapes
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.keys import read_secret
from vastdesk.cli.logs import redactor
from vastdesk.cli.report import on_terminal, wrong_use
from vastdesk.cli.sessions import open_store
from vastdesk.cli.text import columns
from vastdesk.domain.settings import SETTINGS, describe_type, find_setting, value_of, values_of, write_setting
from vastdesk.store.secrets import Secrets

SECRETS = {"civitai_token": "Token of your CivitAI account, for models that need one; kept in the keyring."}
DEFAULT = "default"
MAX_SECRET = 10_000


def list_all(args: argparse.Namespace) -> int:
    return asyncio.run(_list(args))


async def _list(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        values = values_of(await store.settings())
    if args.json:
        for name, setting in SETTINGS.items():
            emit(shapes.shown_setting(setting, values[name]))
        return 0
    rows = [
        (name, write_setting(name, values[name]), "" if values[name] == each.default else "changed", each.help)
        for name, each in SETTINGS.items()
    ]
    rows += [(name, "(secret)", "", help) for name, help in SECRETS.items()]
    write_text(columns(("NAME", "VALUE", "", "MEANING"), rows) + "\n")
    return 0


def get(args: argparse.Namespace) -> int:
    return asyncio.run(_get(args))


async def _get(args: argparse.Namespace) -> int:
    if args.name in SECRETS:
        raise wrong_use(f"{args.name} is a secret and is not shown", f"Replace it: vastdesk settings set {args.name}")
    setting = find_setting(args.name)
    async with open_store(args) as store:
        value = value_of(setting.name, await store.setting(setting.name))
    if args.json:
        emit(shapes.shown_setting(setting, value))
    else:
        write_text(write_setting(setting.name, value) + "\n")
    return 0


def change(args: argparse.Namespace) -> int:
    return asyncio.run(_change_secret(args) if args.name in SECRETS else _change(args))


async def _change(args: argparse.Namespace) -> int:
    setting = find_setting(args.name)
    if args.value is None:
        raise wrong_use(
            f"{args.name} needs a value: {describe_type(setting)}", f"vastdesk settings set {args.name} VALUE"
        )
    async with open_store(args) as store:
        value = await store.set_setting(setting.name, None if args.value == DEFAULT else args.value)
    write_text(f"{setting.name} is {write_setting(setting.name, value)}\n")
    return 0


async def _change_secret(args: argparse.Namespace) -> int:
    if args.value is not None and args.value != DEFAULT:
        raise wrong_use(
            f"{args.name} is a secret: on the command line others can read it, and the shell keeps it",
            f"Leave the value out and it is asked for, or pipe it in: vastdesk settings set {args.name} < FILE",
        )
    async with open_store(args) as store:
        secrets = Secrets(store.data_dir)
        if args.value == DEFAULT:
            await secrets.delete("token", args.name)
            write_text(f"{args.name} removed from the keyring\n")
            return 0
        await secrets.set("token", args.name, await _typed_secret(args.name))
    write_text(f"{args.name} kept in the keyring\n")
    return 0


async def _typed_secret(name: str) -> str:
    """From the prompt, or the first line of stdin. Raises wrong use when there is none."""
    if on_terminal():
        text = await read_secret(f"{name} (not shown): ")
    else:
        text = await asyncio.to_thread(sys.stdin.readline, MAX_SECRET)
    value = (text or "").strip()
    if not value or not value.isprintable():
        raise wrong_use(f"no usable {name} was given", f"vastdesk settings set {name} < FILE")
    redactor.add(value)
    return value
