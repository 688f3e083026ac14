"""The runner on every Python that is at hand, and its word to those that are too old."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from .world import World, mine, spec, step


@lru_cache(maxsize=1)
def interpreters() -> dict[tuple[int, int], str]:
    """One interpreter for each version: on PATH, in the usual places, in the versions of pyenv."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [Path("/usr/bin"), Path("/usr/local/bin"), *Path("/opt").glob("python*/bin")]
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        folders += sorted(Path(root).glob("versions/*/bin"))
    found = {(sys.version_info[0], sys.version_info[1]): sys.executable}
    for folder in folders:
        for path in folder.glob("python3.*"):
            name = re.fullmatch(r"python3\.(\d+)", path.name)
            if name and "shims" not in folder.parts and (3, int(name[1])) not in found and os.access(path, os.X_OK):
                found[3, int(name[1])] = str(path)
    return found


@pytest.mark.parametrize("version", sorted(version for version in interpreters() if version >= (3, 8)))
def test_a_job_runs_on(tmp_path: Path, version: tuple[int, int]) -> None:
    world = World(tmp_path, python=interpreters()[version])
    try:
        client = world.client()
        code = "import sys; done('%d.%d' % sys.version_info[:2])"
        client.ask("start", spec=spec(mine("a"), step(code)), secrets={"token": "1234567"})
        events, end = client.follow(mine("a"))
        name = f"{version[0]}.{version[1]}"
        assert events[2]["note"] == name and end["exit"]["state"] == "succeeded"
        client.ask(
            "start", spec=spec(mine("b"), step("subprocess.Popen(['sleep', '999']); time.sleep(99)")), secrets={}
        )
        client.ask("cancel", job=mine("b"))
        assert client.follow(mine("b"))[1]["exit"]["state"] == "cancelled"
        facts = client.ask("probe")
        assert facts["problems"] == [] and facts["python"]["version"].startswith(name + ".")
        assert client.ask("clean") == {"removed": []}
    finally:
        world.close()


@pytest.mark.parametrize("version", sorted(version for version in interpreters() if version < (3, 8)) or [None])
def test_an_old_python_is_told_so_in_one_line(tmp_path: Path, version: tuple[int, int] | None) -> None:
    world = World(tmp_path)
    if version is None:  # none at hand: the same words from a new one that claims to be old
        code = "import sys, runpy; sys.version_info = (3, 6, 0); runpy.run_path(sys.argv[1], run_name='__main__')"
        done = subprocess.run([sys.executable, "-c", code, str(world.runner)], capture_output=True, check=False)
    else:
        world.python = interpreters()[version]
        done = world.run("serve", "--token", "T")
    assert done.returncode == 3 and done.stdout == b""
    assert done.stderr.startswith(b"vastdesk-runner needs Python 3.8 or newer") and done.stderr.count(b"\n") == 1
