"""The command line as a user starts it: a process of its own on a world's data folder."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

from tests.integration.workers.world import World


def vastdesk(world: World, *argv: str) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "VASTDESK_DATA_DIR": str(world.data_dir),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "vastdesk", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=env,
    )


async def ended(process: subprocess.Popen[bytes], timeout_s: float = 60) -> tuple[int, bytes, str]:
    """Exit code, stdout, stderr."""
    out, err = await asyncio.to_thread(process.communicate, None, timeout_s)
    return process.returncode, out, err.decode()


async def finished(process: subprocess.Popen[bytes], timeout_s: float = 60) -> tuple[int, list[dict[str, Any]], str]:
    """The same with `--json`: stdout as objects."""
    code, out, err = await ended(process, timeout_s)
    return code, [json.loads(line) for line in out.splitlines()], err
