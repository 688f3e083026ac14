"""Bugs: whatever nobody caught comes here, from Python, asyncio, other threads and Qt, is logged, and told once."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler

log = logging.getLogger("vastdesk.crash")
qt_log = logging.getLogger("qt")

MAX_KNOWN = 200
"""After so many different ones, nobody reads any more."""

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}

_KNOWN_QT_WARNINGS = (
    "This plugin does not support propagateSizeHints",  # offscreen and minimal platforms say it of every dialog
    "This plugin does not support raise",
)


class CrashHooks(QObject):
    """`install()` once; `crashed(details)` comes in the window's thread, once for each different traceback.

    `redact` takes secrets out before anything leaves this object.
    """

    crashed = Signal(str)
    _happened = Signal(str)

    def __init__(self, redact: Callable[[str], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._redact = redact
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._before: tuple[Any, Any, Any] | None = None
        # Queued: a crash inside a paint event must not open a dialog there.
        self._happened.connect(self.crashed, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """From now on everything comes here."""
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        qInstallMessageHandler(_on_qt_message)

    def uninstall(self) -> None:
        """As it was."""
        if self._before is not None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._before
            self._before = None
            qInstallMessageHandler(None)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """What breaks in the loop comes here too."""
        loop.set_exception_handler(self._on_loop_exception)

    def report(self, error: BaseException, where: str = "") -> None:
        """A bug: logged, and told if it is a new one."""
        text = "".join(traceback.format_exception(error))
        log.error("%s\n%s", where or "uncaught", text)
        key = hashlib.sha256(_shape(error).encode()).hexdigest()
        with self._lock:
            if key in self._known or len(self._known) >= MAX_KNOWN:
                return
            self._known.add(key)
        details = self._redact(f"{where}\n{text}".strip())
        try:
            self._happened.emit(details)
        except RuntimeError:
            pass  # the window has gone already; it is in the log

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.report(error)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self.report(args.exc_value, f"in thread {args.thread.name if args.thread else '?'}")

    def _on_unraisable(self, args: Any) -> None:
        if args.exc_value is not None:
            self.report(args.exc_value, f"{args.err_msg or 'ignored'}: {args.object!r}"[:500])

    def _on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.report(error, str(context.get("message", "")))
        else:
            log.error("event loop: %s", context.get("message"))


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = logging.DEBUG if message.startswith(_KNOWN_QT_WARNINGS) else _LEVELS.get(kind, logging.WARNING)
    qt_log.log(level, "%s: %s", context.category or "qt", message)


def _shape(error: BaseException) -> str:
    """The same place in the code is the same crash, whatever the values were."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join([type(error).__qualname__, *(f"{frame.filename}:{frame.lineno}" for frame in frames)])
