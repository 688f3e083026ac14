"""A full disk ends the job with that reason; what was logged stays, and the last records fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import small_disk
from .small_disk import SmallDisk
from .world import J, eventually, is_alive, seqs, spec, step, types


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path)
    yield disk
    disk.close()


CODE = """
child = subprocess.Popen(["sleep", "1000"])
touch(%(pid)r, str(child.pid))
until(%(go)r)
for number in range(200):
    say("task", id="t%%d" %% number, state="succeeded", note="n" * 100)
time.sleep(1000)
"""


def test_a_full_disk_ends_the_job_and_every_record_is_whole(disk: SmallDisk) -> None:
    world, client = disk.world, disk.world.client()
    pid, go = world.path("pid"), world.path("go")
    steps = [step(CODE % {"pid": pid, "go": go}, on_failure="continue"), step(id_="two")]
    client.ask("start", spec=spec(J, *steps), secrets={})
    eventually(Path(pid).exists)
    disk.fill()
    Path(go).touch()
    events, end = client.follow(J)
    assert end["state"] == "finished"
    assert (end["exit"]["state"], end["exit"]["reason"]) == ("failed", "disk full")
    assert seqs(events) == list(range(1, len(events) + 1)) and end["damaged"] == 0
    assert types(events)[-2:] == ["step_finished", "job_finished"]
    assert types(events).count("task") == 200, "key events waited in memory for the reserve"
    assert [event["note"] for event in events if event["type"] == "step_finished"] == ["disk full"]
    assert not is_alive(int(Path(pid).read_text()))
    lines = (world.job_dir(J) / "events.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"" and all(json.loads(line)["seq"] for line in lines)


def test_without_leave_to_mount_it_is_tried_with_faulty_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_disk, "SIZE", "nonsense")
    disk = SmallDisk(tmp_path)
    assert not disk.is_real
    try:
        test_a_full_disk_ends_the_job_and_every_record_is_whole(disk)
    finally:
        disk.close()


def test_output_that_fills_the_disk_is_lost_but_the_job_goes_on(disk: SmallDisk) -> None:
    """The step's output gives way: it holes, and its writer never fails."""
    world, client = disk.world, disk.world.client()
    here, go = world.path("here"), world.path("go")
    code = f"""
import vastdesk_runner.outputlog as outputlog
log = outputlog.OutputLog(job_dir, "one")
log.write(b"before\\n")
touch({here!r})
until({go!r})
for _ in range(100):
    log.write(b"x" * 65536)
done("%d %d" % (log.position, log.lost_bytes > 0))
"""
    client.ask("start", spec=spec(J, step(code)), secrets={})
    eventually(Path(here).exists)
    disk.fill()
    Path(go).touch()
    events, end = client.follow(J)
    assert end["exit"]["state"] == "succeeded"
    assert events[2]["note"] == f"{7 + 100 * 65536} {int(disk.is_real)}"
    assert client.ask("log", job=J, step="one", offset=0, max=7)["data"] == "before\n"


def test_a_job_is_not_started_on_a_full_disk_and_can_be_later(disk: SmallDisk) -> None:
    if not disk.is_real:
        return  # what cannot be filled cannot refuse; the words are tested with the launcher
    client = disk.world.client()
    disk.fill()
    with pytest.raises(RuntimeError, match="disk_full"):
        client.ask("start", spec=spec(J), secrets={})
    (disk.world.home.parent / "filler").unlink()
    client.ask("start", spec=spec(J), secrets={})
    assert client.follow(J)[1]["exit"]["state"] == "succeeded"
