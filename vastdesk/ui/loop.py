"""One event loop for Qt and asyncio: qasync's, with timers of our own. The only file that imports qasync.

Stock qasync gives every callback a QTimer, which a cancelled `asyncio.timeout(3600)` keeps for an hour, overflows after
24.8 days, and wedges when a modal dialog runs inside a task (docs/facts.md#qasync-timers). Here are one QTimer, a queue
of what is ready and a heap of what is due.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication  # before qasync, which takes the binding that is there

import qasync  # type: ignore[import-untyped]  # isort: skip

SLICE_S = 0.008
"""How long callbacks may run until Qt has its turn: half a frame."""
MAX_MS = 2**31 - 1
"""QTimer's limit; a later callback waits in several parts."""
FEW_CANCELLED = 100


class WindowLoop(qasync.QEventLoop):  # type: ignore[misc]
    """`asyncio.Runner(loop_factory=lambda: WindowLoop(app))`."""

    def __init__(self, app: QApplication) -> None:
        self._soon: deque[asyncio.Handle] = deque()
        self._later: list[asyncio.TimerHandle] = []
        self._cancelled_count = 0
        self._is_stepping = False
        self._pulse = QTimer()
        self._pulse.setSingleShot(True)
        self._pulse.setTimerType(Qt.TimerType.PreciseTimer)
        self._pulse.timeout.connect(self._step)
        super().__init__(app)
        # Else qasync makes ten QThreads for the first `to_thread`.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="asyncio_window")
        self.set_default_executor(self._threads)

    def run_forever(self) -> None:
        self._arm()
        super().run_forever()

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append(handle)
        if len(self._soon) == 1:
            self._arm()
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + max(0.0, delay), callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._later, timer)
        if self._later[0] is timer:
            self._arm()
        return timer

    def close(self) -> None:
        if self.is_closed():
            return
        self._pulse.stop()
        super().close()
        self._soon.clear()
        self._later.clear()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio tells it. Many cancelled timeouts must not pile up until they are due."""
        self._cancelled_count += 1
        if self._cancelled_count > FEW_CANCELLED and self._cancelled_count * 2 > len(self._later):
            self._later = [timer for timer in self._later if not timer.cancelled()]
            heapq.heapify(self._later)
            self._cancelled_count = 0

    def _arm(self) -> None:
        if self._is_stepping:
            return  # at its end
        if self._soon:
            self._pulse.start(0)
        elif self._later:
            wait_ms = math.ceil((self._later[0].when() - self.time()) * 1000)
            self._pulse.start(min(max(0, wait_ms), MAX_MS))

    def _step(self) -> None:
        """A nested Qt loop (a native menu, a modal dialog) inside a task comes here too: other tasks pause then, for
        asyncio cannot run one inside another."""
        if self._is_stepping or not self.is_running():
            return
        self._is_stepping = True
        try:
            self._take_due()
            end = time.monotonic() + SLICE_S
            for _ in range(len(self._soon)):
                handle = self._soon.popleft()
                if not handle.cancelled():
                    handle._run()
                if time.monotonic() >= end:
                    break
        finally:
            self._is_stepping = False
            self._arm()

    def _take_due(self) -> None:
        now = self.time()
        while self._later and self._later[0].when() <= now:
            timer = heapq.heappop(self._later)
            if timer.cancelled():
                self._cancelled_count = max(0, self._cancelled_count - 1)
            else:
                self._soon.append(timer)
