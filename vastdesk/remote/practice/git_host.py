"""A git host on loopback: bare repositories over real smart HTTP, for fetching only.

It speaks the two requests of a fetch (`info/refs` and `git-upload-pack`, git's `gitprotocol-http`) by running
`git upload-pack` itself: `git http-backend` is missing from some git packages, and nothing here should be able to push.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlsplit

from .loopback import LoopbackHandler, LoopbackServer

_CHUNK = 32 * 1024
_NAME = re.compile(r"/([A-Za-z0-9_][\w.+-]*(?:/[A-Za-z0-9_][\w.+-]*)*)\.git/(info/refs|git-upload-pack)")


class GitHandler(LoopbackHandler):
    """One request of a git client. `limit_bytes` breaks the answer off there, for hosts that misbehave."""

    limit_bytes: int | None = None

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        repository = self._repository(split.path, "info/refs")
        if repository is None:
            return
        if parse_qs(split.query).get("service") != ["git-upload-pack"]:
            self.send_bytes(403, "text/plain", b"this host is for fetching only\n")
            return
        # Protocol 2 begins with its capabilities; the older ones name the service first.
        version2 = "version=2" in (self.headers.get("Git-Protocol") or "")
        prelude = b"" if version2 else b"001e# service=git-upload-pack\n0000"
        self._upload_pack(repository, "--advertise-refs", "application/x-git-upload-pack-advertisement", prelude, b"")

    def do_POST(self) -> None:
        repository = self._repository(urlsplit(self.path).path, "git-upload-pack")
        if repository is None:
            return
        try:
            body = self._body()
        except (ValueError, OSError, EOFError, zlib.error):
            self.send_bytes(400, "text/plain", b"the request cannot be read\n")
            return
        self._upload_pack(repository, None, "application/x-git-upload-pack-result", b"", body)

    def _repository(self, path: str, request: str) -> Path | None:
        """The repository that is asked for, or None when that was answered already."""
        host = self.server.owner
        assert isinstance(host, GitHost)
        match = _NAME.fullmatch(path)
        if match and not host.answer(match[1], self):
            folder = host.repositories / f"{match[1]}.git"
            if match[2] == request and (folder / "HEAD").is_file():
                return folder
            # The sentence of the big hosts; git shows it as "remote: Repository not found."
            self.send_bytes(404, "text/plain", b"Repository not found.\n")
        elif not match:
            self.send_bytes(404, "text/plain", b"Not found.\n")
        return None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _upload_pack(self, repository: Path, option: str | None, kind: str, prelude: bytes, body: bytes) -> None:
        host = self.server.owner
        assert isinstance(host, GitHost)
        argv = ["git", "-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true"]
        argv += [
            "-c",
            "safe.directory=*",
            "upload-pack",
            "--stateless-rpc",
            *([option] if option else []),
            str(repository),
        ]
        env = {**host.environment, "GIT_PROTOCOL": self.headers.get("Git-Protocol") or ""}
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        ) as process:
            host.began(process)
            try:
                assert process.stdin is not None and process.stdout is not None
                # upload-pack reads its whole request before it answers, so writing first cannot lock up.
                process.stdin.write(body)
                process.stdin.close()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Cache-Control", "no-cache")
                self.end_headers()
                self.wfile.write(prelude)
                self._copy(process.stdout, host.rate_bytes_s)
            except OSError:
                pass  # the client went away, or the host is stopping: nobody is left to tell
            finally:
                process.kill()
                host.ended(process)

    def _copy(self, source: IO[bytes], rate_bytes_s: float | None) -> None:
        # read1: what is there at once, so that "remote: Counting objects" is not held back until a chunk is full.
        read = getattr(source, "read1", source.read)
        sent = 0
        while data := read(_CHUNK):
            if self.limit_bytes is not None and sent + len(data) > self.limit_bytes:
                self.wfile.write(data[: self.limit_bytes - sent])
                return
            sent += len(data)
            self.wfile.write(data)
            if rate_bytes_s and self.pause(len(data) / rate_bytes_s):
                return


class GitHost(LoopbackServer):
    """The bare repositories `<name>.git` below a folder, at `url(name)`.

    `rate_bytes_s` bounds each answer, so that a clone over loopback has progress to show.
    """

    handler = GitHandler

    def __init__(
        self, repositories: Path, port: int = 0, rate_bytes_s: float | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(port)
        self.repositories = repositories
        self.rate_bytes_s = rate_bytes_s
        self.environment = dict(os.environ if env is None else env)
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()

    def url(self, name: str) -> str:
        """The address to clone `name` from, whether it exists or not."""
        return f"{self.base_url}/{name}.git"

    def answer(self, name: str, request: GitHandler) -> bool:
        """A place for hosts that misbehave: True when the request for `name` has been answered here."""
        return False

    def began(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.add(process)

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)

    def end_requests(self) -> None:
        with self._lock:
            for process in self._processes:
                process.kill()
