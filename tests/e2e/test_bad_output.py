"""Tools that print as nobody should: memory stays bounded on both sides, the logs too, and the run ends right."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.e2e.box import Box
from tests.e2e.command import vastdesk
from tests.e2e.rules import HARMFUL, Events, check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.integration.steps.conftest import row
from tests.integration.workers.world import script_step, until
from vastdesk.domain.reduce import reduce
from vastdesk.domain.tasklist import rows

MIB = 1 << 20
CLIENT_MIB = 100
"""51 when it has nothing to do."""
RUNNER_MIB = 40
"""15 to 18 for each of its processes when they have nothing to do."""
OUTPUTS = {
    # what, and a script that prints it
    "200 MB": f"yes {'x' * 1000} | head -c {200 * MIB} || true",
    "one line of 10 MB": f"head -c {10 * MIB} /dev/zero | tr '\\0' x",
    "progress bars": r"for i in $(seq 1 20000); do printf '\r%d%% of it' $((i / 200)); done",
    "no UTF-8": f"head -c {2 * MIB} /dev/urandom; printf '\\xff\\xfe\\x80\\xc3\\x28'",
    "escapes": r"for i in $(seq 1 5000); do printf '\033[31m\033]0;owned\007\033[2J%d\b\0\n' $i; done",
}
LOUD = """
import os, sys
out = sys.stdout.buffer
for _ in range(20):
    out.write(b"y" * 999 + b"\\n" + b"0123456789" * 100_000)
out.write(b"\\n")
for number in range(5000):
    out.write(b"\\r%d%% of it" % (number // 50))
out.write(b"\\n" + os.urandom(1 << 20) + b"\\xff\\xfe\\n")
out.flush()
NODE_CLASS_MAPPINGS = {}
"""


class Peaks:
    """The most memory each process of a run ever had (VmHWM), by what it is."""

    def __init__(self, box: Box, client: subprocess.Popen[bytes]) -> None:
        self._box = box
        self._client = client
        self.mib: dict[str, float] = {}

    def look(self) -> bool:
        """Whether the client is still there."""
        self._note("client", self._client.pid)
        for process in self._box.processes():
            for role in ("serve", "_supervise", "_step"):
                if role in _command(process):
                    self._note(role, process.pid)
        return self._client.poll() is None

    def _note(self, role: str, pid: int) -> None:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        for line in text.splitlines():
            if line.startswith("VmHWM:"):
                self.mib[role] = max(self.mib.get(role, 0.0), int(line.split()[1]) / 1024)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def run_watched(box: Box, *steps: dict[str, object]) -> tuple[int, Events, dict[str, float], str]:
    """By the command line, so that the desktop's memory is that of a process of its own."""
    async with box.engine() as engine:
        await box.instance(engine)
    client = vastdesk(box, "run", str(box.workflow_file(*steps)), "--instance", "box", "--json")
    ending = asyncio.get_running_loop().run_in_executor(None, client.communicate)
    peaks = Peaks(box, client)
    while await asyncio.to_thread(peaks.look):
        await asyncio.sleep(0.05)
    out, err = await ending
    return client.returncode, [json.loads(line) for line in out.splitlines()], peaks.mib, err.decode()


def check_bounds(box: Box, peaks: dict[str, float], events: Events) -> None:
    assert peaks.pop("client") < CLIENT_MIB
    assert len(peaks) == 3, peaks
    assert max(peaks.values()) < RUNNER_MIB, peaks
    (job,) = box.jobs()
    folder = box.job_folder(job)
    assert (folder / "events.jsonl").stat().st_size < MIB
    assert sum(path.stat().st_size for path in (folder / "output").iterdir()) <= 4 * MIB
    assert sum(path.stat().st_size for path in box.data_dir.rglob("*") if path.is_file()) < 8 * MIB
    facts = [event for event in events if "rseq" in event]
    check_exactly_once(facts)
    for step in reduce(facts).steps:
        assert not any(HARMFUL.search(shown.label + shown.note + shown.text) for shown in rows(step))


@pytest.mark.parametrize("name", OUTPUTS)
async def test_whatever_a_script_prints(bare_box: Box, name: str) -> None:
    script = script_step(f"echo begin; {OUTPUTS[name]}; echo; echo the end")
    code, events, peaks, err = await run_watched(bare_box, script)
    assert code == 0, err
    assert events[-1]["steps"][0]["note"] == "The script ended well: the end"
    check_bounds(bare_box, peaks, events)
    assert not bare_box.marked()


async def test_whatever_a_node_prints_while_it_is_set_up_and_imported(box: Box, git_host: FakeGitHost) -> None:
    git_host.add("Loud", {"__init__.py": LOUD, "install.py": LOUD})
    listed = row(git_host, "Loud") + row(git_host, "Plain")
    code, events, peaks, err = await run_watched(box, box.install(listed))
    assert code == 0, err
    note = "Successfully installed 2/2 custom nodes · all dependencies verified"
    assert events[-1]["steps"][0]["note"] == note
    check_bounds(box, peaks, events)
    check_task_list(events)


async def test_a_script_that_never_stops_printing_is_cancelled_in_seconds(bare_box: Box) -> None:
    async with bare_box.engine() as engine:
        row = await bare_box.start(engine, script_step("yes"))
        await bare_box.in_state(engine, row.id, "running")
        await until(lambda: len(bare_box.marked()) >= 3)
        await engine.cancel(row.id)
        async with asyncio.timeout(8):
            view, events = await bare_box.finish(engine, row.id)
    assert view.state == "cancelled"
    check_exactly_once(events)
    assert not bare_box.marked()
