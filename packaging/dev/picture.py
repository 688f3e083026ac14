"""Draws docs/screenshots/demo.svg: a real demo run at its liveliest moment, as a terminal shows it (`make picture`)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from vastdesk.cli.picture import Frame, picture
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.views import RunView

TARGET = Path(__file__).resolve().parents[2] / "docs" / "screenshots" / "demo.svg"
WIDTH = 104


def run_demo(folder: str) -> list[dict[str, Any]]:
    """The events of one demo."""
    command = [sys.executable, "-m", "vastdesk", "--data-dir", folder, "demo", "--headless", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    text = done.stdout.replace(folder, "~/VastDesk")  # not the name of a temporary folder
    return [json.loads(line) for line in text.splitlines() if '"rseq"' in line]


def liveliness(view: RunView) -> tuple[int, int, int]:
    """More to see is better: rows with a bar, nodes that are being worked on, then as late as possible."""
    running = [task for step in view.steps if step.state == "running" for task in step.tasks if task.state == "running"]
    nodes = [task for task in running if task.kind == "node"]
    failed = any(task.state == "failed" for step in view.steps for task in step.tasks)
    return (sum(task.percent is not None for task in nodes) + failed, len(nodes), view.last_rseq)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vastdesk-picture-") as folder:
        events = run_demo(folder)
    reducer, views = Reducer(), []
    for event in events:
        reducer.apply(event)
        views.append(reducer.view())
    best = max(views, key=liveliness)
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in picture(best, Frame(width=WIDTH, now_ts=best.last_ts)):
        console.print(line)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(TARGET), title="vastdesk demo")
    Console(stderr=True).print(f"drawn {TARGET} from event {best.last_rseq} of {len(events)}")


if __name__ == "__main__":
    main()
