"""The only door between the window and the engine.

The engine has a thread and an asyncio loop of its own: a transfer there stalls no window. Commands go in as coroutines,
frozen views come out as one signal per 33 ms at most; what ends a run or waits for a person comes at once. Whatever the
engine tells while the window is busy is merged: any rate in, one repaint out.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QThread, Signal, Slot

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.owned import TaskOwner
from vastdesk.workers.engine import Ask, Engine, open_engine
from vastdesk.workers.observer import Changes, Observer, merged

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH_S = 0.033
"""Between two deliveries to the window: about 30 a second, as much as an eye takes."""


class Mailbox:
    """Where the engine's thread leaves changes and the window's thread takes them, merged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Changes | None = None

    def put(self, changes: Changes) -> None:
        with self._lock:
            self._waiting = changes if self._waiting is None else merged(self._waiting, changes)

    def take(self) -> Changes | None:
        with self._lock:
            changes, self._waiting = self._waiting, None
            return changes


class Bridge(QObject):
    """Lives in the window's thread. Signals arrive there."""

    changed = Signal(object)
    """`Changes`."""
    opened = Signal(list)
    """The engine is ready; texts the user should read (a damaged database was replaced)."""
    broken = Signal(object)
    """`VastDeskError` or another exception: the engine could not be opened, or cannot go on watching."""

    _rang = Signal()

    def __init__(self, data_dir: Path, ask: Ask | None = None, parent: QObject | None = None) -> None:
        """`ask` runs in the window's loop."""
        super().__init__(parent)
        self._mailbox = Mailbox()
        self._rang.connect(self._deliver)
        self._ask = ask
        self._home: asyncio.AbstractEventLoop | None = None
        self._thread = _EngineThread(self, data_dir)

    def start(self) -> None:
        """Opens the engine in its thread; `opened` or `broken` follows. Call in the window's loop."""
        self._home = asyncio.get_running_loop()
        self._thread.start()

    async def call(self, command: Callable[[Engine], Awaitable[T]]) -> T:
        """Carries out a command in the engine's thread; its result or what it raised. Cancelling cancels it there."""
        work = self._thread.carry_out(command)
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._thread.loop())
        except RuntimeError as error:  # its loop is closed
            work.close()
            raise VastDeskError("engine_closed") from error
        return await asyncio.wrap_future(future)

    def show(self, run_id: str) -> None:
        """Keep the view of this run coming, though it has ended."""
        self._thread.tell(lambda observer: observer.show(run_id))

    def hide(self, run_id: str) -> None:
        """Nobody looks at it any more."""
        self._thread.tell(lambda observer: observer.hide(run_id))

    async def close(self) -> None:
        """Stops watching and ends the thread. What runs on instances goes on."""
        if not self._thread.isRunning():
            return
        ended = asyncio.Event()
        self._thread.finished.connect(ended.set)
        self._thread.ask_to_end()
        await ended.wait()
        self._thread.wait()

    # -- from the engine's thread ------------------------------------------------------------------------------------

    def put(self, changes: Changes) -> None:
        """New changes; `ring` tells the window."""
        self._mailbox.put(changes)

    def ring(self) -> None:
        """There is something in the mailbox."""
        self._rang.emit()

    async def ask(self, question: str) -> str | None:
        """Asks the user, in the window's loop."""
        home, ask = self._home, self._ask
        if home is None or ask is None:
            return None

        async def there() -> str | None:
            return await ask(question)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), home))

    @Slot()
    def _deliver(self) -> None:
        changes = self._mailbox.take()
        if changes is not None:
            self.changed.emit(changes)


class _EngineThread(QThread):
    """Runs the engine's loop from `start` to `ask_to_end`."""

    def __init__(self, bridge: Bridge, data_dir: Path) -> None:
        super().__init__(bridge)
        self.setObjectName("engine")
        self._bridge = bridge
        self._data_dir = data_dir
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = threading.Event()
        self._end: asyncio.Event | None = None
        self._engine: Engine | None = None
        self._opened: asyncio.Event | None = None
        self._observer: Observer | None = None
        self._last_ring = 0.0
        self._ringing = False

    def loop(self) -> asyncio.AbstractEventLoop:
        """The engine's loop; exists soon after `start`."""
        self._up.wait(5)
        assert self._loop is not None, "the bridge was not started"
        return self._loop

    def run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end, self._opened = asyncio.Event(), asyncio.Event()
        self._up.set()
        try:
            async with open_engine(self._data_dir, ask=self._bridge.ask) as engine:
                self._engine = engine
                self._opened.set()
                self._bridge.opened.emit(list(engine.store.notices))
                await self._serve(engine)
        except Exception as error:
            if not isinstance(error, VastDeskError):
                log.exception("the engine broke off")
            self._bridge.broken.emit(error)
        finally:
            self._opened.set()
            self._engine = None

    async def _serve(self, engine: Engine) -> None:
        assert self._end is not None
        self._observer = Observer(engine, self._on_changes)
        tasks = TaskOwner("bridge")
        observing = tasks.spawn(self._observer.observe(), "observe")
        ending = tasks.spawn(self._end.wait(), "end")
        try:
            for row in await engine.store.open_runs():
                if row.state != "blocked":  # that one waits for a person
                    await engine.drive(row.id)
            await asyncio.wait({observing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if observing.done():
                observing.result()
        finally:
            self._observer = None
            await tasks.aclose()

    async def carry_out(self, command: Callable[[Engine], Awaitable[T]]) -> T:
        assert self._opened is not None
        await self._opened.wait()
        if self._engine is None:
            raise VastDeskError("engine_closed")
        return await command(self._engine)

    def tell(self, what: Callable[[Observer], None]) -> None:
        def there() -> None:
            if self._observer is not None:
                what(self._observer)

        self._soon(there)

    def ask_to_end(self) -> None:
        def there() -> None:
            if self._end is not None:
                self._end.set()

        self._soon(there)

    def _soon(self, what: Callable[[], object]) -> None:
        try:
            self.loop().call_soon_threadsafe(what)
        except RuntimeError:
            log.debug("the engine's loop has ended already")

    def _on_changes(self, changes: Changes) -> None:
        self._bridge.put(changes)
        now = time.monotonic()
        if changes.urgent or now - self._last_ring >= BATCH_S:
            self._ring()
        elif not self._ringing:
            self._ringing = True
            asyncio.get_running_loop().call_later(BATCH_S - (now - self._last_ring), self._ring)

    def _ring(self) -> None:
        self._ringing = False
        self._last_ring = time.monotonic()
        self._bridge.ring()
