"""34 custom nodes with requirements, hosts 80 ms away: one real run, against cloning and pip one after another."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.lab import lab, workflow
from bench.nodeworld import Hosts, Index, Node, clean_environ, hosts, machine, nodes, result_on_disk, uv_wheel
from bench.report import Bar, Report, median, ratio
from vastdesk.domain.instances import Endpoint
from vastdesk.remote.practice.instance import PracticeFacts
from vastdesk.workers.engine import open_engine
from vastdesk.workers.requests import RunRequest

RTT_MS = 80
LIMIT_S = 1800


async def measure(quick: bool, rounds: int | None) -> list[Report]:
    listed = nodes(6 if quick else 34)
    times = Times()
    with lab() as kept:
        uv = await asyncio.to_thread(uv_wheel, kept.folder)
        for _round in range(rounds or (1 if quick else 3)):
            with lab() as place:
                async with hosts(place.folder, listed, RTT_MS) as (there, index):
                    await _round_of_all(place.folder, index, there, listed, times, uv)
    return [_report(listed, times)]


@dataclass
class Times:
    """Seconds of each round."""

    with_uv: list[float] = field(default_factory=list)
    with_pip: list[float] = field(default_factory=list)
    one_by_one: list[float] = field(default_factory=list)


async def _round_of_all(
    folder: Path, index: Index, there: Hosts, listed: list[Node], times: Times, uv: Path | None
) -> None:
    async with machine(folder / "peer", index, there) as facts:
        times.one_by_one.append(await asyncio.to_thread(_one_after_another, facts, there, listed))
        expected = result_on_disk(facts, listed)
    async with machine(folder / "pip", index, there) as facts:
        times.with_pip.append(await _vastdesk(folder, facts, there, listed))
        _compare(result_on_disk(facts, listed), expected)
    if uv is not None:
        index.add_wheel("uv", uv)
        async with machine(folder / "uv", index, there) as facts:
            times.with_uv.append(await _vastdesk(folder, facts, there, listed))
            _compare(result_on_disk(facts, listed), expected)


def _report(listed: list[Node], times: Times) -> Report:
    having = sum(bool(node.requirements) for node in listed)
    title = f"nodes: {len(listed)} custom nodes, {having} with requirements, git host and index {RTT_MS} ms away"
    report = Report(title, ("", "median s", "rounds s", "ratio"))
    base = median(times.one_by_one)
    ways = (
        ("VastDesk, which fetches uv first", times.with_uv),
        ("VastDesk, no uv to be had", times.with_pip),
        ("git clone, pip install, one by one", times.one_by_one),
    )
    for name, taken in ways:
        if taken:
            each = " ".join(f"{seconds:.1f}" for seconds in taken)
            report.rows.append((name, f"{median(taken):.1f}", each, ratio(base, median(taken))))
    faster = base / median(times.with_uv or times.with_pip)
    report.bars.append(Bar("4 times faster than one after another with pip", f"{faster:.1f} times", faster >= 4))
    report.notes.append("VastDesk: from the command to the end of the run, with connecting and importing every node")
    report.notes.append("the same files and the same packages on disk, compared each time")
    return report


async def _vastdesk(folder: Path, facts: PracticeFacts, there: Hosts, listed: list[Node]) -> float:
    """A run over real SSH, from the command to its end."""
    csv = there.node_list(folder / "nodes.csv", listed)
    steps = workflow({"use": "install_custom_nodes", "with": {"nodes": str(csv), "on_node_failure": "fail"}})
    async with open_engine(folder / f"data-{facts.port}") as engine:
        endpoint = Endpoint(facts.host, facts.port, facts.user)
        instance = await engine.store.add_instance("box", [endpoint], identity_file=str(facts.identity_file))
        await engine.store.offer_host_key(instance.id, facts.host_key)
        await engine.store.trust_host_key(instance.id, facts.host_key.fingerprint)
        began = time.perf_counter()
        row = await engine.start(RunRequest(steps, instance))
        async with asyncio.timeout(LIMIT_S):
            async for _events in engine.follow(row.id):
                pass
        taken = time.perf_counter() - began
        view = await engine.store.view(row.id)
    assert view.state == "succeeded", (view.reason, view.steps)
    return taken


def _one_after_another(facts: PracticeFacts, there: Hosts, listed: list[Node]) -> float:
    """What the script of the original does, run on the machine itself: no connection to wait for."""
    env = {**clean_environ(), **there.environ, "HOME": str(facts.comfyui.parent), "GIT_TERMINAL_PROMPT": "0"}
    began = time.perf_counter()
    for node in listed:
        target = facts.comfyui / "custom_nodes" / node.folder
        clone = ["git", "clone", "--progress", "--depth", "1", there.url(node), str(target)]
        subprocess.run(clone, env=env, check=True, capture_output=True)
        if node.file:
            install = [str(facts.python), "-m", "pip", "install", "-r", str(target / node.file)]
            subprocess.run(install, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def _compare(ours: dict[str, object], expected: dict[str, object]) -> None:
    for part, value in expected.items():
        assert ours[part] == value, f"not the same {part} on disk:\n{ours[part]}\n{value}"
