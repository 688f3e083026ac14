"""A disk that can be filled: a tmpfs where one may be mounted, else a runner whose writes fail as they would there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from vastdesk.remote import package

from .world import FAKE_STEP, World

SIZE = 6 << 20

# While `<home>/../full` is there, an event can be written only in the room that the reserve has left.
FAULTY_WRITE = """
def _write_on_a_small_disk(fd: int, data: bytes) -> int:
    log = os.readlink("/proc/self/fd/%d" % fd)
    folder = os.path.dirname(log)
    full = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(folder))), "full")
    if os.path.exists(full) and os.path.exists(os.path.join(folder, "reserve")):
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")
    return os.write(fd, data)


class Supervisor:"""


class SmallDisk:
    """A world on it. `fill()` takes all the room there is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "disk"
        self._folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(self._folder)]
        self.is_real = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        self.world = World(folder, runner=None if self.is_real else _faulty_runner())
        self.world.home = self._folder / "home"
        self.world.env["VASTDESK_HOME"] = str(self.world.home)

    def fill(self) -> None:
        if not self.is_real:
            (self._folder / "full").touch()
            return
        filler = os.open(self._folder / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(filler, b"x" * 65536)
        except OSError:
            pass
        finally:
            os.close(filler)

    def close(self) -> None:
        self.world.close()
        if self.is_real:
            subprocess.run(["umount", str(self._folder)], check=True)


def _faulty_runner() -> bytes:
    sources = package.runner_sources() | {"stepmain.py": FAKE_STEP.read_bytes()}
    text = sources["supervisor.py"].decode()
    faulty = text.replace("\nclass Supervisor:", FAULTY_WRITE).replace("= os.write,", "= _write_on_a_small_disk,")
    assert faulty.count("_write_on_a_small_disk") == 2
    return package.build(sources | {"supervisor.py": faulty.encode()}).data
