"""Packages whose own requirements were broken before we came: torchvision asks for torch 2.1, but 2.13 is installed.

People force such pairs in on purpose, and they work. With all that is installed as constraints, a resolver that
believes their metadata could fit nothing beside them any more; so uv is told what they ask for without the broken part.
What a node itself asks for is still held against what is installed.
"""

from __future__ import annotations

import json
import os
from typing import List, NamedTuple, Sequence, Tuple

from ..context import Context
from .places import Python

_TIMEOUT_S = 60.0

_FIND = """
import importlib, importlib.metadata as m, json, re
for place in ("packaging", "pip._vendor.packaging", "setuptools._vendor.packaging", "setuptools.extern.packaging"):
    try:
        Requirement = importlib.import_module(place + ".requirements").Requirement
        break
    except ImportError:
        pass
name_of = lambda name: re.sub(r"[-_.]+", "-", name).lower()
found = {}
for dist in m.distributions():
    if dist.metadata and dist.metadata["Name"]:
        found.setdefault(name_of(dist.metadata["Name"]), dist)
for name, dist in found.items():
    kept, broken = [], []
    for text in dist.requires or []:
        try:
            wish = Requirement(text)
            other = found.get(name_of(wish.name))
            holds = not wish.marker or wish.marker.evaluate({"extra": ""})
            bad = holds and other is not None and not wish.specifier.contains(other.version, prereleases=True)
        except Exception:
            bad = False
        (broken if bad else kept).append(text)
    if broken:
        print("VASTDESK " + json.dumps([name, dist.version, kept, broken]))
"""


class Quarrel(NamedTuple):
    """An installed package, what it asks for and may have, and what it asks for in vain."""

    name: str
    version: str
    kept: Tuple[str, ...]
    broken: Tuple[str, ...]


def find(ctx: Context, python: Python) -> List[Quarrel]:
    """None when the environment is at peace, or has nothing to read requirements with."""
    found: List[Quarrel] = []

    def take(line: str) -> None:
        if line.startswith("VASTDESK "):
            try:
                name, version, kept, broken = json.loads(line[len("VASTDESK ") :])
            except ValueError:  # cut: more than 4 KiB of requirements
                return
            found.append(Quarrel(str(name), str(version), tuple(kept), tuple(broken)))

    ctx.run([python.path, "-c", _FIND], take, timeout_s=_TIMEOUT_S, quiet=True)
    return found


def uv_config(folder: str, quarrels: Sequence[Quarrel]) -> str:
    """The path of a uv configuration that leaves the broken parts out."""
    path = os.path.join(folder, "uv.toml")
    with open(path, "w", encoding="utf-8") as file:
        for quarrel in quarrels:
            # A JSON string is a TOML string, and a list of them a list.
            file.write("[[dependency-metadata]]\n")
            file.write("name = %s\nversion = %s\n" % (json.dumps(quarrel.name), json.dumps(quarrel.version)))
            file.write("requires-dist = %s\n\n" % json.dumps(list(quarrel.kept)))
    return path
