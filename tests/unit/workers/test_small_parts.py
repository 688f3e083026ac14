"""Exit codes, waits and bells."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from vastdesk.domain.views import RunView
from vastdesk.workers.backoff import backoff
from vastdesk.workers.bells import Bells
from vastdesk.workers.outcome import exit_code


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (RunView(state="succeeded"), 0),
        (RunView(state="failed"), 1),
        (RunView(state="failed", kind="step_timeout"), 1),
        (RunView(state="failed", kind="bad_node_list"), 1),
        (RunView(state="failed", kind="connect_refused"), 4),
        (RunView(state="failed", kind="auth_refused"), 4),
        (RunView(state="failed", kind="of a newer version"), 1),
        (RunView(state="blocked", kind="host_key_unknown"), 3),
        (RunView(state="lost"), 5),
        (RunView(state="interrupted"), 5),
        (RunView(state="cancelled"), 130),
    ],
)
def test_the_exit_code_says_what_happened(view: RunView, code: int) -> None:
    assert exit_code(view) == code


def test_waits_double_up_to_the_bound_and_are_never_the_same_for_all() -> None:
    waits = list(islice(backoff(1.0, 8.0), 6))
    for wait, top in zip(waits, [1, 2, 4, 8, 8, 8], strict=True):
        assert top / 2 <= wait <= top
    assert list(islice(backoff(1.0, 8.0), 6)) != waits


async def test_a_ring_between_the_look_and_the_wait_is_not_missed() -> None:
    bells = Bells()
    with bells.of("r") as bell:
        assert "r" in bells
        seen = bell.count
        bells.ring("r")
        await asyncio.wait_for(bell.wait(seen, 60), 1)
    assert "r" not in bells


async def test_without_a_ring_the_wait_ends_by_itself() -> None:
    bell = Bells().of("r")
    await asyncio.wait_for(bell.wait(bell.count, 0.01), 1)
