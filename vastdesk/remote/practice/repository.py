"""Real git repositories made from plain data, in one git process each and with the same hashes on every computer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_AUTHOR = "VastDesk practice <practice@vastdesk.invalid>"
_FIRST_COMMIT_TS = 1_735_689_600
"""2025-01-01: a fixed time, so that the hashes do not depend on when the world was made."""


@dataclass(frozen=True)
class Commit:
    """One commit: the files it adds or changes (path to content), and submodules (path to commit)."""

    message: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    submodules: Mapping[str, str] = field(default_factory=dict)
    tag: str | None = None


class GitError(Exception):
    """git ended with an error; the text is git's own."""


def _git(args: Sequence[str], env: Mapping[str, str] | None, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *args], input=stdin, capture_output=True, env=env, check=False)
    if done.returncode:
        raise GitError(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode().strip()


def make_repository(path: Path, commits: Sequence[Commit], env: Mapping[str, str] | None = None) -> str:
    """Make the bare repository `path` (must not exist) with these commits on `main`; the hash of the last one.

    It appears under its name only when it is whole. Without commits it is an empty repository and the hash is "".
    Raises GitError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".new-{path.name}")
    shutil.rmtree(new, ignore_errors=True)
    _git(["init", "--quiet", "--bare", "--template=", str(new)], env)
    # Not `init -b main`: git before 2.28 does not know it.
    _git(["-C", str(new), "symbolic-ref", "HEAD", "refs/heads/main"], env)
    head = ""
    if commits:
        _git(["-C", str(new), "fast-import", "--quiet"], env, _import_stream(commits))
        head = _git(["-C", str(new), "rev-parse", "refs/heads/main"], env)
    new.rename(path)
    return head


def _import_stream(commits: Sequence[Commit]) -> bytes:
    """The commits in the language of `git fast-import`."""
    parts: list[bytes] = []
    for number, commit in enumerate(commits):
        message = commit.message.encode()
        when = _FIRST_COMMIT_TS + 86_400 * number
        parts.append(b"commit refs/heads/main\n")
        parts.append(f"committer {_AUTHOR} {when} +0000\ndata {len(message)}\n".encode() + message + b"\n")
        for name, content in sorted(commit.files.items()):
            parts.append(f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n")
        for name, sha in sorted(commit.submodules.items()):
            parts.append(f"M 160000 {sha} {name}\n".encode())
        parts.append(b"\n")
        if commit.tag:
            parts.append(f"reset refs/tags/{commit.tag}\nfrom refs/heads/main\n\n".encode())
    parts.append(b"done\n")
    return b"".join(parts)
