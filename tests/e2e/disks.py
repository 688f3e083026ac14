"""Disks that can be filled: a tmpfs where one may be mounted, else a mark by which stand-ins know that they are to
fail as they would there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class SmallDisk:
    """The disk of a machine below `folder`. Without leave to mount `is_real` is False, and `full` is there while it is
    said to be full (tests/integration/runner/small_disk.py has a runner that heeds it)."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self.folder = folder
        self.full = folder / "home" / "full"
        folder.mkdir(parents=True)
        argv = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=700", "tmpfs", str(folder)]
        self.is_real = subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def fill(self) -> None:
        """Take all the room there is."""
        if not self.is_real:
            self.full.touch()
            return
        filler = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for block in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        os.write(filler, b"x" * block)
                except OSError:
                    continue
        finally:
            os.close(filler)

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)
        self.full.unlink(missing_ok=True)

    def grow(self, size_bytes: int) -> None:
        """A larger disk, as it can be rented."""
        self.full.unlink(missing_ok=True)
        if self.is_real:
            subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(self.folder)], check=True)

    def close(self) -> None:
        if self.is_real:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)
