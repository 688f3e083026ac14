"""A real git host on loopback for tests: what the practice instance serves from, plus repositories that misbehave.

    with FakeGitHost(tmp_path / "git") as host:
        sha = host.add("ComfyUI-Good", {"__init__.py": "…", "requirements.txt": "colorama\\n"})
        host.misbehave("ComfyUI-Private", "password")
        git clone {host.url("ComfyUI-Good")}

Misbehaviour, each for any name, existing or not: `password` (401), `missing` (404), `hang` (says nothing until the
host stops or `release()`), `error` (503), `cut` (breaks off after 1,500 bytes, so in the middle of the pack
of a repository with some kilobytes of random content). `empty` is a real repository without
a commit. With `times=n` the first n requests misbehave and the rest are served: a passing trouble.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from vastdesk.remote.practice.git_host import GitHandler, GitHost
from vastdesk.remote.practice.repository import Commit, make_repository

Misbehaviour = Literal["password", "missing", "hang", "error", "cut", "empty"]
Files = Mapping[str, str | bytes]


def _bytes(files: Files) -> dict[str, bytes]:
    return {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}


class FakeGitHost(GitHost):
    """See the module. `requests` lists (method, path) of all requests so far."""

    def __init__(self, repositories: Path, port: int = 0, rate_bytes_s: float | None = None) -> None:
        # A clean environment: neither the developer's git configuration nor GIT_DIR of a hook may matter.
        env = {"PATH": os.environ["PATH"], "HOME": str(repositories), "LANG": "C", "GIT_CONFIG_NOSYSTEM": "1"}
        super().__init__(repositories, port, rate_bytes_s, env)
        self.requests: list[tuple[str, str]] = []
        self._bad: dict[str, tuple[Misbehaviour, int | None]] = {}
        self._guard = threading.Lock()
        self._released = threading.Event()

    def __enter__(self) -> FakeGitHost:
        self.start()
        return self

    def add(
        self,
        name: str,
        files: Files | Sequence[Files],
        *,
        tags: Sequence[str | None] = (),
        submodules: Mapping[str, str] | None = None,
    ) -> str:
        """A repository with one commit for each mapping of files; the hash of its HEAD.

        `tags[i]` names commit i. `submodules` maps a path to the name of another repository of this host, added
        before; `.gitmodules` has a relative URL, and the newest commit of that repository is used.
        """
        steps = [files] if isinstance(files, Mapping) else list(files)
        commits = []
        for number, step in enumerate(steps):
            content, links = _bytes(step), {}
            if submodules and number == len(steps) - 1:
                modules = ""
                for path, other in submodules.items():
                    modules += f'[submodule "{path}"]\n\tpath = {path}\n\turl = ../{other}.git\n'
                    links[path] = self.head(other)
                content[".gitmodules"] = modules.encode()
            tag = tags[number] if number < len(tags) else None
            commits.append(Commit(f"commit {number + 1}", content, links, tag))
        return make_repository(self.repositories / f"{name}.git", commits, self.environment)

    def head(self, name: str) -> str:
        """The hash a fresh clone of `name` is at."""
        return (self.repositories / f"{name}.git" / "refs/heads/main").read_text().strip()

    def misbehave(self, name: str, how: Misbehaviour, times: int | None = None) -> str:
        """Make `name` misbehave (see the module), for the next `times` requests or for ever; its URL."""
        if how == "empty":
            make_repository(self.repositories / f"{name}.git", [], self.environment)
        else:
            with self._guard:
                self._bad[name] = (how, times)
        return self.url(name)

    def behave(self, name: str) -> None:
        """Serve `name` properly from now on."""
        with self._guard:
            self._bad.pop(name, None)

    def release(self) -> None:
        """Let hanging requests end (with 503)."""
        self._released.set()

    def answer(self, name: str, request: GitHandler) -> bool:
        with self._guard:
            self.requests.append((request.command, request.path))
            how, times = self._bad.get(name, (None, None))
            if how is None or times == 0:
                return False
            if times is not None:
                self._bad[name] = (how, times - 1)
        if how == "cut":
            request.limit_bytes = 1500  # past the list of refs of a small repository, in the middle of its pack
            return False
        self._misbehave(how, request)
        return True

    def _misbehave(self, how: Misbehaviour, request: GitHandler) -> None:
        if how == "password":
            headers = {"WWW-Authenticate": 'Basic realm="practice"'}
            request.send_bytes(401, "text/plain", b"Authentication required.\n", headers)
        elif how == "missing":
            request.send_bytes(404, "text/plain", b"Repository not found.\n")
        else:
            if how == "hang":
                while not (self._released.is_set() or request.pause(0.02)):
                    pass
            request.send_bytes(503, "text/plain", b"Service unavailable.\n")
