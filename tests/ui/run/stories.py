"""Runs in every situation, made of events as the engine and the runner write them."""

from __future__ import annotations

from typing import Any

from tests.unit.domain.eventlog import EventLog
from vastdesk.domain.views import RunView
from vastdesk.workers.observer import RunHead

RUN = "run-1"
STEPS = ("test_ssh", "install_custom_nodes", "verify_dependencies", "get_ui_home")
NODES = "install_custom_nodes"
SHOWN = "SHA256:Zk9nq0GmXl2hVd6uY8fWcTtQ3eRr5sJbA1oPiK7xLyE"
PINNED = "SHA256:aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9D"


def begun(names: int = 12, prefix: str = "ComfyUI-Node") -> EventLog:
    """The first step is done, the second one has told its nodes and found its places."""
    log = EventLog()
    log.begin(*STEPS, state="queued")
    log.desktop("run_state", state="connecting")
    log.desktop("step_started", step="test_ssh", limit_s=30)
    for rung in ("Name found", "Connected", "Host key known", "Logged in"):
        log.add("desktop", "task", step="test_ssh", id=rung, label=rung, state="succeeded")
    log.desktop("step_finished", step="test_ssh", state="succeeded", note="reachable in 0.4 s")
    log.desktop("run_state", state="running")
    log.runner("job_started", steps=list(STEPS[1:]), runner="abc", boot_id="b")
    log.runner("step_started", step=NODES, limit_s=1800)
    log.runner(
        "plan",
        step=NODES,
        tasks=[
            {"id": "clone", "label": "Read node list", "kind": "setup"},
            {"id": "venv", "label": "Configure venv path", "kind": "setup"},
            *({"id": f"n{at}", "label": f"{prefix}-{at}", "kind": "node"} for at in range(1, names + 1)),
            {"id": "resolve", "label": "Resolve dependencies", "kind": "resolve"},
            {"id": "verify", "label": "Verify Dependencies", "kind": "verify"},
        ],
    )
    node(log, "clone", "succeeded", note="34 nodes")
    node(log, "venv", "succeeded", note="/venv/main")
    return log


def node(log: EventLog, id: str, state: str, **fields: Any) -> None:
    log.task(id, state, step=NODES, **fields)


def cloning(names: int = 12, done: int = 4, prefix: str = "ComfyUI-Node") -> EventLog:
    """Some nodes are done, one of them failed, four are being cloned."""
    log = begun(names, prefix)
    for at in range(1, done + 1):
        node(log, f"n{at}", "running")
        failed = at == 2
        node(log, f"n{at}", "failed" if failed else "succeeded", note="repository not found" if failed else "4f1a9c2")
    for at in range(done + 1, min(names, done + 4) + 1):
        share = 11.0 * (at - done)
        progress = {"done": share, "total": 100, "unit": "%"}
        more = {"rate": 1_258_291, "size_bytes": 12_582_912, "eta_s": 135.0}
        node(log, f"n{at}", "running", progress=progress, **more)
        if at % 2:
            node(log, f"n{at}/deps", "running", label="Install dependencies", parent=f"n{at}")
    for at in range(30):
        log.runner("log", step=NODES, text=f"Receiving objects: {at} % of ComfyUI-Node")
    return log


def ended(state: str, **fields: Any) -> EventLog:
    log = cloning()
    log.desktop("run_state", state=state, **fields)
    return log


def succeeded(names: int = 12, bad: int = 1) -> EventLog:
    log = begun(names)
    for at in range(1, names + 1):
        node(log, f"n{at}", "running")
        failed = at <= bad
        node(log, f"n{at}", "failed" if failed else "succeeded", note="repository not found" if failed else "4f1a9c2")
    node(log, "verify", "succeeded")
    note = f"Installed {names - bad}/{names} custom nodes ({bad} failed) · all dependencies verified"
    log.runner("step_finished", step=NODES, state="succeeded", note=note)
    for step in STEPS[2:]:
        log.runner("step_started", step=step)
        log.runner("step_finished", step=step, state="succeeded", note="/workspace/ComfyUI")
    log.runner("job_finished", state="succeeded", reason="")
    log.desktop("run_state", state="succeeded")
    return log


def blocked(*, changed: bool = False) -> EventLog:
    log = EventLog()
    log.begin(*STEPS, state="queued")
    log.desktop("run_state", state="connecting")
    block = {"kind": "host_key_unknown", "host": "203.0.113.7", "port": 22, "name": "box", "algorithm": "ssh-ed25519"}
    block |= {"fingerprint": SHOWN} | ({"kind": "host_key_changed", "pinned": PINNED} if changed else {})
    log.desktop("run_state", state="blocked", reason="the host key is not known", kind=block["kind"], block=block)
    return log


def every_situation() -> dict[str, RunView]:
    """By name; each as the window would get it."""
    queued = EventLog()
    queued.begin(*STEPS, state="queued")
    connecting = EventLog()
    connecting.begin(*STEPS, state="queued")
    connecting.desktop("run_state", state="connecting")
    failed = cloning()
    failed.runner("step_finished", step=NODES, state="failed", note="the disk of the machine is full")
    failed.runner("job_finished", state="failed", reason="disk full")
    failed.desktop(
        "run_state",
        state="failed",
        reason="the disk of box is full",
        kind="disk_full_remote",
        action="Free some space.",
    )
    tail = ["Collecting torch==2.4.0", "  Downloading torch-2.4.0 (797 MB)", "Killed"]
    return {
        "queued": queued.view(),
        "connecting": connecting.view(),
        "running": cloning().view(),
        "reconnecting": ended("reconnecting").view(),
        "cancelling": ended("cancelling").view(),
        "blocked": blocked().view(),
        "blocked_changed": blocked(changed=True).view(),
        "lost": ended("lost", reason="no exit record and no live process", tail=tail).view(),
        "interrupted": ended("interrupted", reason="the machine was restarted").view(),
        "cancelled": ended("cancelled", reason="asked for").view(),
        "failed": failed.view(),
        "succeeded": succeeded(bad=0).view(),
        "succeeded_with_failures": succeeded(bad=2).view(),
    }


def head(id: str = RUN, state: str = "running", instance: str = "i1", at: float = 1_750_000_000.0) -> RunHead:
    from vastdesk.domain.events import FINAL_RUN_STATES

    end = at + 93 if state in FINAL_RUN_STATES else None
    return RunHead(id, instance, "ComfyUI base", state, at, end, None, 1)
