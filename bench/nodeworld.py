"""34 custom nodes and their packages as two hosts on loopback serve them, and machines to install them on."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.lab import helper
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex, _File
from vastdesk.remote.practice.instance import PracticeFacts, PracticeInstance
from vastdesk.store.resources import resource_path

PACKAGES = 60
INSTALLED = ("torch==2.8.0+cu128", "torchvision==0.23.0+cu128", "torchaudio==2.8.0+cu128", "numpy==2.1.3")


@dataclass(frozen=True)
class Node:
    """One row of the list: `requirements` are the lines of its file, none without one."""

    name: str
    folder: str
    file: str
    requirements: tuple[str, ...]


def nodes(count: int) -> list[Node]:
    """The first of the built-in list: its names, its folders, and requirements where it has some."""
    drawn = random.Random(34)
    with resource_path("nodes/default.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:count]
    found = []
    for row in rows:
        lines: tuple[str, ...] = ()
        if row["RequirementsFile"]:
            names = drawn.sample(range(PACKAGES), drawn.randint(2, 6))
            lines = ("numpy>=1.21", "torch", *(f"bench-pkg-{number}>=1.0" for number in names))
        found.append(Node(row["Name"], row["Subfolder"] or row["Name"], row["RequirementsFile"], lines))
    return found


class _CachedHandler(PackageIndex.handler):  # type: ignore[name-defined,misc]
    """PyPI's files never change and say so: pip and uv keep what they have fetched once."""

    def send_bytes(self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        if status == 200 and self.path.startswith("/files/"):
            headers = {**(headers or {}), "Cache-Control": "max-age=365000000, immutable, public"}
        super().send_bytes(status, content_type, body, headers)


class Index(PackageIndex):
    """A package index that also serves wheels made elsewhere."""

    handler = _CachedHandler

    def add_wheel(self, name: str, path: Path) -> None:
        data = path.read_bytes()
        with self._guard:
            self._projects[name] = [_File(path.name, data, None, hashlib.sha256(data).hexdigest())]

    def environment(self) -> dict[str, str]:
        uncached = super().environment()
        return {name: value for name, value in uncached.items() if name not in ("PIP_NO_CACHE_DIR", "UV_NO_CACHE")}


def uv_wheel(folder: Path) -> Path | None:
    """The real uv, from the real index; None when that cannot be reached."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "uv"]
    done = subprocess.run(command, check=False)
    return next(iter(folder.glob("uv-*.whl")), None) if done.returncode == 0 else None


@dataclass(frozen=True)
class Hosts:
    """Both hosts, as seen from behind the slow line."""

    git_port: int
    environ: Mapping[str, str]
    """What makes pip and uv use the index there and no other."""

    def url(self, node: Node) -> str:
        return f"http://127.0.0.1:{self.git_port}/{node.name}.git"

    def node_list(self, path: Path, listed: list[Node]) -> Path:
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["Name", "RepoUrl", "Subfolder", "RequirementsFile"])
            for node in listed:
                subfolder = node.folder if node.folder != node.name else ""
                out.writerow([node.name, self.url(node), subfolder, node.file])
        return path


@contextlib.asynccontextmanager
async def hosts(folder: Path, listed: list[Node], rtt_ms: int) -> AsyncIterator[tuple[Hosts, Index]]:
    """A git host and a package index, each at the end of a line with this round trip; and the index itself."""
    with FakeGitHost(folder / "git") as git, Index() as index:
        _publish(git, index, listed)
        async with _line(git.port, rtt_ms) as git_port, _line(index.port, rtt_ms) as index_port:
            near = index.environment()
            far = {name: value.replace(f":{index.port}/", f":{index_port}/") for name, value in near.items()}
            yield Hosts(git_port, far), index


@contextlib.asynccontextmanager
async def _line(port: int, rtt_ms: int) -> AsyncIterator[int]:
    async with helper("bench.line", str(port), str(rtt_ms), "0", "0") as line:
        assert line.stdout is not None
        yield int(await line.stdout.readline())


def _publish(git: FakeGitHost, index: Index, listed: list[Node]) -> None:
    source = random.Random(1)
    index.add_cuda_torch()
    for number in range(PACKAGES):
        depends = [f"bench-pkg-{other}" for other in source.sample(range(number), min(number, source.randint(0, 2)))]
        text = f"DATA = {source.randbytes(10_000).hex()!r}\n"
        for version in ("1.0", "1.1", "2.0"):
            index.add(f"bench-pkg-{number}", version, depends, modules={f"bench_pkg_{number}": text})
    for node in listed:
        names = [line.partition(">=")[0].replace("-", "_") for line in node.requirements]
        imports = "".join(f"import {name}\n" for name in names)
        files: dict[str, str | bytes] = {"__init__.py": f"{imports}NODE_CLASS_MAPPINGS = {{}}\n"}
        files |= {f"web/{number}.js": source.randbytes(8_000) for number in range(30)}
        if node.file:
            files[node.file] = "\n".join(node.requirements) + "\n"
        git.add(node.name, files)


@contextlib.asynccontextmanager
async def machine(folder: Path, index: Index, there: Hosts) -> AsyncIterator[PracticeFacts]:
    """A practice machine with PyTorch for CUDA (by name) in its environment, which then knows the far index alone."""
    resources = resource_path("practice")
    first = PracticeInstance(folder, resources)
    await first.prepare()
    await first.stop()
    python = folder / "root/venv/main/bin/python"
    install = [str(python), "-m", "pip", "install", "--quiet", *INSTALLED]
    subprocess.run(install, env={**clean_environ(), **index.environment()}, check=True)
    practice = PracticeInstance(folder, resources, environ={**clean_environ(), **there.environ}, git_rate_bytes_s=None)
    await practice.prepare()
    facts = await practice.start()
    try:
        yield facts
    finally:
        await practice.stop()


def clean_environ() -> dict[str, str]:
    """Ours, without this computer's own package index."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "VASTDESK_"))}


def result_on_disk(facts: PracticeFacts, listed: list[Node]) -> dict[str, object]:
    """What both ways have to agree on: every file of every node, and every package with its version."""
    freeze = [str(facts.python), "-m", "pip", "freeze", "--all", "--disable-pip-version-check"]
    frozen = subprocess.run(freeze, capture_output=True, text=True, check=True, env=clean_environ()).stdout
    trees = {node.name: sorted(_tree(facts.comfyui / "custom_nodes" / node.folder)) for node in listed}
    return {"packages": sorted(frozen.lower().splitlines()), "files": trees}


def _tree(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        if path.is_file() and not {".git", "__pycache__"} & set(path.parts):
            yield path.relative_to(folder).as_posix(), path.stat().st_size
