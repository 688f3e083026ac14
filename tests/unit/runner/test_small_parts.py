"""Locks, bells, the pulse, the job folder, the server without sockets: each for itself."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from vastdesk.remote.runner import bell, jobs, locks, requests, supervisor
from vastdesk.remote.runner.bell import Listener, Ringer
from vastdesk.remote.runner.jobs import JobFolder, RequestError
from vastdesk.remote.runner.pulse import Pulse
from vastdesk.remote.runner.serve import Server


def test_a_lock_is_held_until_its_descriptor_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert not locks.is_locked(path)
    held = locks.try_lock(path)
    assert held is not None and not os.get_inheritable(held)
    assert locks.is_locked(path) and locks.try_lock(path, patience_s=0.02) is None
    os.close(held)
    assert not locks.is_locked(path)


def test_where_locks_do_not_work_nothing_is_called_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    (tmp_path / "lock").touch()
    monkeypatch.setattr(locks.fcntl, "flock", unsupported)
    assert locks.is_locked(str(tmp_path / "lock"))
    with pytest.raises(OSError, match="no locks"):
        locks.try_lock(str(tmp_path / "lock"))


@pytest.fixture
def bells(tmp_path: Path) -> str:
    (tmp_path / "bell").mkdir()
    return str(tmp_path)


def test_every_bell_is_rung_and_stale_ones_are_removed(bells: str) -> None:
    first, second, stale = Listener(bells), Listener(bells), Listener(bells)
    assert stale.socket is not None
    stale.socket.close()
    ringer = Ringer(bells)
    for _ in range(100):  # more than a queue holds: the ringer never waits
        ringer.ring()
    for listener in (first, second):
        assert listener.socket is not None and listener.socket.recv(10) == b"!"
        listener.drain()
        with pytest.raises(BlockingIOError):
            listener.socket.recv(10)
        listener.close()
    assert os.listdir(os.path.join(bells, "bell")) == []
    ringer.ring()
    ringer.close()


def test_a_bell_is_optional(bells: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(str(tmp_path / "nowhere"))
    assert listener.socket is None
    listener.drain()
    listener.close()

    def refuse(*_: object) -> None:
        raise OSError("no sockets here")

    monkeypatch.setattr(bell.socket, "socket", refuse)
    assert Listener(bells).socket is None
    Ringer(bells).ring()


def test_a_long_home_is_reached_by_a_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("x" * 120) / "bell"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    listener = Listener(str(folder.parent))
    assert listener.socket is not None
    ringer = Ringer(str(folder.parent))
    ringer.ring()
    assert listener.socket.recv(10) == b"!"
    listener.close()
    ringer.close()


def test_the_pulse_beats_and_notices_a_cancel(tmp_path: Path) -> None:
    heartbeat, marker = tmp_path / "heartbeat", tmp_path / "cancel"
    pulse = Pulse(str(marker), str(heartbeat), lambda: 17)
    pulse.wait(0)
    beat = json.loads(heartbeat.read_text())
    assert beat["seq"] == 17 and len(heartbeat.read_bytes()) == 64 and pulse.stop == ""
    marker.touch()
    while not pulse.stop:
        pulse.wait(1)
    assert pulse.stop == "cancelled"
    pulse.close()


def test_room_is_kept_for_the_exit_record(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    folder.reserve_room()
    assert Path(folder.reserve).stat().st_size == 128 << 10
    assert Path(folder.exit_blank).stat().st_blocks > 0
    folder.write_exit({"state": "failed", "reason": "é" * 50_000, "last_seq": 1, "ts": 2.0})
    record = folder.exit()
    assert record is not None and record["state"] == "failed"
    assert not Path(folder.exit_blank).exists()
    assert (Path(folder.path) / "exit.json").read_bytes().endswith(b"}\n")


def make_folder(home: Path) -> JobFolder:
    folder = JobFolder(str(home), "j")
    os.makedirs(folder.path)
    return folder


def test_no_room_for_the_records_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path)
    monkeypatch.setattr(jobs.os, "write", lambda fd, data: 10)
    with pytest.raises(OSError, match="No space left"):
        folder.reserve_room()


def test_a_half_written_file_never_takes_the_place_of_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    jobs.write_json(str(path), {"a": 1})

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(jobs.os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        jobs.write_json(str(path), {"a": 2})
    assert jobs.read_json(str(path)) == {"a": 1} and os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert jobs.read_json(str(tmp_path / "x")) is None


@pytest.mark.parametrize("job", ["", "..", "a/b", ".del-x", "a" * 65, 5, None, "a\n"])
def test_what_is_no_job_id(tmp_path: Path, job: object) -> None:
    with pytest.raises(RequestError):
        JobFolder(str(tmp_path), job)  # type: ignore[arg-type]


def test_the_same_spec_in_another_order_is_the_same_job() -> None:
    one = {"v": 1, "steps": [{"id": "a", "use": "x"}]}
    assert jobs.spec_sha256(one) == jobs.spec_sha256(json.loads(json.dumps(dict(reversed(one.items())))))


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"abc", b"abc"),
        ("aé".encode(), "aé".encode()),
        ("aé".encode()[:-1], b"a"),
        ("a€".encode()[:-1], b"a"),
        ("a€".encode()[:-2], b"a"),
        ("a😀".encode()[:-1], b"a"),
        (b"a\xff\xff", b"a\xff\xff"[:2]),
        (b"\x80\x80\x80\x80", b"\x80\x80\x80\x80"),
        (b"", b""),
    ],
)
def test_a_chunk_ends_between_characters(data: bytes, kept: bytes) -> None:
    assert requests.whole_characters(data) == kept


@pytest.mark.parametrize(("seconds", "text"), [(7200, "2 h"), (1800, "30 min"), (90, "90 s"), (0.25, "0.2 s")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert supervisor.duration(seconds) == text


def test_without_sockets_serve_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASTDESK_BOOT_ID", os.devnull)
    folder = make_folder(tmp_path)  # and no folder for bells
    held = locks.try_lock(folder.lock)
    assert held is not None
    ours, theirs = socket.socketpair()
    out = os.dup(theirs.fileno())
    server = Server("T", str(tmp_path), theirs.fileno(), out)
    thread = threading.Thread(target=server.run)
    thread.start()
    stream = ours.makefile("rwb")
    stream.write(b'{"id":1,"op":"watch","job":"j","since":0}\n')
    stream.flush()
    lines = iter(stream.readline, b"")
    assert json.loads(next(lines)[2:])["hello"]["home"] == str(tmp_path)
    assert json.loads(next(lines)[2:])["result"]["state"] == "running"
    for number in (1, 2):
        with open(folder.events, "ab") as file:
            file.write(b'{"seq":%d,"note":"\xc3\xa9"}\n' % number)
        assert json.loads(next(lines)[2:]) == {"job": "j", "events": [{"seq": number, "note": "é"}]}
    jobs.write_json(os.path.join(folder.path, "exit.json"), {"state": "succeeded"})
    assert json.loads(next(lines)[2:])["end"]["exit"] == {"state": "succeeded"}
    ours.shutdown(socket.SHUT_RDWR)
    stream.close()
    thread.join(10)
    os.close(held)
    os.close(out)
    ours.close()
    theirs.close()
    assert not thread.is_alive()
