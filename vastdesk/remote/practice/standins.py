"""The first folder on PATH: `python3`, and stand-ins for commands that would reach past the practice instance.

A workflow may say `reboot` or `apt-get install`; here that must never meet the computer of the user, root or not.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .environment import STANDARD_PATH
from .layout import Layout

_REBOOT = """#!/bin/sh
# Restarts the practice instance, not this computer.
fifo="${VASTDESK_SYSROOT:?}/run/practice-control"
# Opened for reading too: that does not wait when nobody listens.
if [ -p "$fifo" ]; then echo reboot 1<>"$fifo"; else echo "reboot: the practice instance is not running" >&2; exit 1; fi
"""

_SUDO = """#!/bin/sh
# There is one user here, and nothing that only root may do.
while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
    -u | -g | -U | -p | -C) shift 2 ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# -eq 0 ] || exec "$@"
"""

_REFUSE = """#!/bin/sh
echo "{name}: {reason}" >&2
exit {code}
"""

_SYSTEM = "the practice instance has no system of its own to change; packages for Python work"
_REFUSED = {
    # What these two say on a machine without their daemon.
    "systemctl": ("System has not been booted with systemd as init system (PID 1). Can't operate.", 1),
    "supervisorctl": ("unix:///var/run/supervisor.sock no such file", 4),
    **dict.fromkeys(("service", "crontab", "mount", "umount"), (_SYSTEM, 1)),
    **dict.fromkeys(("apt-get", "apt", "dpkg", "dnf", "yum", "apk", "brew"), (_SYSTEM, 100)),
}


def write_standins(layout: Layout, python: str) -> None:
    """Fill `layout.bin`, and make the FIFO that `reboot` writes to. Cheap: done at each start, to follow an update."""
    layout.bin.mkdir(parents=True, exist_ok=True)
    layout.control.parent.mkdir(parents=True, exist_ok=True)
    if not layout.control.is_fifo():
        layout.control.unlink(missing_ok=True)
        os.mkfifo(layout.control, 0o600)
    scripts = dict.fromkeys(("reboot", "shutdown", "poweroff", "halt"), _REBOOT)
    scripts["sudo"] = _SUDO
    scripts |= {name: _REFUSE.format(name=name, reason=reason, code=code) for name, (reason, code) in _REFUSED.items()}
    for name, text in scripts.items():
        _write_script(layout.bin / name, text)
    _link(layout.bin / "python3", python)
    git = shutil.which("git")
    if git and str(Path(git).parent) not in STANDARD_PATH:
        _link(layout.bin / "git", git)


def _write_script(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o755)
    new.rename(path)


def _link(path: Path, target: str) -> None:
    if path.is_symlink() and str(path.readlink()) == target:
        return
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(path)
