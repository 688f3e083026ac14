"""Makes the world of the practice instance: keys, the file system, repositories, ComfyUI, a Python environment.

Each part appears whole or not at all, so an interrupted preparation goes on where it stopped, and a finished one is a
few looks at the disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncssh

from vastdesk.domain.errors import VastDeskError

from . import nodes
from .environment import image_file, session_environment
from .interpreters import base_python
from .layout import FORMAT, Layout
from .processes import end_all
from .repository import Commit, GitError, make_repository
from .standins import write_standins

Progress = Callable[[str, int, int], None]
"""What is being made, how many parts are done, and of how many."""

_PARTS = ("files", "repositories", "ComfyUI", "Python environment", "packages")
_BEING_REMOVED = 0
_VENV_DONE = ".practice-complete"
_COMFYUI_TAG = "v0.3.64"
_PACKAGES = ("packaging", "PyYAML")
_VENV_LIMIT_S = 300
_PACKAGES_LIMIT_S = 60
_CUSTOM_NODES = "custom_nodes"


class World:
    """The world in a folder; `resources` are the sources it is made from."""

    def __init__(self, layout: Layout, resources: Path, environ: Mapping[str, str]) -> None:
        self.layout = layout
        self.notes: list[str] = []
        """What could not be done but does not prevent anything, as sentences."""
        self._resources = resources
        self._environ = environ

    async def prepare(self, fresh: bool, on_progress: Progress) -> None:
        """Make what is missing. Raises VastDeskError("practice_failed", "practice_folder")."""
        python = base_python()
        if python is None:
            raise VastDeskError("practice_failed", detail="no python3 was found")
        try:
            on_progress(_PARTS[0], 0, len(_PARTS))
            await _in_thread(self._make_files, python, fresh)
            env = session_environment(self.layout, self.practice_id, self._environ)
            on_progress(_PARTS[1], 1, len(_PARTS))
            await _in_thread(nodes.make_repositories, self._resources, self.layout.git, env)
            on_progress(_PARTS[2], 2, len(_PARTS))
            await _in_thread(self._make_comfyui_repository, env)
            await self._make_comfyui(env)
            on_progress(_PARTS[3], 3, len(_PARTS))
            await self._make_venv(python, env)
            on_progress(_PARTS[4], 4, len(_PARTS))
            await self._install_packages(env)
            on_progress("ready", len(_PARTS), len(_PARTS))
        except (OSError, GitError) as error:
            raise VastDeskError("practice_failed", detail=str(error)) from error

    @property
    def practice_id(self) -> str:
        return str(self.read_facts()["id"])

    def read_facts(self) -> dict[str, Any]:
        """What is remembered of this instance: id, format, ports. Empty before the first time."""
        try:
            facts = json.loads(self.layout.facts.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def write_facts(self, **changes: Any) -> None:
        write_text(self.layout.facts, json.dumps({**self.read_facts(), **changes}, indent=1))

    def new_boot_id(self) -> str:
        boot_id = secrets.token_hex(16)
        write_text(self.layout.boot_id, boot_id + "\n")
        return boot_id

    def empty_tmp(self) -> None:
        """What a boot does to /tmp."""
        shutil.rmtree(self.layout.tmp, ignore_errors=True)
        self.layout.tmp.mkdir(mode=0o700)

    def _make_files(self, python: str, fresh: bool) -> None:
        layout = self.layout
        facts = self.read_facts()
        if facts and (fresh or facts.get("format") != FORMAT):
            end_all(layout, str(facts.get("id")))
            self._clear()
            facts = {}
        elif not facts:
            self._check_ours()
        layout.folder.chmod(0o700)
        if not facts:
            self.write_facts(id=secrets.token_hex(8), format=FORMAT)
        self._make_keys()
        for folder in (layout.home, layout.tmp, layout.git, layout.root / "etc", layout.root / "root"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (layout.root / "opt").mkdir(exist_ok=True)
        write_standins(layout, python)
        if not layout.boot_id.exists():
            self.new_boot_id()
        label = layout.root / "root/.vast_containerlabel"
        if not label.exists():
            write_text(label, "C.practice\n")
        image = layout.root / "etc/environment"
        old = image.read_text(encoding="utf-8", errors="replace") if image.exists() else ""
        new = image_file(old, layout, self._environ)
        if new != old:
            write_text(image, new)

    def _check_ours(self) -> None:
        """A folder without our facts is used only when it is empty but for what we put there first."""
        strange = [entry.name for entry in self.layout.folder.iterdir() if entry.name not in ("lock", "keys")]
        if strange:
            raise VastDeskError("practice_folder", folder=str(self.layout.folder))

    def _clear(self) -> None:
        """Everything but the keys and the lock. Our facts go last, and say meanwhile what is going on: an interrupted
        removal goes on the next time."""
        self.write_facts(format=_BEING_REMOVED)
        kept = {self.layout.keys.name, self.layout.lock.name, self.layout.facts.name}
        for entry in self.layout.folder.iterdir():
            if entry.name in kept:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.layout.facts.unlink()

    def _make_keys(self) -> None:
        self.layout.keys.mkdir(mode=0o700, exist_ok=True)
        for name, comment in (("host_ed25519", "practice-host"), ("id_ed25519", "practice")):
            path = self.layout.keys / name
            if not path.exists():
                key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
                public = self.layout.keys / f"{name}.pub"
                write_text(public, key.export_public_key().decode())
                write_text(path, key.export_private_key().decode())

    def _make_comfyui_repository(self, env: Mapping[str, str]) -> None:
        path = self.layout.git / "ComfyUI.git"
        if path.is_dir():
            return
        files = nodes.read_tree(self._resources / "comfyui")
        files[".gitignore"] = (
            b"__pycache__/\n/output/\n/input/\n/temp/\n/user/\n/models/\n/custom_nodes/\n!/custom_nodes/*.py\n"
        )
        make_repository(path, [Commit("The look-alike", files, tag=_COMFYUI_TAG)], env)

    async def _make_comfyui(self, env: Mapping[str, str]) -> None:
        """A checkout, as on a rented machine, with models in folders of other programs and one node already there."""
        final = self.layout.comfyui
        if final.is_dir():
            return
        new = final.with_name(f".new-{final.name}")
        await _in_thread(shutil.rmtree, new, True)
        new.parent.mkdir(parents=True, exist_ok=True)
        await _run(["git", "clone", "--quiet", str(self.layout.git / "ComfyUI.git"), str(new)], env, _VENV_LIMIT_S)
        for node in nodes.read_nodes(self._resources):
            if node.installed:
                source, target = self.layout.git / f"{node.name}.git", new / _CUSTOM_NODES / node.name
                await _run(["git", "clone", "--quiet", str(source), str(target)], env, _VENV_LIMIT_S)
        await _in_thread(_make_models, new / "models")
        new.rename(final)

    async def _make_venv(self, python: str, env: Mapping[str, str]) -> None:
        venv = self.layout.venv
        # An environment whose base Python has gone (an update of the system) starts no more: made anew.
        if (venv / _VENV_DONE).exists() and (venv / "bin/python").exists():
            return
        await _in_thread(shutil.rmtree, venv, True)
        # In place, not renamed into place: an environment holds its own path in many files.
        problems = []
        for way in venv_ways(python, venv, self._environ):
            try:
                for argv in way:
                    await _run(argv, env, _VENV_LIMIT_S)
            except OSError as error:
                problems.append(str(error))
                await _in_thread(shutil.rmtree, venv, True)
            else:
                write_text(venv / _VENV_DONE, python + "\n")
                return
        detail = f"no Python environment could be made ({problems[0]}); on Debian and Ubuntu install python3-venv"
        raise VastDeskError("practice_failed", detail=detail)

    async def _install_packages(self, env: Mapping[str, str]) -> None:
        """A few real packages, so that there is something to protect. Without an index the machine just has none."""
        done = self.layout.venv / ".practice-packages"
        if done.exists():
            return
        argv = [str(self.layout.venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        argv += ["--no-input", "--retries", "1", "--timeout", "15", *_PACKAGES]
        try:
            await _run(argv, env, _PACKAGES_LIMIT_S)
        except OSError as error:
            self.notes.append(f"the package index could not be reached, so nodes that need packages will fail: {error}")
        else:
            write_text(done, "\n".join(_PACKAGES) + "\n")


def write_text(path: Path, text: str) -> None:
    """Whole or not at all, and for our eyes only."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.rename(path)


def _make_models(models: Path) -> None:
    for name in ("checkpoints", "loras", "vae", "embeddings", "controlnet", "upscale_models", "text_encoders"):
        (models / name).mkdir(parents=True, exist_ok=True)
        (models / name / f"put_{name}_here").touch()
    # The names of another program: what `configure_links` is for.
    for name, file in (("Lora", "practice_style.safetensors"), ("ESRGAN", "practice_4x.pth")):
        (models / name).mkdir()
        (models / name / file).write_bytes(b"not a model\n" * 100)


def venv_ways(python: str, venv: Path, environ: Mapping[str, str]) -> list[list[list[str]]]:
    """Ways to make an environment with pip in it, the best first; each a few commands."""
    ways = [[[python, "-m", "venv", str(venv)]]]
    search = environ.get("PATH")
    if uv := shutil.which("uv", path=search):
        ways.append([[uv, "venv", "--quiet", "--seed", "--python", python, str(venv)]])
    if virtualenv := shutil.which("virtualenv", path=search):
        ways.append([[virtualenv, "--quiet", "--python", python, str(venv)]])
    # Debian has no ensurepip without python3-venv (docs/facts.md#debian-ensurepip): a pip that is there brings another.
    for other in [python] if getattr(sys, "frozen", False) else [sys.executable, python]:
        install = [other, "-m", "pip", "--python", str(venv / "bin/python"), "install", "--quiet", "--no-input", "pip"]
        ways.append([[python, "-m", "venv", "--without-pip", str(venv)], install])
    return ways


async def _in_thread(function: Callable[..., object], *args: object) -> None:
    """Like `asyncio.to_thread`, but when we are cancelled the thread is waited for: it would work on in a folder that
    is not locked any more."""
    future = asyncio.get_running_loop().run_in_executor(None, function, *args)
    try:
        await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


async def _run(argv: list[str], env: Mapping[str, str], limit_s: float) -> None:
    """Run a tool; OSError with its last line when it fails. It is ended when we are cancelled."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    try:
        async with asyncio.timeout(limit_s):
            output, _ = await process.communicate()
    except TimeoutError:
        raise OSError(f"{Path(argv[0]).name} took longer than {limit_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = output.decode(errors="replace").strip().splitlines()
        raise OSError(lines[-1] if lines else f"{Path(argv[0]).name} ended with {process.returncode}")
