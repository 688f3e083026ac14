"""Stand-ins for what the command line talks to, keeping the contracts of docs/architecture.md."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tests.unit.cli.stories import Story
from vastdesk.cli.following import Choice, Signals
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.views import RunView
from vastdesk.domain.workflow import StepInfo
from vastdesk.store import NewRun, RunRow, Store
from vastdesk.workers.requests import RunRequest

Event = dict[str, Any]


class FakeEngine:
    """Plays stories instead of driving runs. `hold_after` stops after that many events until `cancel` or `release`;
    `facts` are what a probe finds beside its usual answer."""

    def __init__(
        self,
        story: Story,
        store: Store | None = None,
        *,
        hold_after: int | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.story = story
        self.facts = dict(facts or {})
        self._store = store
        self.hold_after = hold_after
        self.held = asyncio.Event()
        """Set when a follower waits for events that do not come."""
        self.cancels: list[str] = []
        self.requests: list[RunRequest] = []
        self.driven: list[str] = []
        self._released = asyncio.Event()

    catalogue: Mapping[str, StepInfo] = {
        "greet": StepInfo("greet", "Greet", "instance", 30, ("word",), lambda given: ({"word": "hello", **given}, ())),
        "part": StepInfo("part", "Part", "instance", 30, (), lambda given: (dict(given), ())),
    }

    @property
    def store(self) -> Store:
        assert self._store is not None
        return self._store

    async def start(self, request: RunRequest) -> RunRow:
        self.requests.append(request)
        return await self.store.create_run(
            NewRun(
                id=request.run_id or self.story.events[0]["run"],
                instance_id=request.instance.id,
                workflow=request.workflow.to_json(),
                queue=request.queue,
            )
        )

    async def drive(self, run_id: str) -> bool:
        self.driven.append(run_id)
        return True

    async def resume(self, run_id: str) -> RunRow:
        return await self.store.find_run(run_id)

    async def retry(self, run_id: str, failed_only: bool = False) -> RunRow:
        return await self.store.find_run(run_id)

    async def cancel(self, run_id: str, reason: str = "asked for") -> None:
        if self.story.view.is_final and self.hold_after is None:
            raise VastDeskError("run_ended", run=run_id, state=self.story.view.state)
        self.cancels.append(reason)
        self.story.events = self.story.events[: self.hold_after]
        self.story.state("cancelling").state("cancelled", reason=reason)
        self.hold_after = None
        self._released.set()

    async def probe(self, instance: Instance) -> dict[str, Any]:
        found = {"gpus": [{"name": "RTX 4090"}], "memory": {"total": 5_000_000_000}, "comfyui": None, "sudo": True}
        return {**found, **self.facts}

    def release(self) -> None:
        self.hold_after = None
        self._released.set()

    async def follow(self, run_id: str, since: int = 0) -> AsyncIterator[list[Event]]:
        for event in self._upto():
            if event["rseq"] > since:
                since = event["rseq"]
                yield [event]
        if self.hold_after is not None:
            self.held.set()
            await self._released.wait()
        for event in self._upto():
            if event["rseq"] > since:
                yield [event]

    def _upto(self) -> Sequence[Event]:
        return list(self.story.events[: self.hold_after])


class FakePresenter:
    """Notes what it was shown; answers the question with `answer`, or not at all."""

    def __init__(self, *, can_ask: bool = False, answer: Choice | None = None) -> None:
        self.can_ask = can_ask
        self.answer = answer
        self.asked = asyncio.Event()
        self.events: list[Event] = []
        self.told: list[str] = []
        self.closed: tuple[str, bool] | None = None

    @contextlib.asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        yield

    def update(self, events: Sequence[Event], view: RunView) -> None:
        self.events += events

    def tell(self, text: str) -> None:
        self.told.append(text)

    async def ask(self) -> Choice:
        self.asked.set()
        if self.answer is None:
            await asyncio.Event().wait()
        assert self.answer is not None
        return self.answer

    def close(self, view: RunView, left: bool) -> None:
        self.closed = (view.state, left)


class FakeSignals(Signals):
    """Signals without signals."""

    def send(self, number: signal.Signals) -> None:
        self.queue.put_nowait(number)
