"""The world the benchmarks run in: a folder of its own, a real sshd on loopback, instances that trust it, workflows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import asyncssh
import yaml

from tests.fakes.sshd import Sshd
from vastdesk.domain.instances import Endpoint, HostKey, Instance
from vastdesk.domain.workflow import Workflow, load_workflow
from vastdesk.store import Store
from vastdesk.workers.catalogue import catalogue

ROOT = Path(__file__).resolve().parents[1]


class Lab:
    """A temporary folder with one key pair. `sshd(name)` makes a server that lets the key in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.key = folder / "key"
        self._pair = asyncssh.generate_private_key("ssh-ed25519")
        self._pair.write_private_key(str(self.key))
        self.key.chmod(0o600)
        self.public_key = self._pair.export_public_key().decode()

    def sshd(self, name: str = "sshd", **options: object) -> Sshd:
        """Not started yet; takes many connections at once."""
        server = Sshd(self.folder / name, max_startups="200:30:400", log_level="INFO", **options)  # type: ignore[arg-type]
        server.authorize(self.public_key)
        return server

    async def instance(self, store: Store, name: str, port: int, host_key: str, user: str) -> Instance:
        """Saved, its host key trusted as a user would have done."""
        fingerprint = asyncssh.import_public_key(host_key).get_fingerprint()
        key = HostKey(host_key.split()[0], host_key, fingerprint)
        endpoint = Endpoint("127.0.0.1", port, user)
        instance = await store.add_instance(name, [endpoint], identity_file=str(self.key))
        await store.offer_host_key(instance.id, key)
        await store.trust_host_key(instance.id, fingerprint)
        return instance

    def ssh_command(self, server: Sshd, port: int) -> list[str]:
        """What the original's way types, without the questions it would ask."""
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self._known_hosts(server, port)}",
        ]
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", "-F", "none", "-p", str(port), "-i", str(self.key), *words, f"{server.user}@127.0.0.1"]

    def _known_hosts(self, server: Sshd, port: int) -> Path:
        path = self.folder / f"known_hosts_{port}"
        path.write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in server.host_public_keys))
        return path


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="vastdesk-bench-", ignore_cleanup_errors=True) as folder:
        yield Lab(Path(folder))


def workflow(*steps: dict[str, object], name: str = "bench") -> Workflow:
    """A workflow of these steps, without pauses, checked as a user's file is."""
    text = yaml.safe_dump({"name": name, "version": 1, "step_delay": 0, "steps": list(steps)}, sort_keys=False)
    return load_workflow(text, "bench", catalogue())


@contextlib.asynccontextmanager
async def helper(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module arguments` beside us, with pipes; ended by closing its stdin, at last by a kill."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


def python_script(lines: Sequence[str]) -> str:
    """A shell script for `run_command` that runs these lines of Python, its output not held back."""
    return "exec python3 -u - <<'END'\n" + "\n".join(lines) + "\nEND\n"
