"""A machine behind a real sshd, a data folder, and engines on it: what the engine's tests share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import asyncssh

from tests.fakes.sshd import Sshd
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.domain.views import RunView
from vastdesk.domain.workflow import Workflow, load_workflow
from vastdesk.store import RunRow
from vastdesk.workers.engine import Engine, open_engine
from vastdesk.workers.requests import RunRequest

DEADLINE_S = 30.0


async def until(what: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """Polls until `what()` (or what it awaits) is true; its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = what()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.02)


def script_step(script: str, id: str = "script", **more: Any) -> dict[str, Any]:
    """A `run_command` step of a workflow file."""
    return {"use": "run_command", "id": id, "with": {"script": script}, **more}


class World:
    """One sshd, one data folder. `engine()` opens an engine as a process of its own would."""

    def __init__(self, folder: Path, sshd: Sshd, key_path: Path) -> None:
        self.folder = folder
        self.sshd = sshd
        self.key_path = key_path
        self.data_dir = folder / "data"
        self.boot_id = folder / "boot_id"

    @contextlib.asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        async with open_engine(self.data_dir) as engine:
            await engine.store.set_setting("reconnect_initial_s", "0.1")
            await engine.store.set_setting("reconnect_max_s", "0.5")
            yield engine

    async def instance(
        self, engine: Engine, *, trusted: bool = True, port: int | None = None, name: str = "box"
    ) -> Instance:
        with contextlib.suppress(Exception):
            return await engine.store.find_instance(name)
        endpoint = Endpoint("127.0.0.1", port or self.sshd.port, self.sshd.user)
        instance = await engine.store.add_instance(name, (endpoint,), identity_file=str(self.key_path))
        if trusted:
            await self.trust(engine, instance)
        return instance

    async def trust(self, engine: Engine, instance: Instance) -> None:
        from vastdesk.domain.instances import HostKey

        text = self.sshd.host_public_keys[0]
        key = HostKey(text.split()[0], text, self.sshd.fingerprints[0])
        await engine.store.offer_host_key(instance.id, key)
        await engine.store.trust_host_key(instance.id, key.fingerprint)

    def workflow(self, engine: Engine, *steps: dict[str, Any], name: str = "Test", step_delay: float = 0) -> Workflow:
        text = json.dumps({"name": name, "version": 1, "step_delay": step_delay, "steps": list(steps)})
        return load_workflow(text, "test.yaml", engine.catalogue)

    async def start(self, engine: Engine, *steps: dict[str, Any], **more: Any) -> RunRow:
        instance = await self.instance(engine)
        return await engine.start(RunRequest(self.workflow(engine, *steps), instance, **more))

    async def run(self, engine: Engine, *steps: dict[str, Any], **more: Any) -> tuple[RunView, list[dict[str, Any]]]:
        """Start and follow to the end."""
        row = await self.start(engine, *steps, **more)
        return await self.finish(engine, row.id)

    async def finish(self, engine: Engine, run_id: str) -> tuple[RunView, list[dict[str, Any]]]:
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(DEADLINE_S):
            async for batch in engine.follow(run_id):
                events += batch
        return await engine.store.view(run_id), events

    async def in_state(self, engine: Engine, run_id: str, *states: str) -> RunView:
        async def look() -> RunView | None:
            view = await engine.store.view(run_id)
            return view if view.state in states else None

        view: RunView = await until(look)
        return view

    # -- the machine -----------------------------------------------------------------------------------------------

    def marked(self) -> list[int]:
        """Process ids on the "machine" that carry the mark of a job, zombies aside."""
        return [process.pid for process in self.sshd.leftovers() if "VASTDESK_JOB" in _environ(process.pid)]

    def supervisor_pid(self, job: str) -> int:
        return int(json.loads((self.job_folder(job) / "state.json").read_text())["pid"])

    def job_folder(self, job: str) -> Path:
        return self.sshd.vastdesk_home / "jobs" / job

    def jobs(self) -> list[str]:
        folder = self.sshd.vastdesk_home / "jobs"
        return (
            sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.exists() else []
        )

    def power_cut(self) -> None:
        """Everything that was started there is killed at once, and the machine has another boot id."""
        self.sshd.kill()
        self.sshd.kill_leftovers()
        self.boot_id.write_text(f"boot-{time.monotonic_ns()}\n")

    def kill(self, pids: Iterable[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _environ(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""


def new_key(path: Path, passphrase: str | None = None) -> asyncssh.SSHKey:
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.write_bytes(key.export_private_key(passphrase=passphrase))
    path.chmod(0o600)
    return key
