"""Many instances in one process, as light as can be: an SSH server with a made-up runner behind every login.

`python -m bench.light PUBLIC_KEY PER_S`: says `PORT HOST_KEY`, then serves until its stdin ends. The words are those of
docs/protocol.md §5; each job ticks `PER_S` times a second from its start on. For measuring the desktop, nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from typing import Any

import asyncssh

BEAT_S = 2.0
TOKEN = re.compile(r"\b[0-9a-f]{32}\b")


class Instance:
    """One served channel."""

    def __init__(self, process: asyncssh.SSHServerProcess[str], token: str, gap_s: float) -> None:
        self.process = process
        self.token = token
        self.gap_s = gap_s
        self.steps: list[str] = []

    def say(self, message: dict[str, Any]) -> None:
        self.process.stdout.write(f"{self.token} {json.dumps(message, separators=(',', ':'))}\n")

    async def serve(self) -> None:
        self.process.stdout.write("\n")
        facts = {"python": "/usr/bin/python3", "version": "3.11.2", "home": "/root/.vastdesk"}
        self.say({"boot": {**facts, "have": True}})
        self.say({"hello": {**facts, "runner": "0" * 64, "pid": 1, "time": time.time(), "boot_id": "light"}})
        async with asyncio.TaskGroup() as group:
            beats = group.create_task(self._beat())
            async for line in self.process.stdin:
                self._answer(json.loads(line), group)
            beats.cancel()

    async def _beat(self) -> None:
        for number in itertools.count(1):
            self.say({"beat": number, "time": time.time()})
            await asyncio.sleep(BEAT_S)

    def _answer(self, request: dict[str, Any], group: asyncio.TaskGroup) -> None:
        op, job = request["op"], request.get("job") or request.get("spec", {}).get("job")
        if op == "start":
            self.steps = [step["id"] for step in request["spec"]["steps"]]
        status = {"job": job, "state": "running", "last_seq": 0, "exit": None, "heartbeat_age_s": 0.1, "tail": []}
        self.say({"id": request["id"], "ok": True, "result": {**status, "boot_id": "light"}})
        if op == "watch":
            group.create_task(self._tick(job))

    async def _tick(self, job: str) -> None:
        step = self.steps[0]
        head = {"type": "job_started", "steps": self.steps, "runner": "0" * 64, "boot_id": "light"}
        self._event(job, 1, head)
        self._event(job, 2, {"type": "step_started", "step": step})
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number * self.gap_s - loop.time()))
            row = {"type": "task", "step": step, "id": f"row{number % 8}"}
            row["state"] = "waiting" if number // 8 % 2 else "running"
            row["note"] = f"tick {number} {time.monotonic():.6f}"
            self._event(job, number + 3, row)

    def _event(self, job: str, seq: int, event: dict[str, Any]) -> None:
        self.say({"job": job, "events": [{"seq": seq, "ts": time.time(), "mono": time.monotonic(), **event}]})


async def main(public_key: str, per_s: str) -> None:
    async def handle(process: asyncssh.SSHServerProcess[str]) -> None:
        token = TOKEN.search(process.command or "")
        if token is None:
            process.exit(127)
            return
        try:
            await Instance(process, token.group(), 1 / float(per_s)).serve()
        except* (asyncssh.Error, OSError):
            pass  # the desktop has gone: nothing is left to serve

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(public_key),
        process_factory=handle,
        login_timeout=120,
    )
    async with server:
        print(server.get_port(), host_key.export_public_key().decode().strip(), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
