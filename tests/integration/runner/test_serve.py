"""The served channel: framing, beats, refusals, slow requests beside fast ones, pushed events, a cheap idle."""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

import pytest

from .world import Client, J, World, eventually, mine, spec, step


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_hello_says_who_is_speaking(world: World) -> None:
    client = Client(world)
    message = client.next()
    assert message is not None
    hello = message["hello"]
    assert len(hello["runner"]) == 64 and hello["home"] == str(world.home) and hello["boot_id"] == "first boot"
    assert abs(hello["time"] - time.time()) < 60 and hello["pid"] == client.process.pid
    client.kill()


def test_it_ends_with_its_input_and_takes_its_bell_along(world: World, client: Client) -> None:
    assert len(list((world.home / "bell").iterdir())) == 1
    assert client.close() == 0
    assert not list((world.home / "bell").iterdir())


def test_it_ends_when_nobody_reads_any_more(world: World) -> None:
    client = world.client()
    assert client.process.stdout is not None
    client.process.stdout.close()
    assert client.process.wait(10) == 0


def test_beats_come_while_a_slow_request_runs(world: World, client: Client) -> None:
    tools = world.folder / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tools / "nvidia-smi").chmod(0o755)
    world.env["PATH"] = f"{tools}:{world.env['PATH']}"
    slow = world.client()
    probing = slow.post("probe")
    assert slow.ask("status", job="x")["state"] == "absent"
    seen = []
    for message in slow.messages():
        seen.append("beat" if "beat" in message else message.get("id"))
        if message.get("id") == probing:
            assert message["result"]["gpus"] == []
            break
    assert seen.count("beat") >= 2


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"nonsense\n", "bad_request"),
        (b"[1, 2]\n", "bad_request"),
        (b"\xff\xfe\n", "bad_request"),
        (b"[" * 100_000 + b"\n", "bad_request"),
        (b'{"id": 7}\n', "bad_request"),
        (b'{"id": 7, "op": "format_disk"}\n', "unknown_op"),
        (b'{"id": 7, "op": "watch", "job": "../../etc", "since": 0}\n', "bad_request"),
        (b'{"id": 7, "op": "watch", "job": "j", "since": -1}\n', "bad_request"),
        (b'{"id": 7, "op": "watch", "job": {"a": 1}}\n', "bad_request"),
        (b'{"id": 7, "op": "start", "spec": {"v": 2}}\n', "bad_spec"),
        (b'{"id": 7, "op": "start", "spec": null, "secrets": 5}\n', "bad_spec"),
        (b'{"id": 7, "op": "cancel", "job": "nobody"}\n', "no_job"),
        (b'{"id": 7, "op": "log", "job": "nobody", "step": "a"}\n', "no_job"),
        (b'{"id": 7, "op": "ack", "job": 5, "seq": 5}\n', "bad_request"),
        (b"x" * (9 << 20) + b"\n", "bad_request"),
    ],
)
def test_a_bad_request_is_refused_and_the_channel_goes_on(client: Client, line: bytes, kind: str) -> None:
    client.send(line)
    answer = next(message for message in client.messages() if "ok" in message)
    assert answer["ok"] is False and answer["error"]["kind"] == kind and answer["error"]["message"]
    assert client.ask("status", job=J)["state"] == "absent"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"steps": []}, "it has no steps"),
        ({"steps": [step(id_="../x")]}, "step 1: `id` is not an id"),
        ({"steps": [step(), step()]}, "step 2: the id 'one' is there twice"),
        ({"steps": [step(limit_s="1h")]}, "`limit_s` is not a number"),
        ({"steps": [step(on_failure="maybe")]}, "neither stop nor continue"),
        ({"step_delay_s": -1}, "`step_delay_s`"),
        ({"job": "a/b"}, "`job` is not an id"),
        ({"junk": "x" * (2 << 20)}, "larger than 2 MiB"),
    ],
)
def test_a_spec_that_cannot_work_is_refused(client: Client, change: dict[str, object], problem: str) -> None:
    with pytest.raises(RuntimeError, match="bad_spec") as refused:
        client.ask("start", spec={**spec(J), **change}, secrets={})
    assert problem in refused.value.args[1]


def test_secrets_that_fit_into_no_pipe_are_refused(client: Client) -> None:
    with pytest.raises(RuntimeError, match="48 KiB"):
        client.ask("start", spec=spec(J), secrets={"a": "x" * 50_000})
    assert client.ask("status", job=J)["state"] == "absent"


def test_a_large_spec_arrives(client: Client) -> None:
    one = spec(J, step("done()", title="ü" * 200_000))
    client.ask("start", spec=one, secrets={"a": "x" * 40_000})
    assert client.follow(J)[1]["exit"]["state"] == "succeeded"


def test_unwatch_ends_the_stream(world: World, client: Client) -> None:
    meet = world.path("go")
    client.ask("start", spec=spec(J, step(f"until({meet!r}); done()")), secrets={})
    client.ask("watch", job=J, since=0)
    client.events_until(lambda event: event["type"] == "step_started")
    client.ask("unwatch", job=J)
    Path(meet).touch()
    eventually(lambda: client.ask("status", job=J)["state"] == "finished")
    assert not [message for message in client._ready if "events" in message or "end" in message]


def test_many_jobs_share_a_channel(world: World, client: Client) -> None:
    jobs = [mine(f"j{number}") for number in range(5)]
    for job in jobs:
        client.ask("start", spec=spec(job), secrets={})
        client.ask("watch", job=job, since=0)
    ended: dict[str, str] = {}
    for message in client.messages():
        if "end" in message:
            ended[message["job"]] = message["end"]["exit"]["state"]
            if len(ended) == len(jobs):
                break
    assert ended == dict.fromkeys(jobs, "succeeded")


def test_a_client_that_does_not_read_delays_only_itself(world: World) -> None:
    code = """
for number in range(6000):
    say("task", id="t%d" % number, state="succeeded", note="n" * 400)
done()
"""
    slow = world.client()
    slow.ask("start", spec=spec(J, step(code)), secrets={})
    slow.post("watch", job=J, since=0)
    events, end = world.client().follow(J)
    assert len(events) == end["last_seq"] == 6004
    memory = Path(f"/proc/{slow.process.pid}/status").read_text()
    resident_kb = int(memory.partition("VmRSS:")[2].split()[0])
    assert resident_kb < 60_000
    seen = 0
    for message in slow.messages():
        seen += len(message.get("events", []))
        if "end" in message:
            break
    assert seen == 6004


def test_events_are_pushed(world: World, client: Client) -> None:
    """From the write in the step to the line in our hands."""
    code = """
for number in range(200):
    say("task", id="t%d" % number, state="succeeded", sent=time.monotonic())
    time.sleep(0.01)
done()
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    client.ask("watch", job=J, since=0)
    delays = []
    for message in client.messages():
        delays += [client.received_at - event["sent"] for event in message.get("events", []) if "sent" in event]
        if "end" in message:
            break
    assert len(delays) == 200
    assert statistics.median(delays) < 0.02, statistics.quantiles(delays, n=100)


def test_a_bell_nobody_can_ring_costs_time_but_no_event(world: World, client: Client) -> None:
    for socket in (world.home / "bell").iterdir():
        socket.unlink()
    code = "for number in range(20): say('task', id=str(number), state='succeeded'); time.sleep(0.01)\ndone()"
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    assert len(events) == 24 and end["state"] == "finished"


def test_a_stale_bell_is_removed_when_it_is_rung(world: World) -> None:
    first = world.client()
    first.kill()
    (stale,) = (world.home / "bell").iterdir()
    world.client().ask("start", spec=spec(J), secrets={})
    eventually(lambda: not stale.exists())


def test_idle_costs_nothing(world: World, client: Client) -> None:
    meet = world.path("go")
    client.ask("start", spec=spec(J, step(f"threading.Event().wait(1000)  # {meet}")), secrets={})
    client.ask("watch", job=J, since=0)
    client.events_until(lambda event: event["type"] == "step_started")
    pids = [client.process.pid, world.state(J)["pid"]]
    before, since = sum(map(cpu_seconds, pids)), time.monotonic()
    while "beat" not in (client.next() or {}) or time.monotonic() < since + 3:
        pass
    share = (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - since)
    assert share < 0.02


def test_ack_is_kept_and_never_goes_back(world: World, client: Client) -> None:
    client.ask("start", spec=spec(J), secrets={})
    for seq in (3, 2):
        client.ask("ack", job=J, seq=seq)
    assert json.loads((world.job_dir(J) / "ack.json").read_text())["seq"] == 3


def test_clean_takes_what_is_old_and_nothing_that_lives(world: World, client: Client) -> None:
    acked, unseen, fresh, alive = mine("acked"), mine("unseen"), mine("fresh"), mine("alive")
    for job in (acked, unseen, fresh):
        client.ask("start", spec=spec(job), secrets={})
        client.follow(job)
    client.ask("start", spec=spec(alive, step("time.sleep(1000)")), secrets={})
    client.ask("ack", job=acked, seq=4)
    for job in (acked, unseen):
        record = world.job_dir(job) / "exit.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"ts": time.time() - 2 * 86400}))
    old = time.time() - 30 * 86400
    for path in [world.job_dir(alive), *world.job_dir(alive).iterdir()]:
        os.utime(path, (old, old))
    for name in ("0" * 64, client.ask("probe")["runner"]["sha256"]):
        (world.home / "runner" / name).mkdir()
        os.utime(world.home / "runner" / name, (old, old))
    assert client.ask("clean")["removed"] == [acked]
    left = sorted(path.name for path in (world.home / "jobs").iterdir())
    assert left == [alive, fresh, unseen]
    assert len(list((world.home / "runner").iterdir())) == 1
    record = world.job_dir(unseen) / "exit.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"ts": time.time() - 8 * 86400}))
    assert client.ask("clean")["removed"] == [unseen]
    assert client.ask("status", job=alive)["state"] == "running"


def test_clean_removes_the_bells_of_the_dead(world: World, client: Client) -> None:
    other = world.client()
    other.kill()
    assert len(list((world.home / "bell").iterdir())) == 2
    client.ask("clean")
    assert [path.name.partition("-")[0] for path in (world.home / "bell").iterdir()] == [str(client.process.pid)]
