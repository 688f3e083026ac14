"""What the window is for, with a person's own hands: try it, kill it in the middle, start it again, see it finish."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desktop.robot import Window, environment, told, wait_for, xdotool

Start = Callable[[], Window]


def state(folder: Path) -> str:
    runs = told(folder, "runs")
    return str(runs[0]["state"]) if runs else ""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Starts windows on one data folder; none of them outlives the test."""
    windows: list[Window] = []

    def start() -> Window:
        windows.append(Window(tmp_path / "data"))
        return windows[-1]

    yield start
    for window in windows:
        if window.process.poll() is None:
            window.kill()


def test_a_run_survives_the_window(started: Start) -> None:
    window = started()
    folder = window.folder
    wait_for(lambda: xdotool("getactivewindow") == window.id, "an active window")

    def has_begun() -> bool:
        if not told(folder, "instances"):
            window.key("alt+t")  # Try it on this computer; a second press while it begins does nothing
        return state(folder) not in ("", "queued")

    wait_for(has_begun, "the practice run", 120)
    window.kill()
    assert state(folder) not in ("succeeded", "failed"), "killed in the middle"

    again = started()
    assert again.id
    wait_for(lambda: state(folder) == "succeeded", "its end", 150)
    assert len(told(folder, "runs")) == 1
    again.key("ctrl+q")
    assert again.process.wait(40) == 0


def test_a_second_start_raises_the_first_window(started: Start) -> None:
    window = started()
    first = window.id
    xdotool("windowminimize", "--sync", first)
    wait_for(lambda: xdotool("getactivewindow") != first, "the window gone")
    second = [sys.executable, "-m", "vastdesk", "--data-dir", str(window.folder)]
    done = subprocess.run(second, env=environment(), timeout=60, check=False)
    assert done.returncode == 0
    wait_for(lambda: xdotool("getactivewindow") == first, "the first window raised")
    assert window.end() == 0


def test_after_a_kill_the_next_start_is_the_first(started: Start) -> None:
    dead = started()
    assert dead.id
    dead.kill()
    heir = started()
    assert heir.id
    assert heir.end() == 0


def test_a_signal_ends_it_in_order_at_any_moment(started: Start) -> None:
    early = started()
    assert early.id  # painted, and hardly more
    assert early.end() == 0, early.output()
