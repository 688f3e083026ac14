"""Node lists, repositories and requirements as bad as they come: each is named, the others are installed."""

from __future__ import annotations

import shutil

from tests.e2e.box import Box, reason, states
from tests.e2e.rules import check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.integration.steps.conftest import GOOD, row, rows


async def test_requirements_that_cannot_be_met_fail_their_node_and_torch_stays(
    gpu_box: Box, git_host: FakeGitHost
) -> None:
    git_host.add("OldTorch", {"__init__.py": GOOD, "requirements.txt": "colorama\ntorch==2.7.0\n"})
    git_host.add("NewTorch", {"__init__.py": GOOD, "requirements.txt": "torch>=2.9\n"})
    bad = ("OldTorch", "NewTorch", "OldNumpy", "OldInside", "Nowhere", "Hard")
    listed = rows(git_host, "Plain", *bad[2:], "Colour", "Einops")
    listed += "".join(row(git_host, name, requirements="requirements.txt") for name in bad[:2])
    async with gpu_box.engine() as engine:
        view, events = await gpu_box.run(engine, gpu_box.install(listed))
    (step,) = view.steps
    assert view.state == "succeeded"
    assert step.note == "Installed 3/9 custom nodes (6 failed) · all dependencies verified"
    assert {name for name, state in states(step).items() if state == "failed"} == set(bad)
    assert "`torch==2.7.0`, does not fit torch 2.8.0+cu128, which is installed and stays" in reason(step, "OldTorch")
    assert "`torch>=2.9`, does not fit torch 2.8.0+cu128, which is installed and stays" in reason(step, "NewTorch")
    assert "`numpy<2`, does not fit numpy 2.1.3, which is installed and stays" in reason(step, "OldNumpy")
    assert "needs numpy<2, but numpy 2.1.3 is installed and stays" in reason(step, "OldInside")
    assert "`no-such-package>=1`, was not found in the package index" in reason(step, "Nowhere")
    assert "hard-to-build could not be built: error: command 'gcc' failed" in reason(step, "Hard")
    assert gpu_box.machine.freeze() == ["colorama==0.4.6", "einops==0.8.1", "numpy==2.1.3", "torch==2.8.0+cu128"]
    check_exactly_once(events)
    check_task_list(events)


async def test_repositories_that_cannot_be_had_fail_alone(box: Box, own_host: FakeGitHost) -> None:
    for name in ("Good", "Better"):
        own_host.add(name, {"__init__.py": GOOD})
    for name in ("missing", "password", "empty", "hang"):
        own_host.misbehave(name, name)  # type: ignore[arg-type]
    names = ("missing", "password", "Good", "empty", "hang", "Better")
    listed = "".join(row(own_host, name) for name in names)
    listed += (
        "Refused,http://127.0.0.1:9/x.git,,\nNobody,http://nobody.invalid/x.git,,\nNofile,file:///nowhere/x.git,,\n"
    )
    async with box.engine() as engine:
        view, events = await box.run(engine, box.install(listed, stall=0.6, tries=2))
        (step,) = view.steps
        assert view.state == "succeeded"
        assert step.note == "Installed 2/9 custom nodes (7 failed) · all dependencies verified"
        assert "it does not exist" in reason(step, "missing")
        assert reason(step, "password").startswith("it does not exist or asks for a login: ")
        assert reason(step, "empty").startswith("the repository is empty: ")
        assert reason(step, "hang").startswith("the git server said nothing for 0.6 s (2 tries): ")
        assert "the connection to the git server broke off" in reason(step, "Refused")
        assert "the name of the git server cannot be resolved" in reason(step, "Nobody")
        assert "it does not exist" in reason(step, "Nofile")
        assert box.heads() == {name: own_host.head(name) for name in ("Better", "Good")}
        check_exactly_once(events)
        check_task_list(events)
        assert not box.marked()

        for name in ("missing", "password", "hang"):
            own_host.behave(name)
            own_host.add(name, {"__init__.py": GOOD})
        retried = await engine.retry(events[0]["run"], failed_only=True)
        view, events = await box.finish(engine, retried.id)
    (step,) = view.steps
    assert step.note == "Installed 3/7 custom nodes (4 failed) · all dependencies verified"
    assert states(step)["hang"] == "succeeded"
    check_task_list(events)


def dies_once(box: Box, tool: str, when: str) -> None:
    """The kernel ends a tool the first time it is called so, as it does when memory runs out."""
    path = box.machine.tools / tool
    real = path.resolve() if path.exists() else shutil.which(tool)
    path.unlink(missing_ok=True)
    once = box.folder / f"{tool}-died"
    box.machine.add_tool(
        tool, f'#!/bin/sh\ncase "$*" in {when}) mkdir {once} 2>/dev/null && kill -9 $$;; esac\nexec {real} "$@"\n'
    )


async def test_what_the_kernel_kills_is_tried_again_or_named(
    box: Box, git_host: FakeGitHost, shared_index: PackageIndex
) -> None:
    shared_index.add("killed-build", "1.0", kind="killed")
    script = "import os, signal\nprint('loading a model', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    git_host.add("KilledScript", {"__init__.py": GOOD, "install.py": script})
    git_host.add("KilledBuild", {"__init__.py": GOOD, "requirements.txt": "killed-build\n"})
    dies_once(box, "git", "*clone*")
    dies_once(box, "uv", '*"install --python"*"-r "*')
    listed = rows(git_host, "Plain", "Einops", "KilledScript")
    listed += row(git_host, "KilledBuild", requirements="requirements.txt")
    async with box.engine() as engine:
        view, events = await box.run(engine, box.install(listed))
    (step,) = view.steps
    assert step.note == "Installed 2/4 custom nodes (2 failed) · all dependencies verified"
    assert reason(step, "KilledScript") == "it was killed (signal 9; out of memory?)"
    assert "killed-build could not be built: it was killed (signal 9; out of memory?)" in reason(step, "KilledBuild")
    said = [event["text"] for event in events if event["type"] == "log"]
    assert any("git was killed (signal 9; out of memory?), trying again" in text for text in said), said
    assert any("uv was killed (signal 9; out of memory?), trying again" in text for text in said), said
    assert box.machine.freeze() == ["einops==0.8.1"]
    check_task_list(events)
