"""The disk of the machine is full: before anything, while the event log is written, in the middle of a clone. The run
ends with that reason, every record is whole, and with room again it goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.box import Box, states
from tests.e2e.rules import check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.integration.runner.small_disk import FAULTY_WRITE
from tests.integration.steps.conftest import GOOD, row, rows
from tests.integration.workers.world import script_step, until
from vastdesk.remote import package
from vastdesk.workers.outcome import exit_code

MIB = 1 << 20


def faulty_package() -> package.RunnerPackage:
    """A runner whose writes fail as on a full disk, while the disk is said to be full."""
    sources = package.runner_sources()
    text = sources["supervisor.py"].decode()
    faulty = text.replace("\nclass Supervisor:", FAULTY_WRITE).replace("= os.write,", "= _write_on_a_small_disk,")
    assert faulty.count("_write_on_a_small_disk") == 2
    return package.build(sources | {"supervisor.py": faulty.encode()})


@pytest.fixture
def small_box(make_box: Callable[..., Box]) -> Box:
    return make_box(disk_bytes=24 * MIB)


async def test_a_full_disk_is_said_before_the_runner_is_there(small_box: Box) -> None:
    disk = small_box.disk
    assert disk is not None
    if not disk.is_real:
        return  # what cannot be filled cannot refuse
    disk.fill()
    async with small_box.engine() as engine:
        view, events = await small_box.run(engine, script_step("true"))
        assert (view.state, view.kind) == ("failed", "disk_full_remote")
        check_exactly_once(events)
        disk.free()
        await engine.resume(events[0]["run"])
        view, _ = await small_box.finish(engine, events[0]["run"])
    assert view.state == "succeeded"


async def test_a_job_that_cannot_be_started_says_why_and_can_be_later(small_box: Box) -> None:
    disk = small_box.disk
    assert disk is not None
    if not disk.is_real:
        return  # what cannot be filled cannot refuse
    async with small_box.engine() as engine:
        await small_box.run(engine, script_step("true"))
        disk.fill()
        view, events = await small_box.run(engine, script_step("true"))
        assert (view.state, view.kind) == ("failed", "disk_full_remote")
        check_exactly_once(events)
        disk.free()
        await engine.resume(events[0]["run"])
        view, _ = await small_box.finish(engine, events[0]["run"])
    assert view.state == "succeeded"


async def test_a_disk_that_fills_under_the_event_log_ends_the_job_and_loses_no_record(
    small_box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, gate, begun = small_box.disk, small_box.folder / "gate", small_box.folder / "begun"
    assert disk is not None
    if not disk.is_real:
        monkeypatch.setattr(package, "runner_package", faulty_package)
    script = (
        f"touch {begun}; until [ -e {gate} ]; do sleep 0.02; done\n"
        f"until [ -e {gate}-2 ]; do echo $RANDOM {'x' * 200}; sleep 0.05; done"
    )
    async with small_box.engine() as engine:
        row = await small_box.start(engine, script_step(script), script_step("true", id="later"))
        await until(begun.exists)
        disk.fill()
        gate.touch()
        view, events = await small_box.finish(engine, row.id)
        assert (view.state, view.reason) == ("failed", "disk full")
        assert exit_code(view) == 1
        assert [step.state for step in view.steps] == ["failed", "pending"]
        types = [event["type"] for event in events if event["job"] != "desktop"]
        assert types[-2:] == ["step_finished", "job_finished"]
        check_exactly_once(events)
        assert not small_box.marked()
        disk.free()
        Path(f"{gate}-2").touch()
        await engine.resume(row.id)
        view, events = await small_box.finish(engine, row.id)
    assert view.state == "succeeded"
    check_exactly_once(events)


def stand_in(box: Box, tool: str, when: str) -> None:
    """Where no small disk can be made: a tool that ends as the real one does when the disk fills under it."""
    assert box.disk is not None
    if box.disk.is_real:
        return
    box.disk.full.touch()
    path = box.machine.tools / tool
    real = path.resolve() if path.exists() else shutil.which(tool)
    path.unlink(missing_ok=True)
    words = "fatal: write error: No space left on device"
    test = f'case "$*" in {when}) [ -e {box.disk.full} ] && echo "{words}" && exit 128;; esac'
    box.machine.add_tool(tool, f'#!/bin/sh\n{test}\nexec {real} "$@"\n')


async def ends_full_and_goes_on(box: Box, listed: str, failing: str) -> None:
    disk = box.disk
    assert disk is not None
    async with box.engine() as engine:
        run = await box.start(engine, box.install(listed))
        view, events = await box.finish(engine, run.id)
        assert view.state == "failed"
        assert view.reason.startswith("the disk of the instance is full ")
        assert view.steps[0].note == view.reason
        assert states(view.steps[0])[failing] == "failed"
        assert not any("vastdesk-part" in name for name in box.heads())
        assert not box.marked()
        check_exactly_once(events)
        check_task_list(events)
        disk.grow(160 * MIB)
        await engine.resume(run.id)
        view, events = await box.finish(engine, run.id)
    assert view.state == "succeeded"
    assert set(states(view.steps[0]).values()) <= {"succeeded", "skipped"}
    assert all(box.heads().values())
    check_exactly_once(events)
    check_task_list(events)


async def test_a_disk_that_fills_while_cloning_ends_the_run_and_a_larger_one_finishes_it(
    small_box: Box, own_host: FakeGitHost
) -> None:
    """One disk for everything, as on rented machines: the event log's is full in the same moment."""
    small_box.furnish()
    stand_in(small_box, "git", "*Huge*")
    for name in ("First", "Last"):
        own_host.add(name, {"__init__.py": GOOD})
    own_host.add("Huge", {"__init__.py": GOOD, "model.bin": os.urandom(26 * MIB)})
    listed = "".join(row(own_host, name) for name in ("First", "Huge", "Last"))
    await ends_full_and_goes_on(small_box, listed, "Huge")


async def test_a_disk_that_fills_while_packages_are_installed(
    make_box: Callable[..., Box], git_host: FakeGitHost
) -> None:
    with PackageIndex() as index:
        index.add("heavy", "1.0", modules={"heavy": "x = 1\n" + "#" * (26 * MIB) + "\n"})
        git_host.add("Heavy", {"__init__.py": "import heavy\n" + GOOD, "requirements.txt": "heavy\n"})
        box = make_box(disk_bytes=24 * MIB, index=index).furnish()
        stand_in(box, "uv", '*"install --python"*"-r "*')
        await ends_full_and_goes_on(
            box, rows(git_host, "Plain") + row(git_host, "Heavy", requirements="requirements.txt"), "Heavy"
        )
        assert box.machine.freeze() == ["heavy==1.0"]
