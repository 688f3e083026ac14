"""Following a run while signals steer it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from tests.unit.cli import stories
from tests.unit.cli.fakes import FakeEngine, FakePresenter, FakeSignals
from vastdesk.cli.following import Event, Followed, Follower, Signals
from vastdesk.cli.jsonout import OutputClosed
from vastdesk.domain.views import RunView

JOB_BEGINS = 9
"""Events of a story before its job is on the instance."""


async def test_follows_to_the_end_and_shows_each_event_once() -> None:
    engine, presenter = FakeEngine(stories.finished()), FakePresenter()
    followed = await Follower(engine, stories.RUN, presenter, FakeSignals()).follow()
    assert (followed.view.state, followed.left) == ("succeeded", False)
    assert presenter.events == engine.story.events


async def test_since_counts_earlier_events_without_showing_them() -> None:
    engine, presenter = FakeEngine(stories.finished()), FakePresenter()
    followed = await Follower(engine, stories.RUN, presenter, FakeSignals()).follow(since=20)
    assert [event["rseq"] for event in presenter.events][0] == 21
    assert len(followed.view.steps) == 3


async def _steered(
    presenter: FakePresenter, *numbers: signal.Signals, engine: FakeEngine | None = None
) -> tuple[Followed, FakeEngine]:
    """Follow a run that stands still and send signals, each when the one before has had its effect."""
    engine = engine or FakeEngine(stories.installing(), hold_after=20)
    signals = FakeSignals()
    follower = Follower(engine, stories.RUN, presenter, signals)

    async def send() -> None:
        await engine.held.wait()
        for number in numbers:
            signals.send(number)
            if presenter.can_ask:
                await presenter.asked.wait()

    followed, _ = await asyncio.gather(follower.follow(), send())
    return followed, engine


async def test_without_a_terminal_sigint_cancels() -> None:
    presenter = FakePresenter()
    followed, engine = await _steered(presenter, signal.SIGINT)
    assert (followed.view.state, followed.left, engine.cancels) == ("cancelled", False, ["Ctrl+C"])
    assert presenter.told == ["Cancelling; Ctrl+C again leaves it alone."]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
async def test_sigterm_and_a_closed_terminal_detach(name: str) -> None:
    followed, engine = await _steered(FakePresenter(can_ask=False), getattr(signal, name))
    assert followed.left and engine.cancels == []


@pytest.mark.parametrize("answer, left, cancels", [("detach", True, []), ("cancel", False, ["Ctrl+C"])])
async def test_on_a_terminal_ctrl_c_asks(answer: Any, left: bool, cancels: list[str]) -> None:
    followed, engine = await _steered(FakePresenter(can_ask=True, answer=answer), signal.SIGINT)
    assert (followed.left, engine.cancels) == (left, cancels)


async def test_while_the_question_is_open_the_run_goes_on_to_its_end() -> None:
    engine, presenter = FakeEngine(stories.finished(), hold_after=20), FakePresenter(can_ask=True)

    async def release() -> None:
        await presenter.asked.wait()
        engine.release()

    (followed, _), _ = await asyncio.gather(_steered(presenter, signal.SIGINT, engine=engine), release())
    assert (followed.view.state, followed.left, engine.cancels) == ("succeeded", False, [])


async def test_going_on_watching_is_an_answer_too() -> None:
    engine, presenter = FakeEngine(stories.finished(), hold_after=20), FakePresenter(can_ask=True, answer="watch")

    async def release() -> None:
        await presenter.asked.wait()
        engine.release()

    (followed, _), _ = await asyncio.gather(_steered(presenter, signal.SIGINT, engine=engine), release())
    assert (followed.view.state, engine.cancels) == ("succeeded", [])


async def test_a_second_ctrl_c_detaches() -> None:
    followed, engine = await _steered(FakePresenter(can_ask=True), signal.SIGINT, signal.SIGINT)
    assert followed.left and engine.cancels == []


async def test_ctrl_c_after_a_cancel_that_does_not_get_through_detaches() -> None:
    class Unreachable(FakeEngine):
        async def cancel(self, run_id: str, reason: str = "asked for") -> None:
            self.cancels.append(reason)

    engine = Unreachable(stories.installing(), hold_after=20)
    followed, _ = await _steered(FakePresenter(), signal.SIGINT, signal.SIGINT, engine=engine)
    assert followed.left and engine.cancels == ["Ctrl+C"]


async def test_a_cancel_that_comes_too_late_is_no_failure() -> None:
    engine, presenter = FakeEngine(stories.finished()), FakePresenter()
    signals = FakeSignals()
    signals.send(signal.SIGINT)
    followed = await Follower(engine, stories.RUN, presenter, signals).follow()
    assert followed.view.state == "succeeded"


async def test_detached_start_leaves_when_a_job_is_on_the_instance_and_not_before() -> None:
    engine = FakeEngine(stories.installing(), hold_after=JOB_BEGINS + 1)
    follower = Follower(engine, stories.RUN, FakePresenter(), FakeSignals(), until_started=True)
    followed = await follower.follow()
    assert followed.left and followed.view.jobs[-1].id == stories.JOB


async def test_detached_start_of_a_blocked_run_ends_with_it() -> None:
    follower = Follower(FakeEngine(stories.blocked()), stories.RUN, FakePresenter(), FakeSignals(), until_started=True)
    followed = await follower.follow()
    assert (followed.view.state, followed.left) == ("blocked", False)


class ClosedOutput(FakePresenter):
    def update(self, events: Sequence[Event], view: RunView) -> None:
        super().update(events, view)
        raise OutputClosed


async def test_when_nobody_reads_any_more_it_stays_until_the_work_goes_on_by_itself() -> None:
    engine, presenter = FakeEngine(stories.installing(), hold_after=JOB_BEGINS + 1), ClosedOutput()
    follower = Follower(engine, stories.RUN, presenter, FakeSignals())
    followed = await follower.follow()
    assert followed.left and follower.output_closed
    assert len(presenter.events) == 1, "nothing is written after the first failure"
    assert followed.view.jobs[-1].id == stories.JOB


async def test_a_failure_of_the_engine_is_passed_on() -> None:
    class Broken(FakeEngine):
        async def follow(self, run_id: str, since: int = 0) -> Any:
            raise ValueError("broken")
            yield []

    with pytest.raises(ValueError, match="broken"):
        await Follower(Broken(stories.finished()), stories.RUN, FakePresenter(), FakeSignals()).follow()


async def test_real_signals_arrive_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signals = Signals()
    with signals.caught():
        os.kill(os.getpid(), signal.SIGTERM)
        assert await _soon(signals.queue.get()) == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


async def _soon(work: Coroutine[Any, Any, signal.Signals]) -> signal.Signals:
    async with asyncio.timeout(5):
        return await work
