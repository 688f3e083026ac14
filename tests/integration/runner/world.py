"""An instance of its own for a test: a home for the runner, a runner with scripted steps, a client of its channel."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from vastdesk.remote import package

FAKE_STEP = Path(__file__).with_name("fake_step.py")
PATIENCE_S = 30.0


def mine(name: str) -> str:
    """The id of a job of this test process: marks are seen by the whole machine, where other tests may run too."""
    return f"{name}-{os.getpid()}"


J = mine("j")


@lru_cache(maxsize=1)
def scripted_runner() -> bytes:
    """The runner as shipped, except that its steps do what the test says."""
    return package.build(package.runner_sources() | {"stepmain.py": FAKE_STEP.read_bytes()}).data


def eventually(look: Callable[[], Any], what: str = "", limit_s: float = PATIENCE_S) -> Any:
    """The first true value of `look`."""
    end = time.monotonic() + limit_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not in {limit_s} s: {what or look}"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Client:
    """One served channel."""

    def __init__(self, world: World) -> None:
        self.process = subprocess.Popen(
            world.command("serve", "--token", "Tk"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=world.env,
        )
        self._rest = b""
        self._ready: list[dict[str, Any]] = []
        self._ids = 0
        self.received_at = 0.0

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def post(self, op: str, **fields: Any) -> int:
        self._ids += 1
        self.send(json.dumps({"id": self._ids, "op": op, **fields}).encode() + b"\n")
        return self._ids

    def next(self, limit_s: float = PATIENCE_S) -> dict[str, Any] | None:
        """The next message; None at the end of the channel."""
        assert self.process.stdout is not None
        end = time.monotonic() + limit_s
        while not self._ready:
            assert select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0], "silence"
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            self.received_at = time.monotonic()
            if not data:
                return None
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                assert line.startswith(b"Tk "), line
                self._ready.append(json.loads(line[3:]))
        return self._ready.pop(0)

    def messages(self) -> Iterator[dict[str, Any]]:
        while True:
            message = self.next()
            assert message is not None, "the channel ended"
            yield message

    def ask(self, op: str, **fields: Any) -> Any:
        """The result; RuntimeError with the kind of a refusal. What comes meanwhile is put aside."""
        id_ = self.post(op, **fields)
        aside: list[dict[str, Any]] = []
        for message in self.messages():
            if message.get("id") == id_ and "ok" in message:
                self._ready[:0] = aside
                if not message["ok"]:
                    raise RuntimeError(message["error"]["kind"], message["error"]["message"])
                return message["result"]
            aside.append(message)
        raise AssertionError

    def follow(self, job: str, since: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """All events from there on, and the final status."""
        self.ask("watch", job=job, since=since)
        events: list[dict[str, Any]] = []
        for message in self.messages():
            if message.get("job") == job:
                events += message.get("events", [])
                if "end" in message:
                    return events, message["end"]
        raise AssertionError

    def events_until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Events of watched jobs up to one that is wanted."""
        events: list[dict[str, Any]] = []
        for message in self.messages():
            events += message.get("events", [])
            if any(wanted(event) for event in message.get("events", [])):
                return events
            assert "end" not in message, message
        raise AssertionError

    def close(self) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.close()


class World:
    """The instance."""

    def __init__(self, folder: Path, python: str = sys.executable, runner: bytes | None = None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.python = python
        self.runner = folder / "vastdesk-runner.pyz"
        self.runner.write_bytes(runner or scripted_runner())
        self.boot = folder / "boot_id"
        self.boot.write_text("first boot\n")
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "VASTDESK_HOME": str(self.home),
            "VASTDESK_SYSROOT": str(folder / "root"),
            "VASTDESK_BOOT_ID": str(self.boot),
            "VASTDESK_GRACE_S": "0.5",
        }
        self._clients: list[Client] = []

    def command(self, *arguments: str) -> list[str]:
        return [self.python, "-S", "-E", str(self.runner), *arguments]

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A command of the runner, to its end."""
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, env=self.env, timeout=60, check=False
        )

    def client(self) -> Client:
        client = Client(self)
        self._clients.append(client)
        hello = client.next()
        assert hello is not None and "hello" in hello
        return client

    def path(self, name: str) -> str:
        """A place for the test and a step to meet at."""
        return str(self.folder / name)

    def job_dir(self, job: str) -> Path:
        return self.home / "jobs" / job

    def state(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.job_dir(job) / "state.json").read_text())
        return found

    def kill_supervisor(self, job: str) -> None:
        os.kill(self.state(job)["pid"], signal.SIGKILL)

    def close(self) -> None:
        """Ends everything, and proves it."""
        for client in self._clients:
            client.kill()
        jobs = [path.name for path in (self.home / "jobs").glob("[!.]*")] if self.home.exists() else []
        for job in jobs:
            self.run("cancel", job)
        left = eventually(lambda: not self.processes() or None, f"processes are left: {self.processes()}")
        assert left

    def processes(self) -> list[tuple[int, str]]:
        """Every process that knows this world by its command or environment."""
        mark = str(self.folder).encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                if mark in command + (entry / "environ").read_bytes() and is_alive(int(entry.name)):
                    found.append((int(entry.name), command.replace(b"\0", b" ").decode()))
            except OSError:
                continue
        return found


def step(code: str = "done()", id_: str = "one", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "use": "scripted", "title": id_.title(), "with": {"code": code}, **fields}


def spec(job: str, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    app = {"id": "app", "host": "laptop", "user": "ada", "version": "0"}
    return {"v": 1, "job": job, "run": "r", "app": app, "step_delay_s": 0, "steps": list(steps or [step()]), **fields}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def seqs(events: list[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in events]
