"""Where things are on the instance: homes, system paths, the boot id, the runner itself."""

from __future__ import annotations

import hashlib
import os
import pwd
import sys
from typing import Dict, List

from .discover import read_environment_file


def user_home() -> str:
    """The user's home. Non-interactive shells of some images have no HOME: then the user database knows."""
    home = os.environ.get("HOME", "")
    if home.startswith("/"):
        return home
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/root" if os.getuid() == 0 else "/tmp"


def sysroot() -> str:
    """Prefix of all system paths: empty on an instance, a folder in the practice instance and the tests."""
    return os.environ.get("VASTDESK_SYSROOT", "").rstrip("/")


def system_path(path: str) -> str:
    """An absolute system path below the system root; `~` is the user's home."""
    if path == "~" or path.startswith("~/"):
        return user_home() + path[1:]
    root = sysroot()
    if root and (path == root or path.startswith(root + "/")):
        return path
    return (root + path) if root else path


def image_environment() -> Dict[str, str]:
    """What the image says of itself in /etc/environment: an SSH session on Vast does not get it (docs/facts.md)."""
    return read_environment_file(system_path("/etc/environment"))


def workspace() -> str:
    """$WORKSPACE of the image, /workspace by default. It need not exist."""
    value = os.environ.get("WORKSPACE") or image_environment().get("WORKSPACE") or "/workspace"
    return system_path(value)


def runner_home() -> str:
    """`~/.vastdesk`, or VASTDESK_HOME, or $WORKSPACE/.vastdesk if the home cannot be written. Made if needed."""
    given = os.environ.get("VASTDESK_HOME")
    if given:
        return _private_folder(os.path.abspath(given))
    try:
        return _private_folder(os.path.join(user_home(), ".vastdesk"))
    except OSError:
        return _private_folder(os.path.join(workspace(), ".vastdesk"))


def _private_folder(path: str) -> str:
    os.makedirs(path, 0o700, exist_ok=True)
    if os.stat(path).st_mode & 0o077:
        os.chmod(path, 0o700)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(13, "cannot be written", path)
    for name in ("jobs", "runner", "bell"):
        os.makedirs(os.path.join(path, name), 0o700, exist_ok=True)
    return path


def boot_id() -> str:
    """Changes with every boot of the machine and every start of the container.

    The kernel's own id is the host's and outlives a container restart; the start time of pid 1 does not.
    """
    override = os.environ.get("VASTDESK_BOOT_ID")
    if override:
        return _first_line(override) or "unknown"
    kernel = _first_line("/proc/sys/kernel/random/boot_id")
    stat = _first_line("/proc/1/stat")
    started = stat.rpartition(")")[2].split()[19:20]
    return "%s:%s" % (kernel, started[0]) if kernel and started else "unknown"


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def runner_file() -> str:
    """The zipapp this code runs from, or the folder of the sources if it does not run from one."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def runner_sha256() -> str:
    """The SHA-256 of the zipapp: the version of the runner. `source` when it runs unpacked."""
    path = runner_file()
    if not os.path.isfile(path):
        return "source"
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def runner_command(*arguments: str) -> List[str]:
    """The command line that runs this very runner again, with the same interpreter by absolute path."""
    return [os.path.abspath(sys.executable), "-S", "-E", runner_file(), *arguments]
