"""The tray and the notification service of a real desktop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from tests.desktop.robot import xdotool
from vastdesk.app import DesktopApp, Options
from vastdesk.ui.shell.crash import CrashHooks
from vastdesk.ui.shell.notices import DesktopNotifier, Notice
from vastdesk.ui.shell.single import SingleInstance
from vastdesk.workers.tasks import TaskOwner


async def until(what: Callable[[], Any], limit_s: float = 20) -> None:
    end = asyncio.get_running_loop().time() + limit_s
    while not what():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.02)


@pytest.fixture
async def desktop(qapp: QApplication, tmp_path: Path) -> AsyncIterator[DesktopApp]:
    """The whole app, in this process."""
    hooks = CrashHooks(str)
    app = DesktopApp(qapp, Options(tmp_path), SingleInstance(tmp_path), hooks)
    tasks = TaskOwner("test")
    running = tasks.spawn(app.run(), "app")
    await until(lambda: app.tray is not None)
    yield app
    app.quit_now()
    await running
    await tasks.aclose()
    app.window.deleteLater()
    app.deleteLater()


async def test_a_closed_window_waits_in_the_tray(desktop: DesktopApp) -> None:
    assert desktop.tray is not None
    await until(lambda: desktop.tray is not None and desktop.tray.is_there)
    desktop.window.close()
    await until(lambda: not desktop.window.isVisible())
    desktop.tray.open_requested.emit()
    await until(desktop.window.isVisible)


async def test_a_closed_window_quits_where_that_was_chosen(desktop: DesktopApp) -> None:
    assert desktop.bridge is not None
    await desktop.bridge.call(lambda engine: engine.store.set_setting("close_to_tray", "no"))
    desktop.window.close()
    desktop.window.close()
    await until(lambda: desktop.has_ended)


async def test_a_click_on_a_notification_opens_the_run(qapp: QApplication) -> None:
    clicked: list[str] = []
    notifier = DesktopNotifier()
    notice = Notice("run-7", "failed", "box-1: failed", "Workflow failed at Install custom nodes")
    assert await notifier.show(notice, clicked.append)

    def click() -> bool:
        for window in xdotool("search", "--class", "Dunst").split():
            xdotool("mousemove", "--window", window, "40", "20", "click", "1")
        return bool(clicked)

    await until(click)
    assert clicked == ["run-7"]
    await notifier.close()
