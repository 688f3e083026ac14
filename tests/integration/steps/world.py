"""A small instance for tests of steps: a system root with ComfyUI and its Python, and the real step process in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.fakes.package_index import PackageIndex
from vastdesk.remote.package import runner_package

REPOSITORY = Path(__file__).parents[3]
LOOK_ALIKE = REPOSITORY / "resources" / "practice" / "comfyui"
UV = Path(sys.executable).parent / "uv"
HEADER = "Name,RepoUrl,Subfolder,RequirementsFile,Ref\n"
Event = Mapping[str, Any]


@dataclass
class Run:
    """What a step process did: its events, its result line, its exit code, the raw output of its tools."""

    code: int
    events: list[dict[str, Any]]
    output: str

    @property
    def result(self) -> dict[str, Any]:
        assert self.events, self.output
        assert self.events[-1]["type"] == "result", self.events[-3:]
        return self.events[-1]

    @property
    def note(self) -> str:
        return str(self.result["note"])

    @property
    def succeeded(self) -> bool:
        return self.code == 0 and self.result["state"] == "succeeded"

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label by id, as the last event has it, in plan order."""
        found = {}
        for event in self.events:
            for task in event.get("tasks", []):
                found[task["id"]] = task["label"]
            if event["type"] == "task" and "label" in event:
                found[event["id"]] = event["label"]
        return found

    @cached_property
    def parents(self) -> dict[str, str]:
        return {t["id"]: t["parent"] for event in self.events for t in event.get("tasks", []) if "parent" in t}

    def states(self, label: str) -> list[str]:
        """The states a task went through, by its label (or `parent/label`), without repetitions."""
        states: list[str] = []
        for event in self.of(label):
            if not states or states[-1] != event["state"]:
                states.append(event["state"])
        return states

    def state(self, label: str) -> str:
        states = self.states(label)
        return states[-1] if states else "pending"

    def last_note(self, label: str) -> str:
        notes = [event["note"] for event in self.of(label) if event.get("note")]
        return notes[-1] if notes else ""

    def of(self, label: str) -> list[dict[str, Any]]:
        ids = [id for id in self.labels if self._name(id) == label]
        assert len(ids) == 1, (label, ids, sorted(map(self._name, self.labels)))
        return [event for event in self.events if event["type"] == "task" and event["id"] == ids[0]]

    def _name(self, id: str) -> str:
        parent = self.parents.get(id)
        return f"{self.labels[parent]}/{self.labels[id]}" if parent else self.labels[id]

    def most_running(self) -> int:
        """The most nodes that were running at one time."""
        nodes = {t["id"] for event in self.events for t in event.get("tasks", []) if t.get("kind") == "node"}
        running: set[str] = set()
        most = 0
        for event in self.events:
            if event["type"] == "task" and event["id"] in nodes:
                (running.add if event["state"] == "running" else running.discard)(event["id"])
                most = max(most, len(running))
        return most


@dataclass
class StepWorld:
    """`root` is the system root. `comfyui` and `python` are where a Vast image has them."""

    root: Path
    index: PackageIndex | None = None
    interpreter: str = sys.executable  # of the runner
    environment: dict[str, str] = field(default_factory=dict)
    on_event: Callable[[subprocess.Popen[bytes], dict[str, Any]], None] | None = None
    jobs: int = 0

    def __post_init__(self) -> None:
        self.home = self.root / "root"
        self.comfyui = self.root / "workspace" / "ComfyUI"
        self.custom_nodes = self.comfyui / "custom_nodes"
        self.python = self.root / "venv" / "main" / "bin" / "python"
        self.tools = self.root / "usr" / "local" / "bin"
        for folder in (self.home, self.root / "etc", self.tools):
            folder.mkdir(parents=True)
        self.write_environment()

    def write_environment(self, **more: str) -> None:
        """/etc/environment of the instance: where its packages come from. The tests' PATH comes before the real one."""
        values = {"WORKSPACE": str(self.root / "workspace"), **(self.index.environment() if self.index else {})}
        values |= {"UV_HTTP_RETRIES": "0", "PATH": f"{self.tools}:{os.environ['PATH']}", **more}
        lines = [f'{name}="{value}"\n' for name, value in values.items()]
        (self.root / "etc" / "environment").write_text("".join(lines))

    def add_comfyui(self) -> None:
        shutil.copytree(LOOK_ALIKE, self.comfyui)

    def add_python(self, packages: Iterable[str] = ()) -> None:
        """An environment as `/venv/main`, and uv in PATH."""
        self.add_uv()
        subprocess.run(
            [UV, "venv", "-q", "--python", sys.executable, self.python.parents[1]],
            check=True,
            env=self.tool_environment(),
        )
        if packages:
            argv = [UV, "pip", "install", "-q", "--python", self.python, *packages]
            subprocess.run(argv, check=True, env=self.tool_environment())

    def add_uv(self) -> None:
        (self.tools / "uv").symlink_to(UV)

    def add_tool(self, name: str, script: str) -> None:
        """A program that comes before the real one in PATH."""
        path = self.tools / name
        path.write_text(script)
        path.chmod(0o755)

    def tool_environment(self) -> dict[str, str]:
        """For tools that a test itself runs on the machine."""
        index = self.index.environment() if self.index else {}
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **index}

    def freeze(self) -> list[str]:
        argv = [UV, "pip", "freeze", "-q", "--python", self.python]
        return subprocess.run(
            argv, check=True, capture_output=True, text=True, env=self.tool_environment()
        ).stdout.split("\n")[:-1]

    def tree(self, folder: Path | None = None) -> dict[str, bytes | str]:
        """Every file below a folder (custom_nodes) with its content, git's own bookkeeping of a look left out."""
        folder = folder or self.custom_nodes
        found: dict[str, bytes | str] = {}
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if "__pycache__" not in name and not name.endswith(".git/index"):
                found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        return found

    def install(self, rows: str, **params: Any) -> Run:
        """`install_custom_nodes` with rows below the header."""
        values = {"nodes": HEADER + rows, "retry_wait": 0, "stall": 5, **params}
        return self.run("install_custom_nodes", values)

    def run(self, use: str, params: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None) -> Run:
        """Run a step as the supervisor does: a process of its own, with its pipes."""
        process = self.start(use, params, secrets)
        return process.wait()

    def start(
        self, use: str, params: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> StepRun:
        self.jobs += 1
        job = self.root / "root" / ".vastdesk" / "jobs" / f"steps-{uuid.uuid4().hex}"  # other tests sweep by job id
        job.mkdir(parents=True)
        step = {
            "id": "step",
            "use": use,
            "title": use,
            "with": dict(params or {}),
            "limit_s": None,
            "on_failure": "stop",
        }
        spec = {"v": 1, "job": job.name, "run": "run", "profile": {"comfyui": None, "python": None}, "steps": [step]}
        (job / "spec.json").write_text(json.dumps(spec))
        return StepRun(self, job, secrets or {})


class StepRun:
    """A step process that runs."""

    def __init__(self, world: StepWorld, job: Path, secrets: Mapping[str, str]) -> None:
        self.job = job
        self.events: list[dict[str, Any]] = []
        self._on_event = world.on_event
        events, event_fd = os.pipe()
        life, self._life = os.pipe()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(world.home),
            "VASTDESK_SYSROOT": str(world.root),
            "VASTDESK_EVENT_FD": str(event_fd),
            "VASTDESK_LIFE_FD": str(life),
            "VASTDESK_GRACE_S": "1",
            **world.environment,
        }
        zipped = str(runner_zip(world.root.parents[1]))
        code = (
            f"import sys; sys.path.insert(0, {zipped!r}); from vastdesk_runner.stepmain import main; sys.exit(main())"
        )
        argv = [world.interpreter, "-S", "-E", "-c", code.replace("main()", "main(sys.argv[1:])"), str(job), "0"]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, pass_fds=(event_fd, life), env=environment, start_new_session=True, cwd=job
        )
        os.close(event_fd)
        os.close(life)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(dict(secrets)).encode())
        self.process.stdin.close()
        self.seen = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(events,))
        self._reader.start()

    def _read(self, events: int) -> None:
        with open(events, encoding="utf-8") as lines:
            for line in lines:
                assert len(line.encode()) <= 8192
                event = json.loads(line)
                with self.seen:
                    self.events.append(event)
                    self.seen.notify_all()
                if self._on_event is not None:
                    self._on_event(self.process, event)

    def until(self, wanted: Callable[[dict[str, Any]], bool], limit_s: float = 30) -> None:
        """Wait for an event."""
        with self.seen:
            assert self.seen.wait_for(lambda: any(map(wanted, self.events)), limit_s), self.events[-5:]

    def cancel(self) -> Run:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def supervisor_dies(self) -> Run:
        os.close(self._life)
        self._life = -1
        return self.wait()

    def wait(self, limit_s: float = 90) -> Run:
        code = self.process.wait(limit_s)
        self._reader.join()
        if self._life >= 0:
            os.close(self._life)
        logs = sorted((self.job / "output").glob("*.log*")) if (self.job / "output").exists() else []
        output = b"".join(path.read_bytes() for path in logs).decode("utf-8", "replace")
        return Run(code, self.events, output)


_ZIPS: dict[Path, Path] = {}


def runner_zip(folder: Path) -> Path:
    """The runner as it is shipped: steps are found inside a zip. One for all machines below a folder."""
    path = folder / "vastdesk-runner.pyz"
    if folder not in _ZIPS:
        _ZIPS[folder] = path
        path.write_bytes(runner_package().data)
    return path
