"""Ends that nobody planned: cancel, kill -9 of anything, reboot, container stop, the channel cut again and again."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import pytest

from .world import Client, J, World, eventually, is_alive, seqs, spec, step, types

FOREVER = "time.sleep(1000)"

FAMILY = r"""
import shutil
sleep = shutil.which("sleep")
stubborn = [sys.executable, "-S", "-E", "-c", '''
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open(sys.argv[1] + ".tmp", "w").write(str(os.getpid())); os.rename(sys.argv[1] + ".tmp", sys.argv[1])
time.sleep(1000)
''']
plain = subprocess.Popen([sleep, "1000"])
touch(%(folder)r + "/plain", str(plain.pid))
subprocess.call(stubborn + [%(folder)r + "/daemon"])
subprocess.call(stubborn + [%(folder)r + "/nameless"], env={})
stopped = subprocess.Popen([sleep, "1000"])
os.kill(stopped.pid, signal.SIGSTOP)
touch(%(folder)r + "/stopped", str(stopped.pid))
"""
MEMBERS = ("plain", "daemon", "nameless", "stopped")


def family_of(world: World) -> dict[str, int]:
    """The pids of what a step of FAMILY has started, once all is there."""
    for member in MEMBERS:
        eventually(Path(world.path(member)).exists, member)
    return {member: int(Path(world.path(member)).read_text()) for member in MEMBERS}


def start_family(world: World, client: Client, then: str = FOREVER) -> dict[str, int]:
    client.ask("start", spec=spec(J, step(FAMILY % {"folder": str(world.folder)} + then), step(id_="two")), secrets={})
    return family_of(world)


def test_cancel_ends_everything_whatever_it_did_to_hide(world: World, client: Client) -> None:
    family = start_family(world, client)
    assert client.ask("cancel", job=J)["state"] == "running"
    events, end = client.follow(J)
    assert end["exit"]["state"] == "cancelled"
    assert not [name for name, pid in family.items() if is_alive(pid)]
    assert [event["state"] for event in events if event["type"] == "step_finished"] == ["cancelled"]
    assert events[-1]["type"] == "job_finished" and events[-1]["state"] == "cancelled"
    assert client.ask("cancel", job=J)["exit"]["state"] == "cancelled"


def test_a_cancelled_step_may_say_farewell(world: World, client: Client) -> None:
    here = world.path("here")
    code = f"""
def leave(*_):
    say("task", id="a", state="cancelled"); os._exit(0)
signal.signal(signal.SIGTERM, leave)
touch({here!r}); time.sleep(1000)
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    eventually(Path(here).exists)
    client.ask("cancel", job=J)
    events, _ = client.follow(J)
    assert types(events)[2:] == ["task", "step_finished", "job_finished"]


def test_a_killed_supervisor_is_lost_and_nothing_of_its_job_survives(world: World, client: Client) -> None:
    family = start_family(world, client, "die_with_supervisor(); " + FOREVER)
    client.ask("watch", job=J, since=0)
    world.kill_supervisor(J)
    _, end = client.follow(J)
    assert end["state"] == "lost" and end["exit"] is None
    # `env -i` in a session of its own: without its supervisor nothing tells it from a process of the user.
    nameless = family.pop("nameless")
    assert not [name for name, pid in family.items() if is_alive(pid)]
    os.kill(nameless, signal.SIGKILL)
    assert client.ask("sweep", job=J) == {"killed": 0}
    assert client.ask("status", job=J)["state"] == "lost"


def test_a_lost_job_is_not_started_again_under_its_id(world: World, client: Client) -> None:
    one = spec(J, step(FOREVER))
    client.ask("start", spec=one, secrets={})
    world.kill_supervisor(J)
    eventually(lambda: client.ask("status", job=J)["state"] == "lost")
    assert client.ask("start", spec=one, secrets={})["state"] == "lost"
    assert client.ask("cancel", job=J)["state"] == "lost"


def test_a_killed_step_is_a_failed_step(world: World, client: Client) -> None:
    pid = world.path("pid")
    client.ask("start", spec=spec(J, step(f"touch({pid!r}, str(os.getpid())); {FOREVER}")), secrets={})
    os.kill(int(eventually(lambda: Path(pid).exists() and Path(pid).read_text())), signal.SIGKILL)
    _, end = client.follow(J)
    assert end["exit"]["reason"] == "the step's process was killed (signal 9; out of memory?)"


def test_a_killed_grandchild_is_the_steps_own_affair(world: World, client: Client) -> None:
    code = 'child = subprocess.Popen(["sleep", "1000"]); child.kill(); done(str(child.wait()))'
    client.ask("start", spec=spec(J, step(code)), secrets={})
    assert client.follow(J)[0][2]["note"] == "-9"


def test_a_reboot_leaves_an_interrupted_job(world: World, client: Client) -> None:
    family = start_family(world, client)
    pids = [pid for pid, _ in world.processes() if pid != client.process.pid] + list(family.values())
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    client.kill()
    world.boot.write_text("second boot\n")
    client = world.client()
    events, end = client.follow(J)
    assert end["state"] == "interrupted" and end["boot_id"] == "first boot"
    assert types(events) == ["job_started", "step_started"]


def test_a_container_that_stops_lets_the_job_write_its_record(world: World, client: Client) -> None:
    start_family(world, client)
    os.kill(world.state(J)["pid"], signal.SIGTERM)
    events, end = client.follow(J)
    assert (end["state"], end["exit"]["state"]) == ("interrupted", "interrupted")
    assert end["exit"]["reason"] == "the instance was stopped"
    assert [event["state"] for event in events[-2:]] == ["interrupted", "interrupted"]


def test_a_job_runs_although_its_starter_was_killed_before_the_answer(world: World) -> None:
    """The starter is killed at the first moment the job is seen: nobody reads the supervisor's word."""
    client = world.client()
    client.post("start", spec=spec(J), secrets={})
    eventually(world.job_dir(J).exists)
    client.kill()
    client = world.client()
    eventually(lambda: client.ask("status", job=J)["state"] in ("finished", "lost"))
    if client.ask("status", job=J)["state"] == "lost":  # killed before the supervisor lived: started again
        client.ask("start", spec=spec(J), secrets={})
    events, end = client.follow(J)
    assert end["exit"]["state"] == "succeeded" and types(events).count("step_started") == 1


def test_an_exit_record_wins_over_a_lock_that_is_still_held(world: World, client: Client) -> None:
    client.ask("start", spec=spec(J, step(FOREVER)), secrets={})
    (world.job_dir(J) / "exit.json").write_text('{"state": "failed", "reason": "x", "last_seq": 2, "ts": 1}')
    assert client.ask("status", job=J)["state"] == "finished"
    (world.job_dir(J) / "exit.json").unlink()
    assert client.ask("status", job=J)["state"] == "running"


def test_a_hanging_clock_or_heartbeat_kills_no_job(world: World, client: Client) -> None:
    client.ask("start", spec=spec(J, step(FOREVER)), secrets={})
    for stamp in (0, 9_000_000_000):
        os.utime(world.job_dir(J) / "heartbeat", (stamp, stamp))
        status = client.ask("status", job=J)
        assert status["state"] == "running" and 0 <= status["heartbeat_age_s"] < 10


def test_the_oom_killer_on_the_whole_job_is_lost_not_done(world: World, client: Client) -> None:
    client.ask("start", spec=spec(J, step(FOREVER)), secrets={})
    client.ask("watch", job=J, since=0)
    for pid, _ in world.processes():
        if pid != client.process.pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    _, end = client.follow(J)
    assert end["state"] == "lost"


@pytest.mark.parametrize("seed", range(2))
def test_every_event_arrives_exactly_once_though_the_channel_dies_again_and_again(world: World, seed: int) -> None:
    """A client stores what it has got and asks for the rest; its channel is killed at random moments."""
    chance = random.Random(seed)
    code = """
for number in range(300):
    say("task", id="t%d" % number, state="succeeded", note="é" * (number % 50))
    time.sleep(0.004)
done()
"""
    world.client().ask("start", spec=spec(J, step(code)), secrets={})
    stored: list[int] = []
    end = None
    cuts = 0
    while end is None:
        client = world.client()
        client.ask("watch", job=J, since=stored[-1] if stored else 0)
        patience = chance.choice([1, 3, 10, 30])
        for message in client.messages():
            stored += seqs(message.get("events", []))
            end = message.get("end")
            patience -= 1
            if end is not None or not patience:
                break
        client.kill()
        cuts += 1
    assert end["exit"]["state"] == "succeeded"
    assert stored == list(range(1, 305))
    assert cuts > 2


def test_two_observers_see_the_same(world: World) -> None:
    code = "for number in range(50): say('task', id=str(number), state='succeeded'); time.sleep(0.002)\ndone()"
    first, second = world.client(), world.client()
    first.ask("start", spec=spec(J, step(code)), secrets={})
    for client in (first, second):
        client.post("watch", job=J, since=0)
    views = []
    for client in (first, second):
        events: list[dict[str, object]] = []
        for message in client.messages():
            events += message.get("events", [])
            if "end" in message:
                break
        views.append(events)
    assert views[0] == views[1]
    assert seqs(views[0]) == list(range(1, 55))


def test_a_torn_line_is_skipped_and_counted(world: World, client: Client) -> None:
    client.ask("start", spec=spec(J), secrets={})
    client.follow(J)
    log = world.job_dir(J) / "events.jsonl"
    lines = log.read_bytes().splitlines(True)
    lines[1] = lines[1][:20] + b"\n"
    lines.insert(3, b"\xff\xfe\n")
    log.write_bytes(b"".join(lines) + b'{"seq":5,"type":"ha')
    events, end = client.follow(J)
    assert seqs(events) == [1, 3, 4]
    assert end["damaged"] == 2 and end["last_seq"] == 4


def test_a_finished_job_answers_at_once_and_an_absent_one_too(client: Client) -> None:
    client.ask("start", spec=spec(J), secrets={})
    client.follow(J)
    events, end = client.follow(J, since=3)
    assert seqs(events) == [4] and end["state"] == "finished"
    events, end = client.follow("nowhere")
    assert events == [] and end["state"] == "absent"
    assert json.dumps(end)
