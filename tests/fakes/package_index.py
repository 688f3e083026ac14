"""A package index on loopback (PEP 503, 691, 658): tiny wheels and source distributions made in memory.

    with PackageIndex() as index:
        index.add("colorama", "0.4.6")
        index.add("needs-old-numpy", "1.0", requires=["numpy<2"])
        index.add("hard-to-build", "1.0", kind="needs_compiler")
        index.add_cuda_torch()                      # torch 2.8.0+cu128, torchvision, torchaudio, numpy 2.1.3
        run([python, "-m", "pip", "install", "colorama"], env={**clean, **index.environment()})

A name that was never added is answered 404, as a package that does not exist is. Source distributions bring their own
build backend, so building one needs neither setuptools nor a network.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from vastdesk.remote.practice.loopback import LoopbackHandler, LoopbackServer

Kind = Literal["wheel", "sdist", "needs_compiler", "killed"]
_JSON = "application/vnd.pypi.simple.v1+json"

_BACKEND = """
import base64, io, os, sys, zipfile
WHEEL, NAME, KIND = {wheel!r}, {name!r}, {kind!r}

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(WHEEL))) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" in name]
        wheel.extractall(directory, names)
    return names[0].split("/")[0]

def build_wheel(directory, config_settings=None, metadata_directory=None):
    if KIND == "killed":  # as the kernel does when memory runs out
        os.kill(os.getpid(), 9)
    if KIND == "needs_compiler":
        print("running build_ext")
        print("building 'native' extension")
        print("error: command 'gcc' failed: No such file or directory", file=sys.stderr)
        raise SystemExit(1)
    with open(os.path.join(directory, NAME), "wb") as file:
        file.write(base64.b64decode(WHEEL))
    return NAME
"""


def normalize(name: str) -> str:
    """A project name as the index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class _File:
    name: str
    data: bytes
    metadata: bytes | None = None
    sha256: str = field(default="")


def build_wheel(
    name: str, version: str, requires: Sequence[str], modules: Mapping[str, str]
) -> tuple[str, bytes, bytes]:
    """File name, content and METADATA of a pure wheel. `modules` maps `pkg`, `pkg.sub` or a path to its source."""
    stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    metadata = ("\n".join(lines) + "\n").encode()
    files = {_module_path(module): source.encode() for module, source in modules.items()}
    info = f"{stem}.dist-info"
    files[f"{info}/METADATA"] = metadata
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: fake\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2025, 1, 1, 0, 0, 0)), content)
    return f"{stem}-py3-none-any.whl", out.getvalue(), metadata


def _module_path(module: str) -> str:
    return module if module.endswith(".py") else f"{module.replace('.', '/')}/__init__.py"


def build_sdist(
    name: str, version: str, requires: Sequence[str], modules: Mapping[str, str], kind: str = "sdist"
) -> tuple[str, bytes]:
    """File name and content of a source distribution with a build backend of its own."""
    wheel_name, wheel, metadata = build_wheel(name, version, requires, modules)
    stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
    backend = _BACKEND.format(wheel=base64.b64encode(wheel).decode(), name=wheel_name, kind=kind)
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": backend.encode(),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return f"{stem}.tar.gz", out.getvalue()


class _Handler(LoopbackHandler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        index = self.server.owner
        assert isinstance(index, PackageIndex)
        path = unquote(urlsplit(self.path).path)
        status = index.seen(self.command, path)
        if index.latency_s:
            self.pause(index.latency_s)
        if status:
            self.send_bytes(status, "text/plain", b"try again later\n")
        elif path.startswith("/files/"):
            self._file(index, path.removeprefix("/files/"))
        elif path.startswith("/simple/"):
            self._project(index, path.removeprefix("/simple/").strip("/"))
        else:
            self.send_bytes(404, "text/plain", b"not found\n")

    def _file(self, index: PackageIndex, name: str) -> None:
        content = index.file(name)
        if content is None:
            self.send_bytes(404, "text/plain", b"not found\n")
            return
        # uv reads the end of a wheel by ranges when there is no metadata file.
        self.send_bytes(200, "application/octet-stream", content)

    def _project(self, index: PackageIndex, project: str) -> None:
        wants_json = _JSON in (self.headers.get("Accept") or "")
        files = index.files(project) if project else []
        if files is None:
            self.send_bytes(404, "text/plain", b"not found\n")
        elif wants_json:
            listing = [
                {
                    "filename": file.name,
                    "url": f"/files/{quote(file.name)}",
                    "hashes": {"sha256": file.sha256},
                    "core-metadata": _metadata_hash(file) or False,
                }
                for file in files
            ]
            page = {"meta": {"api-version": "1.0"}, "name": project, "files": listing}
            self.send_bytes(200, _JSON, json.dumps(page).encode())
        else:
            links = "".join(
                f'<a href="/files/{quote(file.name)}#sha256={file.sha256}"'
                + (f' data-core-metadata="sha256={_metadata_hash(file)["sha256"]}"' if file.metadata else "")
                + f">{file.name}</a><br/>\n"
                for file in files
            )
            self.send_bytes(200, "text/html", f"<!DOCTYPE html><html><body>\n{links}</body></html>\n".encode())


def _metadata_hash(file: _File) -> dict[str, str]:
    return {"sha256": hashlib.sha256(file.metadata).hexdigest()} if file.metadata else {}


class PackageIndex(LoopbackServer):
    """See the module. `latency_s` is added to each answer; `requests` lists (method, path)."""

    handler = _Handler

    def __init__(self, port: int = 0, latency_s: float = 0.0) -> None:
        super().__init__(port)
        self.latency_s = latency_s
        self.requests: list[tuple[str, str]] = []
        self._projects: dict[str, list[_File]] = {}
        self._failures: dict[str, tuple[int, int]] = {}
        self._guard = threading.Lock()

    def __enter__(self) -> PackageIndex:
        self.start()
        return self

    @property
    def url(self) -> str:
        """For `--index-url`."""
        return f"{self.base_url}/simple/"

    def environment(self) -> dict[str, str]:
        """Variables that make pip and uv use this index alone, whatever the computer's configuration says."""
        return {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": self.url,
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PIP_CONSTRAINT": "",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_RETRIES": "0",
            "UV_DEFAULT_INDEX": self.url,
            "UV_NO_CONFIG": "1",
            "UV_NO_CACHE": "1",
            "UV_HTTP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def add(
        self,
        name: str,
        version: str,
        requires: Sequence[str] = (),
        *,
        modules: Mapping[str, str] | Sequence[str] | None = None,
        kind: Kind = "wheel",
    ) -> None:
        """Publish a version. `modules` are the importable modules (names, or names with source); by default one, named
        like the project with underscores, that knows its `__version__`."""
        if modules is None:
            modules = [normalize(name).replace("-", "_")]
        sources = modules if isinstance(modules, Mapping) else dict.fromkeys(modules, f"__version__ = {version!r}\n")
        metadata = None
        if kind == "wheel":
            filename, data, metadata = build_wheel(name, version, requires, sources)
        else:
            filename, data = build_sdist(name, version, requires, sources, kind)
        entry = _File(filename, data, metadata, hashlib.sha256(data).hexdigest())
        with self._guard:
            self._projects.setdefault(normalize(name), []).append(entry)

    def add_cuda_torch(self) -> None:
        """What a GPU machine has: the torch trio for CUDA 12.8, and numpy 2. Also newer ones, to tempt a resolver."""
        for torch, vision, tag in (("2.8.0+cu128", "0.23.0+cu128", "2.8.0+cu128"), ("2.9.0", "0.24.0", "2.9.0")):
            self.add("torch", torch, ["numpy"])
            self.add("torchvision", vision, [f"torch=={tag}", "numpy"])
            self.add("torchaudio", torch, [f"torch=={tag}"])
        for version in ("1.26.4", "2.1.3", "2.2.0"):
            self.add("numpy", version)

    def fail(self, part: str, status: int = 503, times: int = 1) -> None:
        """Answer the next `times` requests whose path contains `part` with `status`: a passing trouble."""
        with self._guard:
            self._failures[part] = (status, times)

    def seen(self, method: str, path: str) -> int | None:
        """Note a request; the status to fail it with, if any."""
        with self._guard:
            self.requests.append((method, path))
            for part, (status, times) in self._failures.items():
                if part in path and times:
                    self._failures[part] = (status, times - 1)
                    return status
        return None

    def files(self, project: str) -> list[_File] | None:
        with self._guard:
            return list(self._projects[normalize(project)]) if normalize(project) in self._projects else None

    def file(self, name: str) -> bytes | None:
        wanted, suffix = (name.removesuffix(".metadata"), name.endswith(".metadata"))
        with self._guard:
            for entries in self._projects.values():
                for entry in entries:
                    if entry.name == wanted:
                        return entry.metadata if suffix else entry.data
        return None
