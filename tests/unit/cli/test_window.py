"""The window as the command line meets it: where it can be opened, and what is said where not."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vastdesk.cli import window
from vastdesk.cli.window import why_no_display


def test_without_a_display_it_says_so_and_what_else_there_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vastdesk", "--data-dir", str(tmp_path)],
        env={"PATH": "/usr/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there is always a display")
    assert done.returncode == 2
    assert "no display" in done.stderr and "vastdesk demo" in done.stderr


@pytest.mark.parametrize(
    "environ",
    [{}, {"DISPLAY": ""}, {"DISPLAY": "nonsense"}, {"DISPLAY": ":913742"}, {"DISPLAY": "unix:913742.0"}],
)
def test_where_there_is_none(environ: dict[str, str]) -> None:
    assert why_no_display(environ, "linux")


@pytest.mark.parametrize(
    ("environ", "platform"),
    [
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux"),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux"),
        ({}, "win32"),
        ({}, "darwin"),
    ],
)
def test_where_there_is_one(environ: dict[str, str], platform: str) -> None:
    assert why_no_display(environ, platform) is None


def test_a_display_elsewhere_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert why_no_display({"DISPLAY": f"127.0.0.1:{port - 6000}"}, "linux") is None
    monkeypatch.setattr(window, "X_PATIENCE_S", 0.2)
    assert why_no_display({"DISPLAY": f"127.0.0.1:{port - 6000}"}, "linux")
