"""Whether the practice instance can run on this computer, and with which Python."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

_CHECK = "import sys, zipfile, ctypes; print(sys.version_info >= (3, 8)); print(sys.executable)"


def practice_available() -> str | None:
    """None when the practice instance can be offered here, else the reason why not, as a sentence."""
    if sys.platform == "win32":
        return "the practice instance runs Linux programs: on Windows use it inside WSL"
    if not Path("/bin/sh").exists():
        return "this computer has no /bin/sh, which the practice instance runs its commands with"
    if shutil.which("git") is None:
        return "the practice instance needs git: install it and try again"
    if base_python() is None:
        return "the practice instance needs Python 3.8 or newer as python3: install it and try again"
    return None


@functools.cache
def base_python() -> str | None:
    """An interpreter outside any virtual environment, by its real path. The frozen app has none of its own."""
    candidates = [] if getattr(sys, "frozen", False) else [getattr(sys, "_base_executable", None), sys.executable]
    candidates += [shutil.which("python3"), "/usr/bin/python3", "/usr/local/bin/python3"]
    return next((found for name in candidates if name and (found := _real_python(name))), None)


def _real_python(name: str) -> str | None:
    """The interpreter that `name` starts in the end (it may be a wrapper), or None when that does not work."""
    try:
        done = subprocess.run(
            [name, "-S", "-E", "-c", _CHECK],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != 2 or lines[0] != "True":
        return None
    return os.path.realpath(lines[1])
