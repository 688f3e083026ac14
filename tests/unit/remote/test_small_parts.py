"""Quoting, owners of tasks, rungs, waking up, and which failures pass."""

from __future__ import annotations

import asyncio
import logging
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.errors import KINDS, VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey
from vastdesk.remote import connection
from vastdesk.remote.known import algorithms_for, is_pinned, refusal
from vastdesk.remote.owned import TaskOwner
from vastdesk.remote.quoting import remote_command
from vastdesk.remote.rungs import Ladder, Rung
from vastdesk.remote.wake import wake_ups


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_a_shell_gets_exactly_these_words(words: list[str]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", remote_command(["printf", "%s\\0", *words])], capture_output=True, check=True
    )
    assert done.stdout.decode().split("\0")[:-1] == words


def test_no_argument_holds_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        remote_command(["a\0b"])


def key(algorithm: str, data: str) -> HostKey:
    return HostKey(algorithm, f"{algorithm} {data}", f"SHA256:{data}")


def test_the_kind_of_the_pin_is_asked_for_first_and_the_others_after() -> None:
    assert algorithms_for(None)[0] == "ssh-ed25519"
    rsa = algorithms_for(key("ssh-rsa", "AAAA"))
    assert rsa[:2] == ["rsa-sha2-512", "rsa-sha2-256"]
    assert set(rsa) == set(algorithms_for(None))


def test_a_pin_is_compared_byte_for_byte() -> None:
    pin = HostKey("ssh-ed25519", "ssh-ed25519 AAAA comment", "SHA256:x")
    assert is_pinned(pin, key("ssh-ed25519", "AAAA"))
    assert not is_pinned(pin, key("ssh-ed25519", "AAAB"))
    assert not is_pinned(None, key("ssh-ed25519", "AAAA"))


def test_the_trust_command_can_be_pasted_whatever_the_name() -> None:
    error = refusal("my box; rm -rf ~", Endpoint("h", 22, "root"), key("ssh-ed25519", "AAAA"), None)
    assert error.facts["trust"] == "vastdesk instances trust 'my box; rm -rf ~' SHA256:AAAA"


def test_every_passing_failure_exists() -> None:
    assert set(KINDS) >= connection._PASSING | connection._USER_DECIDES


async def test_an_owner_ends_its_tasks_and_takes_no_more() -> None:
    owner = TaskOwner("test")
    task = owner.spawn(asyncio.sleep(60), "sleeper")
    await owner.aclose()
    assert task.cancelled()
    with pytest.raises(RuntimeError, match="test is closed"):
        owner.spawn(asyncio.sleep(0), "late")


async def test_an_owner_can_be_closed_from_one_of_its_tasks() -> None:
    owner = TaskOwner("test")
    sleeper = owner.spawn(asyncio.sleep(60), "sleeper")
    await owner.spawn(owner.aclose(), "closer")
    assert sleeper.cancelled()


async def test_what_breaks_in_a_task_is_logged_even_if_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise KeyError("here")

    async def refused() -> None:
        raise VastDeskError("connection_lost", host="h", detail="d")

    owner = TaskOwner("test")
    with caplog.at_level(logging.INFO):
        await asyncio.wait([owner.spawn(broken(), "broken"), owner.spawn(refused(), "refused")])
        await owner.aclose()
    assert [record.getMessage() for record in caplog.records] == ["test: broken broke off"]
    assert caplog.records[0].exc_info is not None


async def test_cancelling_one_task() -> None:
    owner = TaskOwner("test")
    task = owner.spawn(asyncio.sleep(60), "sleeper")
    await owner.cancel(task)
    assert task.cancelled()
    await owner.aclose()


async def test_a_rung_ends_as_its_body_does() -> None:
    rungs: list[Rung] = []

    async def on_rung(rung: Rung) -> None:
        rungs.append(rung)

    ladder = Ladder(on_rung)
    async with ladder.beside("jump ").rung("tcp", "h port 22") as note:
        note.text = "done"
    with pytest.raises(VastDeskError):
        async with ladder.rung("login"):
            raise VastDeskError("connect_refused", host="h", port=22)
    said = [(rung.name, rung.state, rung.note) for rung in rungs]
    assert said == [
        ("jump tcp", "running", "h port 22"),
        ("jump tcp", "succeeded", "done"),
        ("login", "running", ""),
        ("login", "failed", "h refused the connection to port 22"),
    ]


async def sleeps(wall: list[float], monotonic: list[float]) -> float:
    async for slept in wake_ups(tick_s=0, wall=iter(wall).__next__, monotonic=iter(monotonic).__next__):
        return slept
    raise AssertionError


async def test_a_sleep_shows_as_a_wall_clock_that_ran_ahead_or_a_tick_that_came_late() -> None:
    assert await sleeps([0, 1, 1, 602], [0, 1, 1, 2]) == 600
    assert await sleeps([0, 1, 1, 602], [0, 1, 1, 602]) == 601


async def test_a_clock_that_is_set_back_or_a_little_ahead_is_no_sleep() -> None:
    with pytest.raises((StopIteration, RuntimeError)):
        await sleeps([0, 5, 5, -100, -100, -99], [0, 1, 1, 2, 2, 3])
