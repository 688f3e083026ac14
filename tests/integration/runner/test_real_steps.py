"""The runner exactly as shipped, with a real step: the two halves fit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from vastdesk.remote.package import runner_package

from .world import J, World, eventually, is_alive, spec, types


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, runner=runner_package().data)
    yield world
    world.close()


def script(text: str) -> dict[str, object]:
    return {"id": "run", "use": "run_command", "title": "Run", "with": {"script": text, "folder": "~"}, "limit_s": 60}


FAMILY = """
sleep 1000 &
echo $! > plain
setsid env -i /bin/sh -c 'echo $$ > nameless.tmp; mv nameless.tmp nameless; trap "" TERM; while :; do sleep 1; done' &
until [ -e nameless ]; do sleep 0.01; done
mv plain ready
sleep 1000
"""


def family(world: World) -> list[int]:
    eventually(Path(world.path("ready")).exists)
    return [int(Path(world.path(name)).read_text()) for name in ("ready", "nameless")]


def test_a_real_step_runs_and_its_output_can_be_read(world: World) -> None:
    client = world.client()
    client.ask("start", spec=spec(J, script("echo hello")), secrets={"token": "not-to-be-seen"})
    events, end = client.follow(J)
    assert end["exit"]["state"] == "succeeded" and end["exit"]["reason"] == ""
    assert types(events)[:3] == ["job_started", "step_started", "plan"]
    assert [event["state"] for event in events if event["type"] == "task"][-1] == "succeeded"
    assert "hello\n" in client.ask("log", job=J, step="run", offset=0, max=1000)["data"]
    assert "hello" in end["tail"]


def test_a_cancel_leaves_nothing_of_a_real_step(world: World) -> None:
    client = world.client()
    client.ask("start", spec=spec(J, script(FAMILY)), secrets={})
    pids = family(world)
    client.ask("cancel", job=J)
    events, end = client.follow(J)
    assert end["exit"]["state"] == "cancelled"
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_dead_supervisor_takes_its_real_step_along(world: World) -> None:
    client = world.client()
    client.ask("start", spec=spec(J, script(FAMILY)), secrets={})
    plain, nameless = family(world)
    client.ask("watch", job=J, since=0)
    world.kill_supervisor(J)
    assert next(message for message in client.messages() if "end" in message)["end"]["state"] == "lost"
    eventually(lambda: not is_alive(plain))
    if is_alive(nameless):  # nobody is left who knows that it is ours
        os.kill(nameless, signal.SIGKILL)
