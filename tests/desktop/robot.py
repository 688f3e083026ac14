"""A person at the keyboard, and what they see; and what the command line says of the same data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def xdotool(*words: str) -> str:
    """Its output; empty when it found nothing."""
    done = subprocess.run(["xdotool", *words], capture_output=True, text=True, check=False, timeout=20)
    return done.stdout.strip()


def wait_for(look: Callable[[], T], what: str, limit_s: float = 60) -> T:
    """The first true answer."""
    end = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < end, f"never saw {what}"
        time.sleep(0.1)
    return found


class Window:
    """VastDesk as a process of its own, as a person starts it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._output = folder.with_suffix(".said")
        with self._output.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vastdesk", "--data-dir", str(folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment(),
            )

    @property
    def id(self) -> str:
        """Of its main window on the screen."""
        return wait_for(self._find, "the window")

    def _find(self) -> str:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.output()}"
        found = xdotool("search", "--onlyvisible", "--pid", str(self.process.pid), "--name", "^VastDesk$")
        return found.split("\n")[0]

    def key(self, *keys: str) -> None:
        xdotool("windowactivate", "--sync", self.id, "key", "--clearmodifiers", *keys)

    def kill(self) -> None:
        """As the power does."""
        self.process.kill()
        self.process.wait(20)

    def end(self) -> int:
        """As the session does at logout."""
        self.process.terminate()
        return self.process.wait(40)

    def output(self) -> str:
        """What it wrote on the terminal."""
        return self._output.read_text("utf-8", "replace")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONFAULTHANDLER": "1"}


def told(folder: Path, *command: str) -> list[dict[str, Any]]:
    """What the command line says, which only reads what the window stored."""
    done = subprocess.run(
        [sys.executable, "-m", "vastdesk", "--data-dir", str(folder), *command, "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
