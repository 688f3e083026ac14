"""A machine as people rent it, for tests of whole runs: a real sshd, ComfyUI, its Python environment, git hosts and a
package index on loopback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.disks import SmallDisk
from tests.fakes.package_index import PackageIndex
from tests.fakes.sshd import Sshd
from tests.integration.steps.world import HEADER, StepWorld
from tests.integration.workers.world import World, until
from vastdesk.domain.views import StepView, TaskView

TORCH = ("torch==2.8.0+cu128", "numpy==2.1.3")
Events = list[dict[str, Any]]


class Box(World):
    """A `World` whose machine can be set up. `machine` is its disk: ComfyUI, the Python environment, its tools."""

    def __init__(self, folder: Path, sshd: Sshd, key_path: Path, index: PackageIndex) -> None:
        super().__init__(folder, sshd, key_path)
        self.machine = StepWorld(sshd.sysroot, index)
        self.disk: SmallDisk | None = None

    @property
    def custom_nodes(self) -> Path:
        return self.machine.custom_nodes

    def furnish(self, packages: tuple[str, ...] = ()) -> Box:
        """ComfyUI and its environment, as a Vast image has them."""
        self.machine.add_comfyui()
        self.machine.add_python(packages)
        return self

    def node_list(self, rows: str | bytes, name: str = "nodes.csv") -> Path:
        """A node list on the desktop: rows below the header (bytes: the file as it is)."""
        path = self.folder / name
        path.write_bytes(rows if isinstance(rows, bytes) else (HEADER + rows).encode())
        return path

    def install(self, rows: str | Path, id: str = "nodes", **params: Any) -> dict[str, Any]:
        """An `install_custom_nodes` step of a workflow file."""
        path = rows if isinstance(rows, Path) else self.node_list(rows)
        values = {"nodes": str(path), "retry_wait": 0, "stall": 5, **params}
        return {"use": "install_custom_nodes", "id": id, "with": values}

    def workflow_file(self, *steps: dict[str, Any]) -> Path:
        """The same as a file, for the command line."""
        path = self.folder / "workflow.yaml"
        path.write_text(json.dumps({"name": "Test", "version": 1, "step_delay": 0, "steps": list(steps)}))
        return path

    def heads(self) -> dict[str, str]:
        """The commit of each clone in custom_nodes, and "" for whatever else lies there but what ComfyUI brought."""
        found = {}
        for path in sorted(self.custom_nodes.iterdir()):
            if path.name not in ("websocket_image_save.py", "__pycache__"):
                found[path.name] = _head(path)
        return found

    async def nothing_left(self) -> None:
        """No process that VastDesk started is left on the machine, whether marked or only by its home."""
        await until(lambda: not self.marked(), 10)
        await until(lambda: not self.processes(), 10)

    def processes(self) -> list[psutil.Process]:
        """Everything that lives in the machine, sshd's own processes aside."""
        return [process for process in self.sshd.leftovers() if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _head(folder: Path) -> str:
    argv = ["git", "--git-dir", str(folder / ".git"), "rev-parse", "HEAD"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def nodes(step: StepView) -> dict[str, TaskView]:
    return {task.label: task for task in step.tasks if task.kind == "node"}


def states(step: StepView) -> dict[str, str]:
    return {label: task.state for label, task in nodes(step).items()}


def reason(step: StepView, node: str) -> str:
    """Why a node failed: the note of its failed sub-task, else its own."""
    task = nodes(step)[node]
    return next((sub.note for sub in task.subtasks if sub.state == "failed"), task.note)
