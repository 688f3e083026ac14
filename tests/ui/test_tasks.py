"""Tasks of a view end with it; what breaks in them is told."""

from __future__ import annotations

import asyncio
import sys

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from tests.ui.fakes import until
from vastdesk.domain.errors import VastDeskError
from vastdesk.ui.tasks import ViewTasks


async def endless() -> None:
    await asyncio.Event().wait()


async def broken(error: Exception) -> None:
    raise error


async def test_they_end_with_the_view(qapp: QApplication) -> None:
    view = QObject()
    task = ViewTasks(view).spawn(endless(), "wait")
    shiboken6.delete(view)
    await until(task.done)
    assert task.cancelled()


async def test_a_failure_with_a_name_is_told_to_the_view(qapp: QApplication) -> None:
    view = QObject()
    tasks = ViewTasks(view)
    told: list[object] = []
    tasks.failed.connect(told.append)
    error = VastDeskError("engine_closed")
    tasks.spawn(broken(error), "break")
    await until(lambda: told)
    assert told == [error]
    assert not tasks.is_running("break")


async def test_a_bug_reaches_the_crash_hook(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: seen.append(kind))
    view = QObject()
    ViewTasks(view).spawn(broken(ZeroDivisionError()), "break")
    await until(lambda: seen)
    assert seen == [ZeroDivisionError]


async def test_a_restart_replaces_what_was_on(qapp: QApplication) -> None:
    view = QObject()
    tasks = ViewTasks(view)
    first = tasks.restart(endless(), "search")
    second = tasks.restart(endless(), "search")
    await until(first.done)
    assert first.cancelled() and not second.done() and tasks.is_running("search")
    tasks.cancel_all()
    await until(second.done)
    assert not tasks.is_running("search")
