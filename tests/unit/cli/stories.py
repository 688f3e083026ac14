"""Runs as lists of events, for the tests of every view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vastdesk.domain.reduce import reduce
from vastdesk.domain.views import RunView

RUN = "0193c1f2-7a31-7c54-9b1e-3f6a2d5c8e10"
JOB = "0193c1f2-8000-7000-8000-000000000001"
START = 1_750_933_230.0  # 2025-06-26 10:20:30 UTC

Event = dict[str, Any]


class Story:
    """Writes events as the engine and the runner do; each comes a second after the one before unless told otherwise."""

    def __init__(self, run: str = RUN) -> None:
        self.events: list[Event] = []
        self._run = run
        self._seqs: dict[str, int] = {}
        self._at = 0.0

    def add(self, type_: str, *, job: str = JOB, after_s: float = 1.0, **fields: Any) -> Story:
        self._at += after_s if self.events else 0.0
        self._seqs[job] = self._seqs.get(job, 0) + 1
        self.events.append(
            {
                "seq": self._seqs[job],
                "ts": START + self._at,
                "mono": 100.0 + self._at,
                "type": type_,
                **fields,
                "run": self._run,
                "job": job,
                "rseq": len(self.events) + 1,
            }
        )
        return self

    def state(self, state: str, **fields: Any) -> Story:
        return self.add("run_state", job="desktop", state=state, **fields)

    def announce(self, *steps: tuple[str, str], workflow: str = "Custom nodes only", instance: str = "my-box") -> Story:
        listed = [{"id": id_, "use": id_, "title": title} for id_, title in steps]
        return self.state("queued", workflow=workflow, instance=instance, steps=listed)

    def plan(self, step: str, *tasks: tuple[str, str], kind: str | None = None, job: str = JOB) -> Story:
        listed = [{"id": id_, "label": label, **({"kind": kind} if kind else {})} for id_, label in tasks]
        return self.add("plan", job=job, step=step, tasks=listed)

    def task(self, step: str, id_: str, state: str, **fields: Any) -> Story:
        return self.add("task", step=step, id=id_, state=state, **fields)

    @property
    def view(self) -> RunView:
        return reduce(self.events)


STEPS = (("test_ssh", "Test SSH"), ("set_ui_home", "Set UI_HOME"), ("nodes", "Install custom nodes"))


def begun(steps: Iterable[tuple[str, str]] = STEPS) -> Story:
    """Connected, the job is on the instance."""
    story = Story().announce(*steps).state("connecting")
    story.add("step_started", job="desktop", step="test_ssh", limit_s=30)
    story.plan("test_ssh", ("resolve", "Resolve the address"), ("login", "Log in"), job="desktop")
    story.add("task", job="desktop", step="test_ssh", id="resolve", state="succeeded", note="1.2.3.4")
    story.add("task", job="desktop", step="test_ssh", id="login", state="succeeded")
    story.add("step_finished", job="desktop", step="test_ssh", state="succeeded", note="Connected · RTX 4090")
    story.state("running").add("job_started", steps=["set_ui_home", "nodes"], runner="ab" * 32, boot_id="b")
    story.add("step_started", step="set_ui_home", limit_s=30)
    story.plan("set_ui_home", ("set", "Set"), ("verify", "Verify"))
    story.task("set_ui_home", "set", "running").task("set_ui_home", "set", "succeeded")
    story.add("step_finished", step="set_ui_home", state="succeeded", note="UI_HOME is /workspace/ComfyUI")
    return story


def installing(total: int = 10) -> Story:
    """Nodes are being installed: four run, two are done, the second of them failed."""
    story = begun().add("step_started", step="nodes", limit_s=1800)
    story.plan("nodes", ("list", "Read node list"), ("venv", "Configure venv path"), kind="setup")
    names = [(f"n{number}", f"ComfyUI-Node-{number}") for number in range(1, total + 1)]
    story.plan("nodes", *names, kind="node")
    story.plan("nodes", ("verify", "Verify Dependencies"), kind="verify")
    story.task("nodes", "list", "succeeded", note=f"{total} nodes").task(
        "nodes", "venv", "succeeded", note="/venv/main"
    )
    for id_, _ in names[:6]:
        story.task("nodes", id_, "running")
    story.task("nodes", "n1", "succeeded", note="1a2b3c4")
    story.task("nodes", "n2", "failed", note="repository not found")
    progress = {"done": 45, "total": 100, "unit": "%"}
    return story.task("nodes", "n3", "running", progress=progress, rate=1258291, size_bytes=12582912, eta_s=135)


def finished(total: int = 10) -> Story:
    """All of it done, one node failed."""
    story = installing(total)
    for number in range(3, total + 1):
        story.task("nodes", f"n{number}", "succeeded")
    story.task("nodes", "verify", "succeeded")
    note = f"Installed {total - 1}/{total} custom nodes (1 failed) · all dependencies verified"
    story.add("step_finished", step="nodes", state="succeeded", note=note)
    return story.add("job_finished", state="succeeded", reason="").state("succeeded")


def blocked() -> Story:
    """The host key is unknown."""
    block = {
        "kind": "host_key_unknown",
        "name": "my-box",
        "host": "1.2.3.4",
        "port": 22,
        "algorithm": "ssh-ed25519",
        "fingerprint": "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    }
    reason = "the host key of my-box is not known yet"
    return Story().announce(*STEPS).state("connecting").state("blocked", reason=reason, kind=block["kind"], block=block)
