"""Follow a run until it ends, while signals steer it: one loop for the live view, plain lines and JSON."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from vastdesk.cli.jsonout import OutputClosed
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.views import RunView
from vastdesk.remote.owned import TaskOwner

Choice = Literal["watch", "detach", "cancel"]
Event = dict[str, Any]

INTERRUPT = signal.SIGINT
_LEAVE = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Follows(Protocol):
    """What is needed of the engine."""

    def follow(self, run_id: str, since: int = 0) -> AsyncIterator[list[Event]]: ...
    async def cancel(self, run_id: str, reason: str = "asked for") -> None: ...


class Presenter(Protocol):
    """Shows a run. `update` raises OutputClosed when nobody reads any more."""

    @property
    def can_ask(self) -> bool: ...
    def shown(self) -> contextlib.AbstractAsyncContextManager[None]: ...
    def update(self, events: Sequence[Event], view: RunView) -> None: ...
    def tell(self, text: str) -> None: ...
    async def ask(self) -> Choice: ...
    def close(self, view: RunView, left: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Followed:
    """How following ended. `left`: the run goes on without us."""

    view: RunView
    left: bool


class Signals:
    """Signals as a queue, while the block lasts."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[signal.Signals] = asyncio.Queue()

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (INTERRUPT, *_LEAVE)
        before = {number: signal.getsignal(number) for number in numbers}
        try:
            for number in numbers:
                try:
                    loop.add_signal_handler(number, self.queue.put_nowait, number)
                except NotImplementedError:  # Windows
                    signal.signal(number, lambda got, _: loop.call_soon_threadsafe(self._put, got))
            yield
        finally:
            for number, handler in before.items():
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _put(self, number: int) -> None:
        self.queue.put_nowait(signal.Signals(number))


class Follower:
    """Follows one run. `until_started`: leave as soon as a job goes on by itself on the instance."""

    def __init__(
        self, engine: Follows, run_id: str, presenter: Presenter, signals: Signals, *, until_started: bool = False
    ) -> None:
        self._engine = engine
        self._run_id = run_id
        self._presenter = presenter
        self._signals = signals
        self._until_started = until_started
        self._reducer = Reducer()
        self._left = asyncio.Event()
        self._cancel_asked = False
        self.output_closed = False

    async def follow(self, since: int = 0) -> Followed:
        """Returns when the run is final or blocked, or when it is left. Events up to `since` are counted, not shown."""
        tasks = TaskOwner("follow")
        try:
            pump = tasks.spawn(self._pump(since), "events")
            steer = tasks.spawn(self._steer(), "signals")
            left = tasks.spawn(self._left.wait(), "leave")
            await asyncio.wait({pump, steer, left}, return_when=asyncio.FIRST_COMPLETED)
            for task in (pump, steer):
                if task.done():
                    task.result()
            return Followed(self._reducer.view(), left=not pump.done())
        finally:
            await tasks.aclose()

    async def _pump(self, since: int) -> None:
        started = False
        async for batch in self._engine.follow(self._run_id):
            for event in batch:
                self._reducer.apply(event)
            fresh = [event for event in batch if event["rseq"] > since]
            view = self._reducer.view()
            self._show(fresh, view)
            started = started or any(on_instance(event) for event in fresh)
            if self._until_started and started and not view.is_final:
                self._left.set()

    def _show(self, events: Sequence[Event], view: RunView) -> None:
        if self.output_closed:
            return
        try:
            self._presenter.update(events, view)
        except OutputClosed:
            # Nobody reads any more (`| head`). Whoever started the run still wants it: stay until it goes on by itself.
            self.output_closed = True
            self._until_started = True

    async def _steer(self) -> None:
        while True:
            number = await self._signals.queue.get()
            choice = await self._choose(number)
            if choice == "detach":
                self._left.set()
                return
            if choice == "cancel":
                await self._cancel()

    async def _choose(self, number: signal.Signals) -> Choice:
        if number != INTERRUPT or self._cancel_asked:
            return "detach"
        if not self._presenter.can_ask:
            return "cancel"
        return await self._answer()

    async def _answer(self) -> Choice:
        """The answer, or `detach` at a second signal."""
        tasks = TaskOwner("question")
        try:
            answer = tasks.spawn(self._presenter.ask(), "answer")
            again = tasks.spawn(self._signals.queue.get(), "second signal")
            await asyncio.wait({answer, again}, return_when=asyncio.FIRST_COMPLETED)
            return "detach" if again.done() else answer.result()
        finally:
            await tasks.aclose()

    async def _cancel(self) -> None:
        self._cancel_asked = True
        try:
            await self._engine.cancel(self._run_id, "Ctrl+C")
        except VastDeskError as error:
            if error.kind != "run_ended":  # it ended while we asked: the events will say how
                raise
            return
        self._presenter.tell("Cancelling; Ctrl+C again leaves it alone.")


def on_instance(event: Event) -> bool:
    """Written by the runner: from here on the work goes on without us."""
    return event.get("job") != "desktop"
