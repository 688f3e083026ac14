"""The custom nodes of the practice instance: their repositories, made from the shipped sources, and the node list."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .repository import Commit, make_repository


@dataclass(frozen=True, slots=True)
class Node:
    """One line of `nodes.json`. `missing`: it is listed, but its repository does not exist: the one that fails.
    `installed`: it is on the machine before the first run."""

    name: str
    commits: tuple[Mapping[str, Any], ...] = ()
    submodules: Mapping[str, str] | None = None
    filler: Mapping[str, Any] | None = None
    listed: bool = True
    missing: bool = False
    installed: bool = False


def read_nodes(resources: Path) -> tuple[Node, ...]:
    """All nodes, in the order of the list; one that is a submodule of another stands before it."""
    listing = json.loads((resources / "nodes.json").read_text(encoding="utf-8"))
    return tuple(
        Node(**{**entry, "commits": tuple(entry.get("commits", ()))})  # the fields of the file are those of Node
        for entry in listing["repositories"]
    )


def make_repositories(resources: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Make the repositories that are not there yet. Each appears whole or not at all."""
    for node in read_nodes(resources):
        path = folder / f"{node.name}.git"
        if node.missing or path.is_dir():
            continue
        make_repository(path, _commits(resources, folder, node), env)


def _commits(resources: Path, folder: Path, node: Node) -> list[Commit]:
    files = read_tree(resources / "nodes" / node.name)
    if node.filler:
        files |= _filler(node.name, **node.filler)
    links = {}
    if node.submodules:
        text = ""
        for path, other in node.submodules.items():
            # Relative: it holds at whatever port the git host is this time.
            text += f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../{other}.git\n'
            links[path] = (folder / f"{other}.git/refs/heads/main").read_text().strip()
        files[".gitmodules"] = text.encode()
    commits = []
    for number, entry in enumerate(node.commits):
        last = number == len(node.commits) - 1
        names = list(files) if last else entry["files"]
        content = {name: files.pop(name) for name in names}
        commits.append(Commit(entry["message"], content, links if last else {}, entry.get("tag")))
    return commits


def read_tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, without what Python leaves there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _filler(seed: str, folder: str, files: int, bytes_each: int) -> dict[str, bytes]:
    """Files that cannot be compressed, the same every time: the shipped sources stay small."""
    source = random.Random(seed)
    return {f"{folder}/{number:02}.bin": source.randbytes(bytes_each) for number in range(1, files + 1)}


def write_node_list(resources: Path, path: Path, url: Callable[[str], str]) -> None:
    """The CSV of all listed nodes at their addresses of now."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Name", "RepoUrl", "Subfolder", "RequirementsFile"])
        for node in read_nodes(resources):
            if node.listed:
                has = (resources / "nodes" / node.name / "requirements.txt").is_file()
                out.writerow([node.name, url(node.name), "", "requirements.txt" if has else ""])
    new.rename(path)
