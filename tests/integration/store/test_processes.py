"""Several processes with one data folder: the window, the command line, and those that died."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.store.conftest import ENDPOINT, new_run
from vastdesk.store import RunRow, Store

Start = Callable[..., "Process"]


class Process:
    """One process, spoken to in lines."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.integration.store.process", str(folder), *arguments]
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> Any:
        assert self._popen.stdout is not None
        return json.loads(self._popen.stdout.readline())

    def go(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write("\n")
        self._popen.stdin.flush()

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def rest(self) -> list[Any]:
        """What it had still said before it ended; the last line may have been cut."""
        assert self._popen.stdout is not None
        return [json.loads(line) for line in self._popen.stdout.read().split("\n")[:-1]]

    def end(self) -> None:
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                stream.close()
        self._popen.wait(20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        started.append(Process(folder, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.end()


def all_at_once(processes: list[Process]) -> list[Any]:
    """What they say when they begin together."""
    assert [process.hear() for process in processes] == ["ready"] * len(processes)
    for process in processes:
        process.go()
    return [process.hear() for process in processes]


async def prepare(folder: Path) -> RunRow:
    """An instance and a run that nobody drives."""
    async with await Store.open(folder) as store:
        return await store.create_run(new_run(await store.add_instance("gpu", [ENDPOINT])))


async def test_the_first_start_of_several_at_once(folder: Path, start: Start) -> None:
    assert all_at_once([start("open", str(n)) for n in range(4)]) == [[]] * 4
    async with await Store.open(folder) as store:
        assert [instance.name for instance in await store.instances()] == ["0", "1", "2", "3"]


async def test_a_damaged_file_is_moved_aside_by_one_of_them(folder: Path, start: Start) -> None:
    folder.mkdir()
    (folder / "vastdesk.db").write_bytes(b"garbage" * 1000)
    notices = all_at_once([start("open", str(n)) for n in range(3)])
    assert sorted(map(len, notices)) == [0, 0, 1]
    assert len(list(folder.glob("*.damaged-*"))) == 1
    async with await Store.open(folder) as store:
        assert [instance.name for instance in await store.instances()] == ["0", "1", "2"]


async def test_one_of_many_gets_the_instance_and_the_others_hear_which_run(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    async with await Store.open(folder) as store:
        await store.append_desktop(run.id, "run_state", state="failed")
    answers = all_at_once([start("create", "") for _ in range(4)])
    (made,) = [answer for answer in answers if answer[0] == "made"]
    assert [answer for answer in answers if answer != made] == [["instance_busy", made[1], False]] * 3


async def test_the_same_id_at_once_is_one_run_with_one_driver(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    async with await Store.open(folder) as store:
        await store.append_desktop(run.id, "run_state", state="failed")
    answers = all_at_once([start("create", "one-and-the-same") for _ in range(4)])
    assert [answer[:2] for answer in answers] == [["made", "one-and-the-same"]] * 4
    assert [answer[2] for answer in answers].count(True) == 1


async def test_one_of_many_takes_over_the_run_of_a_killed_process(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    driver = start("hold", run.id)
    assert driver.hear() is True
    async with await Store.open(folder) as store:
        assert await store.is_driven(run.id) and not await store.claim_run(run.id)
        heirs = [start("claim", run.id) for _ in range(3)]
        driver.kill()
        assert not await store.is_driven(run.id)
        assert all_at_once(heirs).count(True) == 1
        assert await store.is_driven(run.id)


async def test_all_write_at_once_and_every_event_is_there_once(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    count = 200
    stored = all_at_once([start("write", run.id, f"job-{n}", str(count)) for n in range(3)])
    async with await Store.open(folder) as store:
        events = await store.events(run.id, limit=10_000)
    assert [event["rseq"] for event in events] == list(range(1, len(events) + 1))
    for job, expected in {
        "job-0": count,
        "job-1": count,
        "job-2": count,
        "shared": count,
        "desktop": 3 * count // 5,
    }.items():
        assert [event["seq"] for event in events if event["job"] == job] == list(range(1, expected + 1)), job
    assert sum(stored) == 4 * count


async def test_what_a_killed_process_was_told_is_stored_is_there(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    for _ in range(3):
        writer = start("write_for_ever", run.id)
        said = [writer.hear() for _ in range(20)]
        writer.kill()
        said += writer.rest()
        async with await Store.open(folder) as store:
            assert store.notices == []
            last = await store.last_seq(run.id, "a")
            assert said[-1] <= last <= said[-1] + 1
            assert [event["seq"] for event in await store.events(run.id, limit=100_000)] == list(range(1, last + 1))


async def test_changes_of_another_process_are_noticed(folder: Path, start: Start) -> None:
    run = await prepare(folder)
    async with await Store.open(folder) as store:
        seen = await store.change_count()
        writer = start("write_for_ever", run.id)
        writer.hear()
        assert await store.change_count() > seen
