"""Where things are: what VastDesk brings along, and where it keeps its data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs

DATABASE = "vastdesk.db"


def resource_path(*parts: str) -> Path:
    """A file that VastDesk brings along, as `resource_path("workflows", "comfyui-setup.yaml")`."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_resources"  # in the wheel and in the frozen app
    root = packed if packed.is_dir() else package.parent / "resources"  # in a checkout
    return root.joinpath(*parts)


def data_dir(option: str | os.PathLike[str] | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder below which everything is kept: `--data-dir`, else `VASTDESK_DATA_DIR`, else the platform's.
    Absolute; not made here (`Store.open` does)."""
    chosen = option or environ.get("VASTDESK_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(platformdirs.user_data_dir("VastDesk", appauthor=False, roaming=False))


def make_private(folder: Path) -> None:
    """Makes the folder, readable by its owner alone. One that was there is closed to others too when it is ours:
    empty, or with a database of ours in it; somebody's own folder given as `--data-dir` keeps its mode."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    if sys.platform == "win32" or not folder.stat().st_mode & 0o077:
        return
    ours = (folder / DATABASE).exists() or not any(folder.iterdir())
    if ours and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)
