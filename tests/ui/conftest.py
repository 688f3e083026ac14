"""What every test of the window stands on: Qt without a screen, one loop for Qt and asyncio."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop
from collections.abc import Callable

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Asynchronous tests of the window run on the loop that the window uses."""

    def qt_loop() -> AbstractEventLoop:
        import qasync
        from PySide6.QtWidgets import QApplication

        app = QApplication.instance() or QApplication([])
        app.setQuitOnLastWindowClosed(False)
        return qasync.QEventLoop(app)

    return {"qasync": qt_loop}
