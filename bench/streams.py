"""Event streams like those of a real set-up, of any length, made without an instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NODES = 34


def written_s(event: Mapping[str, Any]) -> float | None:
    """When a tick (bench/shipped/bench_ticks.py) was written, in this computer's monotonic seconds; None of others."""
    words = str(event.get("note", "")).split() if event.get("type") == "task" else []
    return float(words[2]) if words[:1] == ["tick"] else None


def job_events(count: int) -> Iterator[dict[str, Any]]:
    """`count` events of one job: a plan of 34 nodes, clones with progress, the output of the installation, the end.

    Three of four are progress, the rest log lines, as measured on a set-up with packages.
    """
    ids = [f"node{number}" for number in range(NODES)]
    head: list[dict[str, Any]] = [
        {"type": "job_started", "steps": ["nodes"], "runner": "0" * 64, "boot_id": "bench"},
        {"type": "step_started", "step": "nodes", "limit_s": 1800},
        {
            "type": "plan",
            "step": "nodes",
            "tasks": [{"id": id, "label": f"ComfyUI-{id}", "kind": "node"} for id in ids],
        },
    ]
    tail: list[dict[str, Any]] = [
        {"type": "task", "step": "nodes", "id": id, "state": "succeeded", "note": "3f2a91c"} for id in ids
    ]
    tail += [
        {
            "type": "step_finished",
            "step": "nodes",
            "state": "succeeded",
            "note": "Successfully installed 34/34 custom nodes",
        },
        {"type": "job_finished", "state": "succeeded", "reason": ""},
    ]
    middle = max(0, count - len(head) - len(tail))
    for number, event in enumerate([*head, *_work(ids, middle), *tail][:count], 1):
        yield {"seq": number, "ts": 1_760_000_000 + number / 20, "mono": number / 20, **event}


def _work(ids: list[str], count: int) -> Iterator[dict[str, Any]]:
    each = max(1, count // len(ids))
    for number in range(count):
        id = ids[min(number // each, len(ids) - 1)]
        percent = 100 * (number % each) / each
        if number % 4 == 3:
            text = f"Downloading a-package-{number}-py3-none-any.whl (1.2 MB)"
            yield {"type": "log", "step": "nodes", "task": id, "text": text}
        else:
            progress = {"done": round(percent, 1), "total": 100, "unit": "%"}
            rate = 1_258_291 + number % 1000
            yield {"type": "task", "step": "nodes", "id": id, "state": "running", "progress": progress, "rate": rate,
                   "size_bytes": 12_000 * (number % each), "eta_s": 12.5}  # fmt: skip
