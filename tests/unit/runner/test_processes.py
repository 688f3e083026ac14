"""Who belongs to a job, and that nobody else is ever signalled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from vastdesk.remote.runner import processes
from vastdesk.remote.runner.processes import Process

JOB = f"unit-{os.getpid()}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"], env={"PATH": os.environ["PATH"], "VASTDESK_JOB": JOB})
    yield process
    process.kill()
    process.wait()


def alive(pid: int) -> bool:
    return processes.look_at(pid) is not None


def test_a_mark_in_the_environment_makes_a_process_ours(sleeper: subprocess.Popen[bytes]) -> None:
    found = processes.job_processes(JOB, None)
    assert set(found) == {sleeper.pid} and found[sleeper.pid].name == "sleep"
    assert processes.job_processes(JOB[:-1], None) == {}, "a job whose id begins alike is another job"
    assert processes.job_processes(JOB + "0", None) == {}


def test_descendants_of_the_supervisor_are_ours_and_it_is_not(sleeper: subprocess.Popen[bytes]) -> None:
    assert sleeper.pid in processes.job_processes("other", os.getpid())
    assert os.getpid() not in processes.job_processes("other", os.getpid())
    assert not processes.job_processes(JOB, None).keys() & {os.getpid(), os.getppid(), 1}


def test_what_is_meant_to_stay_is_nobodys() -> None:
    environment = {"PATH": os.environ["PATH"], "VASTDESK_JOB": JOB, "VASTDESK_KEEP": "1"}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], env=environment) as process:
        assert process.pid not in processes.job_processes(JOB, os.getpid())
        process.kill()


def test_a_recycled_pid_is_not_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    now = processes.look_at(sleeper.pid)
    assert now is not None
    assert not processes.send(now._replace(started=now.started - 1), 9)
    assert alive(sleeper.pid)
    assert processes.send(now, 9)


def test_a_zombie_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(sleeper.pid) and sleeper.pid not in processes.snapshot()


def test_the_sweep_ends_and_counts(sleeper: subprocess.Popen[bytes]) -> None:
    assert processes.sweep(JOB, grace_s=5) == 1
    assert sleeper.wait() == -15
    assert processes.sweep(JOB, grace_s=5) == 0


def test_who_ignores_the_request_is_killed_after_the_grace() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(1000)"
    environment = {"VASTDESK_JOB": JOB}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        begin = time.monotonic()
        assert processes.sweep(JOB, grace_s=0.2) == 1
        assert process.wait() == -9 and time.monotonic() - begin >= 0.2


def test_who_cannot_be_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "KILL_ROUND_S", 0.01)
    stuck = Process(2**30, 1, 5, "stuck")
    report = processes.stop_all(lambda: {stuck.pid: stuck}, grace_s=0.01)
    assert report.survivors == [stuck] and report.ended == []


def test_one_look_proves_nothing() -> None:
    late = Process(2**30, 1, 5, "late")
    answers = [{}, {late.pid: late}, {}, {}]
    report = processes.stop_all(lambda: answers.pop(0) if answers else {}, grace_s=5)
    assert report.ended == [late] and not answers


@pytest.mark.parametrize(("text", "seconds"), [("2.5", 2.5), ("-1", 0.0), ("soon", 10.0), ("", 10.0)])
def test_the_grace_can_be_set(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("VASTDESK_GRACE_S", text)
    assert processes.grace_seconds() == seconds


def test_without_proc_the_family_tree_of_ps_must_do(sleeper: subprocess.Popen[bytes]) -> None:
    table = processes._snapshot_of_ps()
    assert table[sleeper.pid].parent == os.getpid()
