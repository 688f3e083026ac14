"""What is installed in ComfyUI's environment: the rollback point, the constraints, and what may never move."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Dict, List, Mapping, NamedTuple, Optional

from ..context import Context
from ..errors import StepError
from .places import Python
from .requirements import OPENCV, normalize

# What ComfyUI and the GPU stand on. Whoever moves one of these breaks all the others.
PROTECTED = (
    "torch", "torchvision", "torchaudio", "torchcodec", "triton", "xformers", "torchsde", "numpy", "transformers",
    "tokenizers", "safetensors", "huggingface-hub", "pillow", "kornia", "protobuf", "comfyui-frontend-package", *OPENCV,
)  # fmt: skip
_PROTECTED_FAMILIES = ("nvidia-",)
# Build tools are no library of ComfyUI, and a constraint on them stops the building of other packages.
_UNBOUND = ("pip", "setuptools", "wheel", "uv")
_VERSION = re.compile(r"[0-9]+(?:[.!][0-9]+)*[A-Za-z0-9.]*(?:\+[A-Za-z0-9.]+)?")
_KEPT = 20

# Asked of the environment itself: the same answer whichever of uv and pip is there, direct addresses included.
_LIST = """
import importlib.metadata as m, json
seen = set()
for dist in m.distributions():
    name = dist.metadata["Name"] if dist.metadata else None
    if not name or name.lower() in seen:
        continue
    seen.add(name.lower())
    url = ""
    try:
        direct = json.loads(dist.read_text("direct_url.json") or "{}")
        vcs = direct.get("vcs_info") or {}
        url = direct.get("url", "")
        if vcs:
            url = vcs["vcs"] + "+" + url + "@" + vcs["commit_id"]
        if (direct.get("dir_info") or {}).get("editable"):
            url = "-e " + url
    except Exception:
        pass
    print("VASTDESK " + json.dumps([name, dist.version, url]))
"""


class Installed(NamedTuple):
    """A package that is there. `url` is where it came from when not from an index; `-e …` for an editable one."""

    name: str
    version: str
    url: str = ""

    @property
    def line(self) -> str:
        if self.url.startswith("-e "):
            return self.url
        return "%s @ %s" % (self.name, self.url) if self.url else "%s==%s" % (self.name, self.version)


Freeze = Mapping[str, Installed]


def protected(name: str) -> bool:
    name = normalize(name)
    return name in PROTECTED or name.startswith(_PROTECTED_FAMILIES)


def freeze(ctx: Context, python: Python) -> Freeze:
    """All packages by normalized name. Raises python_broken."""
    found: Dict[str, Installed] = {}

    def take(line: str) -> None:
        if line.startswith("VASTDESK "):
            try:
                name, version, url = json.loads(line[len("VASTDESK ") :])
            except ValueError:  # cut: an address of more than 4 KiB
                return
            found[normalize(name)] = Installed(str(name), str(version), str(url))

    result = ctx.run([python.path, "-c", _LIST], take, timeout_s=120, quiet=True)
    if not result.ok:
        raise StepError("python_broken", path=python.path, detail=result.last_words)
    return found


def keep(ctx: Context, packages: Freeze) -> str:
    """Write the freeze to `<.vastdesk>/freezes/` as a requirements file; the path. Equal to the last one: that one."""
    folder = os.path.join(ctx.home, "freezes")
    os.makedirs(folder, 0o700, exist_ok=True)
    text = "".join(package.line + "\n" for _, package in sorted(packages.items()))
    earlier = sorted(name for name in os.listdir(folder) if name.endswith(".txt"))
    if earlier:
        path = os.path.join(folder, earlier[-1])
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return path
    path = os.path.join(folder, time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + "-%s.txt" % ctx.job[-8:])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    for name in earlier[: -(_KEPT - 1)]:
        os.unlink(os.path.join(folder, name))
    return path


def constraints(packages: Freeze) -> List[str]:
    """`name==version` of everything that is there. A version no resolver understands cannot bind anybody."""
    return [
        "%s==%s" % (name, package.version)
        for name, package in sorted(packages.items())
        if name not in _UNBOUND and _VERSION.fullmatch(package.version)
    ]


class Moved(NamedTuple):
    """A protected package that is no longer what it was. `now` None: it is gone."""

    before: Installed
    now: Optional[Installed]

    def __str__(self) -> str:
        return "%s %s → %s" % (self.before.name, self.before.version, self.now.version if self.now else "removed")


def moved(before: Freeze, after: Freeze) -> List[Moved]:
    """The protected packages that moved."""
    return [
        Moved(package, after.get(name))
        for name, package in before.items()
        if protected(name) and (name not in after or after[name].version != package.version)
    ]
