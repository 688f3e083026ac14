"""Where ComfyUI and its Python are, and the proof that they work. Used by every step that touches them."""

from __future__ import annotations

import json
import os
from typing import NamedTuple, Tuple

from ..context import Context
from ..discover import find_comfyui, find_python
from ..errors import StepError

_PROBE = """
import json, os, sys, sysconfig
print("VASTDESK " + json.dumps({
    "version": list(sys.version_info[:3]),
    "prefix": sys.prefix,
    "purelib": sysconfig.get_path("purelib"),
    "platlib": sysconfig.get_path("platlib"),
    "managed": sys.prefix == sys.base_prefix and os.path.exists(
        os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")),
}))
"""


class Python(NamedTuple):
    """A proven interpreter and where its packages go. `managed`: by the system (PEP 668)."""

    path: str
    version: Tuple[int, ...]
    prefix: str
    site: Tuple[str, ...]
    managed: bool


def comfyui(ctx: Context) -> str:
    """ComfyUI's folder: the parameter, the profile, or what is found. Raises no_comfyui, comfyui_not_found."""
    given = ctx.params.get("path")
    folder = expand(ctx, given) if given else find_comfyui(ctx.profile, ctx.path)
    if not folder:
        raise StepError("comfyui_not_found")
    folder = os.path.abspath(folder)
    if not any(os.path.exists(os.path.join(folder, name)) for name in ("main.py", "custom_nodes")):
        raise StepError("no_comfyui", path=folder)
    return folder


def python(ctx: Context, comfy: str) -> Python:
    """The interpreter ComfyUI's packages are in, proven by running it. Raises python_not_found, python_broken."""
    given = ctx.params.get("python")
    path = expand(ctx, given) if given else find_python(comfy, ctx.profile, ctx.path)
    if not path:
        raise StepError("python_not_found")
    return probe(ctx, path)


def probe(ctx: Context, path: str) -> Python:
    """Run an interpreter and ask it about itself. Raises python_broken."""
    found = []

    def take(line: str) -> None:
        if line.startswith("VASTDESK "):
            found.append(line[len("VASTDESK ") :])

    try:
        result = ctx.run([path, "-c", _PROBE], take, timeout_s=60, quiet=True)
    except StepError as error:
        if error.kind != "tool_missing":
            raise
        raise StepError("python_broken", path=path, detail=error.facts["detail"]) from error
    if not result.ok or not found:
        detail = "it did not answer in time" if result.timed_out else result.last_words
        raise StepError("python_broken", path=path, detail=detail)
    facts = json.loads(found[0])
    if tuple(facts["version"]) < (3, 8):
        raise StepError("python_broken", path=path, detail="Python %d.%d is too old" % tuple(facts["version"][:2]))
    site = tuple(dict.fromkeys([facts["purelib"], facts["platlib"]]))
    return Python(path, tuple(facts["version"]), facts["prefix"], site, bool(facts["managed"]))


def expand(ctx: Context, path: str) -> str:
    """A path the user gave: used as it is, but for `~`."""
    return ctx.path(path) if path == "~" or path.startswith("~/") else path
