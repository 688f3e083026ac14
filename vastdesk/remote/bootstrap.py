"""From a logged-in connection to a served channel, whatever the login shell does.

One exec: sh finds a python3 that is new enough, python looks whether the runner is there, takes it from stdin if not,
and becomes it. Upload is on purpose not SFTP: sshd starts sftp-server through the login shell, and a banner printed
there breaks its protocol (docs/facts.md#sftp-through-the-login-shell).
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import zlib
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.channel import Channel, FramedReader, Noise

T = TypeVar("T")

PYTHONS = (
    "/usr/bin/python3",
    "/usr/local/bin/python3",
    "python3",
    "/bin/python3",
    "/venv/main/bin/python3",
    "/opt/conda/bin/python3",
)

# No ' and no \ in it, so that it reads the same in every login shell. $1 is the code, $2 the token, then what boot.py
# takes; $5 and $6 are the two halves of the failure. The system's own python comes first: one that PATH finds may be a
# slow wrapper, and is called by its full name: without PATH in the environment it would not know where it lies. Each is
# tried by running it, with its stdin elsewhere: ours belongs to the runner.
FIND_PYTHON = (
    "old=; s=${VASTDESK_SYSROOT:-}; "
    "for p in "
    + " ".join(f'"$s{path}"' if path.startswith("/") else f'"$(command -v {path})"' for path in PYTHONS)
    + "; do "
    'v=$("$p" -S -E -c "import sys; v = sys.version; print(v.split()[0], sys.version_info >= (3, 8))" '
    "</dev/null 2>/dev/null); "
    'case $v in *True) exec "$p" -S -E -c "$@";; *False) old="$old ${v% False}";; esac; '
    'done; echo; echo "$2 $5$old$6"; exit 1'
)
UPLOAD_BYTES_S = 10_000
"""A slower line than this runs into the time limit of the upload."""


class Package(Protocol):
    """The runner as it is shipped."""

    @property
    def data(self) -> bytes: ...
    @property
    def sha256(self) -> str: ...


class Opener(Protocol):
    """Starts commands on the instance."""

    host: str

    async def open(self, argv: list[str], noise: Noise) -> Channel:
        """Raises `channel_refused`, `connection_lost`. `noise` takes what the process writes to stderr."""


@dataclass(frozen=True, slots=True)
class Served:
    """A runner that has said hello; `facts` are its words."""

    reader: FramedReader
    facts: dict[str, Any]


async def start_runner(opener: Opener, package: Package, noise: Noise, timeout_s: float) -> Served:
    """What others print goes to `noise`.

    Raises VastDeskError: `shell_in_the_way`, `no_python`, `python_too_old`, `home_not_writable`, `disk_full_remote`,
    `runner_failed`, `channel_refused`, `connection_lost`.
    """
    token = secrets.token_hex(16)
    channel = await opener.open(boot_command(token, package), noise)
    reader = FramedReader(channel, token, noise)
    try:
        boot = await _first_word(reader, opener.host, timeout_s)
        if not boot["have"]:
            await _within(channel.send(package.data), opener.host, timeout_s + len(package.data) / UPLOAD_BYTES_S)
        hello = await _hello(reader, opener.host, timeout_s + len(package.data) / UPLOAD_BYTES_S)
    except BaseException:
        channel.close()
        raise
    return Served(reader, hello)


def boot_command(token: str, package: Package) -> list[str]:
    """The argument list of the one exec. Short enough (3 kB) for every shell and `ps`."""
    failure = json.dumps({"boot": {"error": "no_python", "found": "@"}}).split("@")
    return [
        "/bin/sh",
        "-c",
        FIND_PYTHON,
        "sh",
        packed_code("boot.py"),
        token,
        package.sha256,
        str(len(package.data)),
        *failure,
    ]


@cache
def packed_code(name: str) -> str:
    """A program beside this file as one line of Python."""
    source = files("vastdesk.remote").joinpath(name).read_bytes()
    packed = base64.b64encode(zlib.compress(source, 9)).decode("ascii")
    return f'import base64,zlib;exec(zlib.decompress(base64.b64decode("{packed}")))'


async def _first_word(reader: FramedReader, host: str, timeout_s: float) -> dict[str, Any]:
    try:
        async with asyncio.timeout(timeout_s):
            first = await reader.one()
    except TimeoutError:
        detail = f"nothing came of it within {timeout_s:g} s; its last line was: {reader.noise.last()}"
        raise VastDeskError("shell_in_the_way", host=host, detail=detail) from None
    if first is None:
        ending = reader.channel.ending() or "it ended"
        raise VastDeskError("shell_in_the_way", host=host, detail=f"{ending}; its last line was: {reader.noise.last()}")
    boot = first.get("boot")
    if not isinstance(boot, dict):
        raise VastDeskError("protocol_error", host=host, detail=f"an unexpected first word {sorted(first)}")
    if "error" in boot:
        raise _refusal(boot, host)
    return boot


async def _hello(reader: FramedReader, host: str, timeout_s: float) -> dict[str, Any]:
    first = await _within(reader.one(), host, timeout_s)
    if first is None:
        raise VastDeskError("runner_failed", host=host, detail=reader.noise.last())
    if "boot" in first:
        raise _refusal(first["boot"], host)
    hello = first.get("hello")
    if not isinstance(hello, dict):
        raise VastDeskError("protocol_error", host=host, detail=f"an unexpected greeting {sorted(first)}")
    return hello


async def _within(work: Awaitable[T], host: str, timeout_s: float) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError:
        raise VastDeskError("runner_failed", host=host, detail=f"no word from it within {timeout_s:g} s") from None


def _refusal(boot: dict[str, Any], host: str) -> VastDeskError:
    error, path, detail = boot.get("error"), str(boot.get("path", "")), str(boot.get("detail", ""))
    if error == "no_python":
        found = ", ".join(str(boot.get("found", "")).split())
        return (
            VastDeskError("python_too_old", host=host, found=found) if found else VastDeskError("no_python", host=host)
        )
    if error == "disk_full":
        return VastDeskError("disk_full_remote", host=host, path=path)
    if error == "not_writable":
        return VastDeskError("home_not_writable", host=host, path=path, detail=detail)
    return VastDeskError("runner_failed", host=host, detail=detail or str(error))
