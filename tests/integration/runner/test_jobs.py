"""A job from its start to its exit record: order, limits, failures, crashes, what a step may get wrong."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .world import Client, J, World, eventually, is_alive, mine, seqs, spec, step, types


def test_a_job_runs_its_steps_in_order_and_says_how_it_ended(client: Client) -> None:
    first = step(
        'say("plan", tasks=[{"id": "a", "label": "A"}]); say("task", id="a", state="succeeded"); done("two nodes")'
    )
    client.ask("start", spec=spec(J, first, step(id_="two")), secrets={})
    events, end = client.follow(J)
    assert types(events) == [
        "job_started",
        "step_started",
        "plan",
        "task",
        "step_finished",
        "step_started",
        "step_finished",
        "job_finished",
    ]
    assert seqs(events) == list(range(1, 9))
    assert events[0]["steps"] == ["one", "two"] and len(events[0]["runner"]) == 64
    assert events[4] | {"ts": 0, "mono": 0} == {
        "seq": 5, "ts": 0, "mono": 0, "type": "step_finished", "step": "one", "state": "succeeded", "note": "two nodes",
    }  # fmt: skip
    assert end["state"] == "finished" and end["exit"]["state"] == "succeeded" and end["exit"]["last_seq"] == 8
    assert end["from"] == {"host": "laptop", "user": "ada"}
    assert [event["mono"] for event in events] == sorted(event["mono"] for event in events)


def test_the_job_folder_is_private_and_holds_no_secret(world: World, client: Client) -> None:
    code = 'say("log", text="token " + secrets["hf"]); print(secrets["hf"]); done(secrets["hf"])'
    client.ask("start", spec=spec(J, step(code)), secrets={"hf": "hf_canary/☃12345"})
    events, _ = client.follow(J)
    assert [event["text"] for event in events if event["type"] == "log"] == ["token ***"]
    for path in [world.home, *world.home.rglob("*")]:
        if path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
        elif path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            assert "canary" not in path.read_text("utf-8", "replace"), path


def test_a_step_gets_its_secrets_on_stdin_only(world: World, client: Client) -> None:
    code = 'import os; assert secrets == {"k": "geheim-123"}; assert "geheim" not in str(os.environ); done()'
    client.ask("start", spec=spec(J, step(code)), secrets={"k": "geheim-123"})
    assert client.follow(J)[1]["exit"]["state"] == "succeeded"


def test_a_failed_step_ends_the_job_unless_it_may_continue(client: Client) -> None:
    fail = 'say("result", state="failed", note="no such node")'
    steps = [step(fail, "a", on_failure="continue"), step(id_="b"), step(fail, "c"), step(id_="d")]
    client.ask("start", spec=spec(J, *steps), secrets={})
    events, end = client.follow(J)
    finished = [(event["step"], event["state"]) for event in events if event["type"] == "step_finished"]
    assert finished == [("a", "failed"), ("b", "succeeded"), ("c", "failed")]
    assert end["exit"]["state"] == "failed" and end["exit"]["reason"] == "no such node"


def test_a_tolerated_failure_does_not_fail_the_job_but_is_named(client: Client) -> None:
    fail = 'say("result", state="failed", note="x")'
    client.ask("start", spec=spec(J, step(fail, "a", on_failure="continue"), step(id_="b")), secrets={})
    _, end = client.follow(J)
    assert (end["exit"]["state"], end["exit"]["reason"]) == ("succeeded", "failed steps: a")


def test_a_fatal_result_ends_the_job_whatever_it_tolerates(client: Client) -> None:
    fatal = 'say("result", state="failed", note="disk full", fatal=True)'
    client.ask("start", spec=spec(J, step(fatal, "a", on_failure="continue"), step(id_="b")), secrets={})
    events, end = client.follow(J)
    assert types(events).count("step_started") == 1
    assert end["exit"]["reason"] == "disk full"


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("os.kill(os.getpid(), 9)", "the step's process was killed (signal 9; out of memory?)"),
        ("os.kill(os.getpid(), 11)", "the step's process was killed (signal 11)"),
        ("pass", "the step's process ended with code 0 without saying how it went"),
        ("done(); code = 3", "the step's process ended with code 3 without saying how it went"),
        ("raise KeyError('x')", "the step's process broke off with code 1: KeyError: 'x'"),
    ],
)
def test_success_is_believed_only_with_result_and_exit_code(client: Client, code: str, note: str) -> None:
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    (finished,) = [event for event in events if event["type"] == "step_finished"]
    assert (finished["state"], finished["note"]) == ("failed", note)
    assert end["exit"]["state"] == "failed"


def test_a_step_process_that_cannot_be_made_is_a_failed_step(world: World, client: Client) -> None:
    here, meet = world.path("here"), world.path("go")
    code = f"touch({here!r}); until({meet!r}); done()"
    client.ask("start", spec=spec(J, step(code), step(id_="two")), secrets={})
    eventually(Path(here).exists)
    world.runner.unlink()
    Path(meet).touch()
    events, end = client.follow(J)
    assert end["exit"]["state"] == "failed"
    assert [event["state"] for event in events if event["type"] == "step_finished"] == ["succeeded", "failed"]


def test_the_time_limit_ends_the_step_and_its_children(world: World, client: Client) -> None:
    pid = world.path("pid")
    code = f'child = subprocess.Popen(["sleep", "1000"]); touch({pid!r}, str(child.pid)); time.sleep(1000)'
    client.ask("start", spec=spec(J, step(code, limit_s=0.4)), secrets={})
    events, end = client.follow(J)
    assert end["exit"]["reason"] == "the time limit of 0.4 s was reached"
    assert not is_alive(int(Path(pid).read_text()))


def test_what_a_step_leaves_behind_is_ended_and_noted(world: World, client: Client) -> None:
    pid = world.path("pid")
    code = (
        f'child = subprocess.Popen(["sleep", "1000"], start_new_session=True); touch({pid!r}, str(child.pid)); done()'
    )
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    assert end["exit"]["state"] == "succeeded"
    assert [event["text"] for event in events if event["type"] == "log"] == [
        "ended 1 process(es) that the step had left behind: sleep"
    ]
    assert not is_alive(int(Path(pid).read_text()))


def test_a_service_that_is_meant_to_stay_stays(world: World, client: Client) -> None:
    pid = world.path("pid")
    code = f"""
child = subprocess.Popen(["sleep", "1000"], start_new_session=True, env=dict(os.environ, VASTDESK_KEEP="1"))
touch({pid!r}, str(child.pid)); done()
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    client.follow(J)
    child = int(Path(pid).read_text())
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)


def test_garbage_from_a_step_is_counted_and_changes_nothing(client: Client) -> None:
    code = r"""
raw(b'not json\n\xff\xfe\n[1]\n{"type": 5}\n{"type": "job_finished", "state": "succeeded"}\n')
raw(b'{"type":"log","text":NaN}\n')
raw(b'{"type": "log", "text": "' + b"x" * 10_000_000 + b'"}\n')
raw(b'{"type": "task", "id": "a", "state": "running", "seq": 99, "step": "other", "new": [1]}\n')
raw(b'{"type": "future", "text": "' + b"y" * 20_000 + b'"}\n')
done()
raw(b'{"type": "half')
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    assert end["exit"]["state"] == "succeeded"
    assert types(events) == [
        "job_started", "step_started", "task", "future", "log", "step_finished", "job_finished",
    ]  # fmt: skip
    assert (events[2]["step"], events[2]["seq"], events[2]["new"]) == ("one", 3, [1])
    assert len(events[3]["text"]) == 2000
    assert events[4]["text"] == "8 unreadable line(s) from the step were left out"


def test_a_flood_of_progress_is_dropped_and_counted_and_key_events_are_kept(world: World, client: Client) -> None:
    code = """
for number in range(40_000):
    raw(b'{"type":"task","id":"t%d","progress":{"done":1,"total":2},"note":"%s"}\\n' % (number, b"n" * 112))
say("task", id="end", state="succeeded")
done()
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    written = [event for event in events if event.get("note", "").startswith("nnn")]
    dropped = sum(event["count"] for event in events if event["type"] == "dropped")
    assert len(written) + dropped == 40_000 and dropped > 0
    assert [event["id"] for event in events if event.get("state") == "succeeded" and "id" in event] == ["end"]
    assert seqs(events) == list(range(1, len(events) + 1))
    assert (world.job_dir(J) / "events.jsonl").stat().st_size < 5 << 20
    assert end["last_seq"] == len(events)


def test_8_starters_at_once_make_one_job(world: World) -> None:
    text = json.dumps(spec(J, step("done(str(os.getppid()))"))).encode()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.run("start", stdin=text), range(8)))
    assert [answer.returncode for answer in answers] == [0] * 8, answers
    assert all(json.loads(answer.stdout)["state"] in ("running", "finished") for answer in answers)
    events, _ = world.client().follow(J)
    assert types(events).count("job_started") == 1 and types(events).count("step_started") == 1
    assert [path.name for path in (world.home / "jobs").iterdir()] == [J]


def test_a_second_start_reports_and_another_spec_is_refused(client: Client) -> None:
    client.ask("start", spec=spec(J), secrets={})
    client.follow(J)
    assert client.ask("start", spec=spec(J), secrets={})["state"] == "finished"
    with pytest.raises(RuntimeError, match="spec_differs"):
        client.ask("start", spec=spec(J, step("pass")), secrets={})
    assert client.follow(J)[1]["exit"]["state"] == "succeeded"


def test_a_job_whose_starter_died_can_be_started_again(world: World, client: Client) -> None:
    folder = world.job_dir(J)
    (folder / "output").mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(spec(J)))
    (folder / "lock").touch()
    assert client.ask("status", job=J)["state"] == "lost"
    client.ask("start", spec=spec(J), secrets={})
    assert client.follow(J)[1]["exit"]["state"] == "succeeded"


def test_the_job_outlives_its_channel_and_is_nobodys_child(world: World) -> None:
    meet = world.path("go")
    first = world.client()
    first.ask("start", spec=spec(J, step(f"until({meet!r}); done()")), secrets={})
    supervisor = world.state(J)["pid"]
    command = Path(f"/proc/{supervisor}/cmdline").read_bytes()
    assert b"_supervise" in command and b"serve" not in command and b"-S\0-E\0" in command
    assert b"VASTDESK_JOB=" not in Path(f"/proc/{supervisor}/environ").read_bytes()
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{supervisor}/fd/{fd}") == "/dev/null"
    fields = Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()
    assert int(fields[3]) not in (
        supervisor,
        os.getsid(first.process.pid),
    )  # a session of its own that it does not lead
    first.kill()
    Path(meet).touch()
    assert world.client().follow(J)[1]["exit"]["state"] == "succeeded"


def test_steps_are_marked_and_first_to_go_when_memory_is_short(world: World, client: Client) -> None:
    code = """
score = open("/proc/self/oom_score_adj").read().strip()
done("%s %s %s" % (os.environ["VASTDESK_JOB"], score, os.getsid(0) == os.getpid()))
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, _ = client.follow(J)
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert events[2]["note"] == f"{J} {min(1000, own + 300)} True"


def test_the_pause_between_steps_ends_with_a_cancel(client: Client) -> None:
    client.ask("start", spec=spec(J, step(), step(id_="two"), step_delay_s=1000), secrets={})
    client.ask("watch", job=J, since=0)
    client.events_until(lambda event: event["type"] == "step_finished")
    client.ask("cancel", job=J)
    events, end = client.follow(J)
    assert types(events).count("step_started") == 1
    assert end["exit"]["state"] == "cancelled"


def test_a_second_desktop_waits_for_the_instance_and_can_cancel_meanwhile(world: World, client: Client) -> None:
    meet = world.path("go")
    client.ask("start", spec=spec(mine("j1"), step(f"until({meet!r}); done()")), secrets={})
    client.ask("watch", job=mine("j1"), since=0)
    client.events_until(lambda event: event["type"] == "step_started")
    for job in (mine("j2"), mine("j3")):
        client.ask("start", spec=spec(job), secrets={})
    client.ask("watch", job=mine("j2"), since=0)
    waiting = client.events_until(lambda event: event["type"] == "log")[-1]
    assert waiting["text"] == "Waiting: a job of ada@laptop is at work on this instance"
    client.ask("cancel", job=mine("j2"))
    events, end = client.follow(mine("j2"))
    assert end["exit"]["state"] == "cancelled" and "step_started" not in types(events)
    Path(meet).touch()
    assert client.follow(mine("j3"))[1]["exit"]["state"] == "succeeded"


def test_output_of_200_mb_stays_within_its_bounds_and_can_be_read(world: World, client: Client) -> None:
    code = """
import vastdesk_runner.outputlog as outputlog
log = outputlog.OutputLog(job_dir, "one")
line = b"0123456789abcde\\n" * 4096
for _ in range(200 * 16):
    log.write(line)
done(str(log.position))
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    events, end = client.follow(J)
    total = 200 << 20
    assert events[2]["note"] == str(total)
    assert sum(path.stat().st_size for path in (world.job_dir(J) / "output").iterdir()) <= 4 << 20
    assert end["tail"] == ["0123456789abcde"] * 20
    first = client.ask("log", job=J, step="one", offset=0, max=32)
    assert first == {"offset": 0, "data": "0123456789abcde\n" * 2, "next": 32, "size": total, "eof": False}
    hole = client.ask("log", job=J, step="one", offset=1 << 20, max=16)
    assert hole["offset"] == total - (3 << 20) and hole["data"] == "0123456789abcde\n"
    last = client.ask("log", job=J, step="one", offset=total - 16, max=100)
    assert last["eof"] and last["data"] == "0123456789abcde\n"


def test_the_runner_can_be_asked_for_help_and_says_what_is_wrong(world: World) -> None:
    assert b"watch JOB" in world.run("--help").stdout
    assert world.run("--version").stdout.startswith(b"vastdesk-runner 1 (")
    assert world.run("nonsense").returncode == 2
    assert world.run("ack", J).returncode == 2
    assert world.run("cancel", "../etc").returncode == 1
    assert world.run("start", stdin=b"{}").stderr.startswith(b"vastdesk-runner: the job cannot be started")


def test_every_operation_is_also_a_command(world: World) -> None:
    assert world.run("start", stdin=json.dumps(spec(J)).encode()).returncode == 0
    lines = world.run("watch", J).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines[:-1]] == [1, 2, 3, 4]
    assert json.loads(lines[-1])["end"]["state"] == "finished"
    assert json.loads(world.run("status", J).stdout)["last_seq"] == 4
    assert world.run("ack", J, "4").returncode == 0
    assert json.loads(world.run("sweep", J).stdout) == {"killed": 0}
    assert json.loads(world.run("clean").stdout) == {"removed": []}
    assert json.loads(world.run("probe").stdout)["problems"] == []


def test_a_home_that_is_not_in_the_environment_is_looked_up(world: World, tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from vastdesk_runner import home\n"
        "print(home.user_home())\n"
        "os.environ['HOME'] = '/proc/1'; print(home.runner_home())"
    )
    workspace = tmp_path / "work"
    workspace.mkdir()
    env = {"WORKSPACE": str(workspace)}
    argv = [world.python, "-c", code, str(world.runner)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    import pwd

    assert done.stdout.splitlines() == [pwd.getpwuid(os.getuid()).pw_dir, str(workspace / ".vastdesk")]


def test_a_home_with_a_long_path_works_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 30)
    folder.mkdir()
    world = World(folder)
    try:
        client = world.client()
        assert eventually(lambda: list((world.home / "bell").iterdir()), "a bell")
        client.ask("start", spec=spec(J), secrets={})
        assert client.follow(J)[1]["exit"]["state"] == "succeeded"
    finally:
        world.close()
