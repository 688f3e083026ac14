"""Bugs are told once, without secrets, wherever they happen."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QMessageLogContext, QtMsgType
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import until
from vastdesk.domain.redaction import Redactor
from vastdesk.ui.shell.crash import CrashHooks, _on_qt_message
from vastdesk.ui.shell.crashdialog import CrashDialog

SECRET = "hunter2-hunter2"


def broken(text: str = "boom") -> ZeroDivisionError:
    try:
        raise ZeroDivisionError(text)
    except ZeroDivisionError as error:
        return error


async def test_each_different_one_is_told_once_and_redacted(qapp: QApplication) -> None:
    hooks = CrashHooks(Redactor([SECRET]).redact)
    told: list[str] = []
    hooks.crashed.connect(told.append)
    for number in range(5):
        hooks.report(broken(f"{SECRET} {number}"))
    await until(lambda: told)
    assert len(told) == 1
    assert "ZeroDivisionError" in told[0] and SECRET not in told[0]


async def test_threads_loops_slots_and_plain_code_come_there(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    hooks = CrashHooks(str)
    told: list[str] = []
    hooks.crashed.connect(told.append)
    hooks.install()
    loop = asyncio.get_running_loop()
    hooks.watch(loop)

    def in_thread() -> None:
        raise KeyError("in a thread")

    def in_loop() -> None:
        raise IndexError("in the loop")

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    loop.call_soon(in_loop)
    sys.excepthook(ZeroDivisionError, broken(), None)
    await until(lambda: len(told) == 3)
    assert {text.rpartition("\n")[2].partition(":")[0] for text in told} == {
        "KeyError",
        "IndexError",
        "ZeroDivisionError",
    }
    hooks.uninstall()
    loop.set_exception_handler(None)


def test_what_qt_says_goes_into_the_log(qapp: QApplication, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="qt"):
        _on_qt_message(QtMsgType.QtWarningMsg, QMessageLogContext(), "something odd")
        _on_qt_message(QtMsgType.QtWarningMsg, QMessageLogContext(), "This plugin does not support raise()")
    assert [(record.levelname, "odd" in record.message) for record in caplog.records] == [
        ("WARNING", True),
        ("DEBUG", False),
    ]


def test_the_dialog_collects_and_copies(qtbot: QtBot, theme: object, tmp_path: Path) -> None:
    dialog = CrashDialog("VastDesk 1", tmp_path)
    qtbot.addWidget(dialog)
    dialog.add("first <b>report</b>")
    dialog.add("second")
    copy = next(button for button in dialog.findChildren(QPushButton) if "Copy" in button.text())
    copy.click()
    assert QApplication.clipboard().text() == "VastDesk 1\n\nfirst <b>report</b>\n\nsecond"
    dialog.close()
    dialog.add("third")
    assert "first" not in dialog.details
    dialog.close()
