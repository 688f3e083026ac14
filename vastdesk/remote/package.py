"""The runner as one file: a zipapp whose bytes depend on nothing but its sources, so that its hash is its name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

PACKAGE = "vastdesk_runner"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the zip format knows no earlier time; any fixed one will do

MAIN = f"""# Written by vastdesk/remote/package.py
import sys
from {PACKAGE}.__main__ import run
sys.exit(run())
"""


@dataclass(frozen=True)
class RunnerPackage:
    """The zipapp and its hash, which is the version of the runner."""

    data: bytes = field(repr=False)
    sha256: str


@lru_cache(maxsize=1)
def runner_package() -> RunnerPackage:
    """The runner of this VastDesk."""
    return build(runner_sources())


def runner_sources() -> dict[str, bytes]:
    """Path inside the package → text of every Python file of the runner."""
    return _sources(resources.files("vastdesk.remote") / "runner", "")


def _sources(folder: Traversable, prefix: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found.update(_sources(entry, f"{prefix}{entry.name}/"))
        elif entry.name.endswith(".py"):
            # Line endings of a checkout on Windows must not make another runner.
            found[prefix + entry.name] = entry.read_bytes().replace(b"\r\n", b"\n")
    return found


def build(sources: Mapping[str, bytes]) -> RunnerPackage:
    """A zipapp of these files below one package."""
    files = {"__main__.py": MAIN.encode()} | {f"{PACKAGE}/{name}": text for name, text in sources.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, EARLIEST)
            info.compress_type = zipfile.ZIP_STORED  # compressors differ between builds of Python
            info.create_system = 3  # Unix, wherever it is built
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    data = buffer.getvalue()
    return RunnerPackage(data, hashlib.sha256(data).hexdigest())
