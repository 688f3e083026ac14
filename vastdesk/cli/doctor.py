"""`vastdesk doctor`: what is there on this computer, what is missing and how to get it."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vastdesk import __version__
from vastdesk.cli import shapes
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.logs import log_file
from vastdesk.cli.text import clean
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import format_bytes
from vastdesk.store.resources import data_dir

LOW_SPACE_BYTES = 200_000_000
PACKAGES = ("asyncssh", "filelock", "keyring", "platformdirs", "PySide6-Essentials", "PyYAML", "qasync", "rich")
State = Literal["ok", "note", "missing"]
MARKS = {"ok": "ok", "note": "note", "missing": "MISSING"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `missing` makes the doctor's exit code 1; `note` is worth knowing and no fault. `fix` says
    how to get it."""

    name: str
    state: State
    found: str
    fix: str = ""


def doctor(args: argparse.Namespace) -> int:
    checks = asyncio.run(examine(data_dir(args.data_dir)))
    healthy = not any(check.state == "missing" for check in checks)
    if args.json:
        emit(shapes.examined(checks, healthy))
    else:
        write_text(_as_text(checks, healthy))
    return 0 if healthy else 1


def _as_text(checks: list[Check], healthy: bool) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{MARKS[check.state]:<7}  {check.name:<{width}}  {clean(check.found)}")
        if check.fix:
            lines.append(f"{'':<7}  {'':<{width}}  → {clean(check.fix)}")
    lines += ["", "All well." if healthy else "Something that VastDesk needs is missing: see MISSING above."]
    return "\n".join(lines) + "\n"


async def examine(folder: Path) -> list[Check]:
    """Every check, in the order in which it is shown. None of them changes anything but the folder's own files."""
    at_once: tuple[Callable[[], Check], ...] = (
        _vastdesk,
        _python,
        _packages,
        lambda: _folder(folder),
        lambda: _space(folder),
    )
    slow: tuple[Callable[[], Awaitable[Check]], ...] = (
        lambda: _database(folder),
        lambda: _keyring(folder),
    )
    found = [check() for check in at_once]
    found += [await check() for check in slow]
    return [*found, _agent(), _display(), await asyncio.to_thread(_practice), _git(), _log(folder)]


def _vastdesk() -> Check:
    return Check("VastDesk", "ok", f"{__version__} in {Path(__file__).resolve().parent.parent}")


def _python() -> Check:
    return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}, {platform.platform()}")


def _packages() -> Check:
    found, lacking = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lacking.append(name)
    if lacking:
        return Check("Packages", "missing", f"without {', '.join(lacking)}", f"pip install {' '.join(lacking)}")
    return Check("Packages", "ok", ", ".join(found))


def _folder(folder: Path) -> Check:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"VastDesk")
    except OSError as error:
        return Check(
            "Data folder",
            "missing",
            f"{folder} cannot be written: {error.strerror}",
            "Make it writable, or choose another one with --data-dir or VASTDESK_DATA_DIR.",
        )
    if sys.platform != "win32" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return Check("Data folder", "note", f"{folder} is open to others", f"chmod 700 {folder}")
    return Check("Data folder", "ok", str(folder))


def _space(folder: Path) -> Check:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("Free space", "note", f"not known: {error.strerror}")
    state: State = "ok" if free >= LOW_SPACE_BYTES else "missing"
    return Check("Free space", state, format_bytes(free), "" if state == "ok" else "Free some space on that disk.")


async def _database(folder: Path) -> Check:
    """Opening looks for damage; a damaged file is moved aside, and that is said."""
    from vastdesk.store import Store

    try:
        async with await Store.open(folder) as store:
            version, verdict = await store.integrity()
            notices = list(store.notices)
    except VastDeskError as error:
        return Check("Database", "missing", error.sentence, error.action)
    if verdict != "ok":
        fix = "Close every VastDesk and start it again: the file is moved aside, and what can be read is saved."
        return Check("Database", "missing", f"SQLite {version}; damaged: {verdict}", fix)
    return Check("Database", "note" if notices else "ok", "; ".join([f"SQLite {version}", *(notices or ["sound"])]))


async def _keyring(folder: Path) -> Check:
    """Without one a key file or the SSH agent still works, so it is a note."""
    from vastdesk.store.secrets import Secrets

    try:
        name = await Secrets(folder, timeout_s=10).check()
    except VastDeskError as error:
        return Check(
            "Keyring", "note", error.sentence, f"{error.action} Without one: keys from files or the SSH agent."
        )
    return Check("Keyring", "ok", f"{name}: keeps, gives back and forgets")


def _agent() -> Check:
    if sys.platform == "win32":
        return Check("SSH agent", "ok", "Windows' own is used when it runs")
    path = os.environ.get("SSH_AUTH_SOCK", "")
    if path and _is_socket(path):
        return Check("SSH agent", "ok", path)
    if path:
        return Check("SSH agent", "note", f"SSH_AUTH_SOCK names {path}, and nothing is there", "eval $(ssh-agent)")
    return Check("SSH agent", "note", "none; only needed for identities that live in it")


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def _display() -> Check:
    if sys.platform in ("win32", "darwin"):
        return Check("Display", "ok", "of this session")
    shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if shown:
        return Check("Display", "ok", shown)
    return Check("Display", "note", "none; the command line needs none")


def _practice() -> Check:
    from vastdesk.workers.practice import practice_available

    reason = practice_available()
    if reason:
        return Check("Demo", "note", f"cannot run here: {reason}")
    return Check("Demo", "ok", "the practice machine can run here: vastdesk demo")


def _git() -> Check:
    path = shutil.which("git")
    return Check("git", "ok", f"{path or 'not here'}; only the demo uses it, machines have their own")


def _log(folder: Path) -> Check:
    path = log_file(folder)
    return Check("Log file", "ok", str(path) if path.exists() else f"{path} (nothing written yet)")
