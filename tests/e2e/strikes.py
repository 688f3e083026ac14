"""An installation long enough to be struck in the middle of anything, and what must be true of it in the end."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import psutil

from tests.e2e.box import Box
from tests.e2e.rules import Events, check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.integration.steps.conftest import GOOD, row
from tests.integration.workers.world import script_step
from vastdesk.domain.views import RunView

PACKAGES = ("colorama==0.4.6", "einops==0.8.1", "from-source==1.0", "okdep==2.0")
REQUIREMENTS = {"Colour": "colorama\n", "Deeper": "okdep\neinops\n", "Source": "from-source\n"}
NAMES = ("Large", "Colour", "Second", "Deeper", "Third", "Script", "Source", "Pack")
SCRIPT = "import pathlib, time\ntime.sleep(0.3)\npathlib.Path('made.txt').write_text('x')\n"


def stock(host: FakeGitHost, index: PackageIndex) -> None:
    """The repositories and packages of the installation."""
    content = random.Random(1)
    for name in NAMES:
        files: dict[str, str | bytes] = {"__init__.py": GOOD, "data.bin": content.randbytes(60_000)}
        if name in REQUIREMENTS:
            files["requirements.txt"] = REQUIREMENTS[name]
        if name == "Script":
            files |= {"install.py": SCRIPT, ".gitignore": "made.txt\n"}
        host.add(name, files)
    host.add("Inner", {"__init__.py": GOOD})
    for name, version, requires in (("colorama", "0.4.6", ()), ("einops", "0.8.1", ()), ("okdep", "2.0", ["colorama"])):
        index.add(name, version, requires)
    index.add("from-source", "1.0", kind="sdist")


class Installation:
    """Before, nodes, after: the marks show that each ran once."""

    def __init__(self, box: Box, host: FakeGitHost) -> None:
        self.box = box
        self.host = host
        self.marks = {name: box.folder / f"mark-{name}" for name in ("before", "after")}

    def steps(self) -> tuple[dict[str, Any], ...]:
        listed = "".join(
            row(self.host, name, requirements="requirements.txt" * (name in REQUIREMENTS)) for name in NAMES
        )
        listed += row(self.host, "Inner", subfolder="Pack/inner")
        return (
            script_step(f"echo x >> {self.marks['before']}", id="before"),
            self.box.install(listed),
            script_step(f"echo x >> {self.marks['after']}", id="after"),
        )

    def check(self, view: RunView, events: Events) -> None:
        """The end of an undisturbed job: each of its steps ran once, and each repository was asked for once."""
        self.check_end(view, events)
        assert {name: path.read_text() for name, path in self.marks.items()} == {"before": "x\n", "after": "x\n"}
        assert set(self.clones().values()) == {1}
        assert len(self.box.jobs()) == 1

    def check_end(self, view: RunView, events: Events) -> None:
        """Everything is in place, nothing else is, and what was shown was right all the time."""
        assert view.state == "succeeded", (view.state, view.reason, view.tail)
        assert [step.state for step in view.steps] == ["succeeded"] * len(view.steps)
        self.check_disk()
        check_exactly_once(events)
        check_task_list(events)
        check_no_step_after_its_end(events)

    def check_disk(self) -> None:
        assert self.box.heads() == {name: self.host.head(name) for name in sorted(NAMES)}
        assert (self.box.custom_nodes / "Pack/inner/__init__.py").read_text() == GOOD
        assert (self.box.custom_nodes / "Script/made.txt").read_text() == "x"
        assert self.box.machine.freeze() == list(PACKAGES)

    def in_place(self) -> set[str]:
        """The nodes that are wholly there."""
        return {name for name, head in self.box.heads().items() if name in NAMES and head == self.host.head(name)}

    def clones(self) -> dict[str, int]:
        """How often each repository was asked for."""
        asked = [path.split("/")[1].removesuffix(".git") for method, path in self.host.requests if "info/refs" in path]
        return {name: asked.count(name) for name in NAMES}


def named(box: Box, wanted: Callable[[list[str]], bool]) -> list[psutil.Process]:
    """The live processes of jobs whose command line is wanted."""
    found = []
    for process in box.processes():
        try:
            if "VASTDESK_JOB" in process.environ() and wanted(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_step(argv: list[str]) -> bool:
    return "_step" in argv


def is_tool(argv: list[str]) -> bool:
    """git, uv, pip, a node's script, ComfyUI: what a step started."""
    return bool(argv) and "_step" not in argv and not any("vastdesk-runner" in word for word in argv)


def supervisors(box: Box) -> list[int]:
    """The supervisors that live."""
    states = [box.job_folder(job) / "state.json" for job in box.jobs()]
    pids = {int(json.loads(path.read_text())["pid"]) for path in states if path.exists()}
    return [process.pid for process in box.processes() if process.pid in pids]


def check_no_step_after_its_end(events: Events) -> None:
    """A step that succeeded is never begun again."""
    done = set()
    for event in events:
        if event["type"] == "step_started":
            assert event["step"] not in done, event
        if event["type"] == "step_finished" and event["state"] == "succeeded":
            done.add(event["step"])
