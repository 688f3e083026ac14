"""A real desktop: `packaging/dev/desktop-session.sh python -m pytest tests/desktop`. Skipped anywhere else."""

from __future__ import annotations

import os
import shutil
from asyncio import AbstractEventLoop
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEEDED = ("xdotool", "dunst", "trayer", "openbox", "dbus-run-session")


def missing() -> str:
    """Why these tests cannot run here; empty where they can."""
    if not os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        return "no desktop session (packaging/dev/desktop-session.sh makes one)"
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    return f"without {', '.join(lacking)}" if lacking else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(180))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Asynchronous tests run on the window's own loop."""

    def window_loop() -> AbstractEventLoop:
        from PySide6.QtWidgets import QApplication

        from vastdesk.ui.loop import WindowLoop

        app = QApplication.instance() or QApplication([])
        assert isinstance(app, QApplication)
        app.setQuitOnLastWindowClosed(False)
        return WindowLoop(app)

    return {"window": window_loop}
