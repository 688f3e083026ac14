"""What lies where in the folder of the practice instance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MARK = "VASTDESK_PRACTICE"
"""Environment variable that every process started there carries: the id of the practice instance."""

FORMAT = 1
"""Of the whole folder. A folder of another format is made anew."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths, from the one folder. `keys` and `lock` outlive `fresh`: the machine keeps its host key."""

    folder: Path

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def facts(self) -> Path:
        """`practice.json`: id, format, ports. Its presence says that the folder is ours to remove."""
        return self.folder / "practice.json"

    @property
    def boot_id(self) -> Path:
        return self.folder / "boot_id"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def runner_home(self) -> Path:
        return self.home / ".vastdesk"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    @property
    def git(self) -> Path:
        """The bare repositories of the git host."""
        return self.folder / "git"

    @property
    def node_list(self) -> Path:
        return self.folder / "nodes.csv"

    @property
    def root(self) -> Path:
        """What stands for `/` (VASTDESK_SYSROOT)."""
        return self.folder / "root"

    @property
    def bin(self) -> Path:
        """First on PATH: `python3`, and stand-ins for the commands that would reach the real machine."""
        return self.root / "usr/local/bin"

    @property
    def control(self) -> Path:
        """A FIFO: a line `reboot` written to it restarts the practice instance."""
        return self.root / "run/practice-control"

    @property
    def comfyui(self) -> Path:
        return self.root / "workspace/ComfyUI"

    @property
    def venv(self) -> Path:
        return self.root / "venv/main"


def user_name() -> str:
    """The user that commands run as. Not from the environment, which may say anything."""
    import pwd  # not on Windows, where this file can be read all the same

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers with a bare numeric user
        return "practice"
