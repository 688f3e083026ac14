"""Clones of every kind of repository a list can name: what is retried, what is not, what is repaired."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.git_host import FakeGitHost, Misbehaviour
from tests.integration.steps.conftest import GOOD, row, rows
from tests.integration.steps.world import HEADER, Run, StepWorld


@pytest.fixture
def bare_list(bare: StepWorld) -> StepWorld:
    """Cloning alone: ComfyUI cannot be verified here, and need not."""
    bare.add_python()
    (bare.comfyui / "main.py").unlink()
    bare.write_environment(UI_HOME=str(bare.comfyui))
    return bare


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[FakeGitHost]:
    """For a host that hangs: it is let go in the end."""
    with FakeGitHost(tmp_path / "host") as host:
        yield host
        host.release()


def install(world: StepWorld, listed: str, **params: object) -> Run:
    return world.install(listed, path=str(world.comfyui), python=str(world.python), **params)


def head(folder: Path) -> str:
    argv = ["git", "--git-dir", folder / ".git", "rev-parse", "HEAD"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("how", "tries", "sentence"),
    [
        ("password", 1, "it does not exist or asks for a login"),
        ("missing", 1, "it does not exist"),
        ("error", 3, "the git server answers with an error (3 tries)"),
        ("hang", 2, "the git server said nothing for 1.2 s (2 tries)"),
        ("cut", 3, "the connection to the git server broke off (3 tries)"),
    ],
)
def test_only_passing_troubles_are_tried_again(
    bare_list: StepWorld, own_host: FakeGitHost, how: Misbehaviour, tries: int, sentence: str
) -> None:
    git_host, name = own_host, f"Bad-{how}"
    git_host.add(name, {"__init__.py": GOOD, "large": os.urandom(400_000)})
    url = git_host.misbehave(name, how)
    stall, allowed = (1.2, 2) if how == "hang" else (5, 3)
    run = install(bare_list, row(git_host, name), stall=stall, tries=allowed)
    assert run.last_note(name) == f"{sentence}: {url}"
    first = [path for method, path in git_host.requests if method == "GET" and f"/{name}.git/info/refs" in path]
    assert len(first) == tries
    assert not (bare_list.custom_nodes / name).exists()
    assert not list(bare_list.custom_nodes.glob("*vastdesk-part*"))


def test_a_passing_trouble_passes(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    git_host.add("Shaky", {"__init__.py": GOOD})
    git_host.misbehave("Shaky", "error", times=2)
    run = install(bare_list, row(git_host, "Shaky"))
    assert run.states("Shaky") == ["running", "succeeded"]
    assert run.output.count("Shaky: the git server answers with an error, trying again") == 2


def test_an_empty_repository(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    url = git_host.misbehave("Empty", "empty")
    run = install(bare_list, row(git_host, "Empty"))
    assert run.last_note("Empty") == f"the repository is empty: {url}"


def test_tags_branches_and_commits(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    versions = [{"__init__.py": GOOD, "v": "1"}, {"__init__.py": GOOD, "v": "2"}, {"__init__.py": GOOD, "v": "3"}]
    git_host.add("Versions", versions, tags=["v1.0", None, None])
    root = git_host.repositories / "Versions.git"
    argv = ["git", "--git-dir", root, "rev-parse", "main~1"]
    second = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    wanted = {"Tag": ("v1.0", "1"), "Full": (second, "2"), "Short": (second[:9], "2"), "Branch": ("main", "3")}
    url = git_host.url("Versions")
    listed = "".join(f"{name},{url},,,{ref}\n" for name, (ref, _) in wanted.items()) + f"None,{url},,,v9.9\n"
    run = install(bare_list, listed)
    for name, (_, version) in wanted.items():
        assert run.state(name) == "succeeded", run.last_note(name)
        assert (bare_list.custom_nodes / name / "v").read_text() == version
    assert run.last_note("None") == f"it has no such tag or commit: {url}"
    again = install(bare_list, listed)
    assert {again.last_note(name).split(" (")[0] for name in wanted} == {"already installed"}
    assert not any("the list asks for" in again.last_note(name) for name in wanted)


def test_another_commit_than_the_list_asks_for_is_said_and_left_alone(
    bare_list: StepWorld, git_host: FakeGitHost
) -> None:
    git_host.add("Pinned", [{"__init__.py": GOOD}, {"__init__.py": GOOD, "new": "x"}], tags=["v1", "v2"])
    install(bare_list, row(git_host, "Pinned", ref="v2"))
    run = install(bare_list, row(git_host, "Pinned", ref="v1"))
    assert run.state("Pinned") == "skipped"
    assert run.last_note("Pinned").endswith("the list asks for v1")


def test_submodules_come_along(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    git_host.add("Inner", {"inner.py": "x = 1\n"})
    git_host.add("Outer", {"__init__.py": GOOD}, submodules={"lib/inner": "Inner"})
    run = install(bare_list, row(git_host, "Outer"))
    assert run.state("Outer") == "succeeded", run.output
    assert (bare_list.custom_nodes / "Outer/lib/inner/inner.py").read_text() == "x = 1\n"
    status = ["git", "-C", bare_list.custom_nodes / "Outer", "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize("order", ["parent first", "child first"])
def test_a_node_inside_another_comes_after_it(bare_list: StepWorld, git_host: FakeGitHost, order: str) -> None:
    listed = [row(git_host, "Pack"), row(git_host, "Subpack", subfolder="Pack/impact_subpack")]
    run = install(bare_list, "".join(listed if order == "parent first" else reversed(listed)))
    assert run.note.startswith("Successfully installed 2/2 custom nodes")
    inner = bare_list.custom_nodes / "Pack" / "impact_subpack"
    assert head(inner) == git_host.head("Subpack")
    status = ["git", "-C", bare_list.custom_nodes / "Pack", "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""


def test_the_child_of_a_failed_node_fails_too(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    git_host.misbehave("LostPack", "missing")
    listed = row(git_host, "LostPack") + f"Child,{git_host.url('Plain')},LostPack/child,\n"
    run = install(bare_list, listed)
    assert run.last_note("Child").startswith("its folder lies in that of LostPack, which failed")
    assert not (bare_list.custom_nodes / "LostPack").exists()


def test_a_broken_parent_is_repaired_without_losing_the_child_or_the_users_files(
    bare_list: StepWorld, git_host: FakeGitHost
) -> None:
    listed = row(git_host, "Pack") + row(git_host, "Subpack", subfolder="Pack/sub")
    install(bare_list, listed)
    pack = bare_list.custom_nodes / "Pack"
    (pack / "my-settings.json").write_text("mine")
    (pack / "sub" / "my-cache").write_text("mine too")
    (pack / ".git" / "HEAD").unlink()
    run = install(bare_list, listed)
    assert run.note.startswith("Successfully installed 2/2 custom nodes · 1 already there")
    assert head(pack) == git_host.head("Pack")
    assert (pack / "sub" / "my-cache").read_text() == "mine too"
    (aside,) = bare_list.custom_nodes.glob("Pack.broken-*")
    assert aside.name.endswith(".disabled"), "ComfyUI would load it"
    assert (aside / "my-settings.json").read_text() == "mine"


def test_what_a_killed_clone_left_is_repaired(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    subprocess.run(["git", "init", "-q", bare_list.custom_nodes / "Plain"], check=True)
    part = bare_list.custom_nodes / "Einops.vastdesk-part.disabled"
    (part / ".git").mkdir(parents=True)
    (part / "half").write_text("x")
    run = install(bare_list, row(git_host, "Plain") + row(git_host, "Einops"))
    assert run.note.startswith("Successfully installed 2/2 custom nodes")
    assert not part.exists()
    assert head(bare_list.custom_nodes / "Plain") == git_host.head("Plain")


def test_a_copy_without_git_counts_as_there_and_an_empty_folder_does_not(
    bare_list: StepWorld, git_host: FakeGitHost
) -> None:
    (bare_list.custom_nodes / "Plain").mkdir()
    (bare_list.custom_nodes / "Plain" / "nodes.py").write_text("mine")
    (bare_list.custom_nodes / "Einops").mkdir()
    run = install(bare_list, row(git_host, "Plain") + row(git_host, "Einops"))
    assert run.states("Plain") == ["skipped"]
    assert run.last_note("Plain") == "already there, without git"
    assert (bare_list.custom_nodes / "Plain" / "nodes.py").read_text() == "mine"
    assert run.state("Einops") == "succeeded"


def test_inside_a_comfyui_that_is_a_clone_a_broken_node_is_not_taken_for_it(
    bare_list: StepWorld, git_host: FakeGitHost
) -> None:
    for argv in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", bare_list.comfyui, *argv], check=True)
    (bare_list.custom_nodes / "Plain" / ".git").mkdir(parents=True)
    (bare_list.custom_nodes / "Plain" / "x").write_text("x")
    run = install(bare_list, row(git_host, "Plain"))
    assert run.state("Plain") == "succeeded"


def test_links_that_lead_out_are_not_followed(bare_list: StepWorld, git_host: FakeGitHost, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (bare_list.custom_nodes / "Exit").symlink_to(outside)
    (bare_list.custom_nodes / "Plain").symlink_to(tmp_path / "nothing")
    run = install(bare_list, f"Sneaky,{git_host.url('Plain')},Exit/sneaky,\n" + row(git_host, "Plain"))
    assert run.last_note("Sneaky").startswith("its folder would lie outside custom_nodes")
    assert run.last_note("Plain").startswith("a link to nothing is in the way")
    assert not list(outside.iterdir())


def test_hostile_addresses_never_reach_git(bare_list: StepWorld, git_host: FakeGitHost, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    listed = (
        f"One,--upload-pack=touch {trap},,\nTwo,ext::sh -c touch% {trap},,\nThree,https://user:pw@host/x.git,,\n"
        f"Four,{git_host.url('Plain')},,,--upload-pack=touch\nFive; touch {trap},{git_host.url('Plain')},,\n"
    )
    run = install(bare_list, listed + row(git_host, "Plain"))
    assert run.note.startswith("Installed 1/6 custom nodes (5 failed)")
    assert not trap.exists()
    assert "pw@" not in run.output


def test_git_progress_reaches_the_row(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    git_host.add("Large", {"__init__.py": GOOD, **{f"f{n}": os.urandom(3000) for n in range(300)}})
    run = install(bare_list, row(git_host, "Large"))
    done = [event["progress"]["done"] for event in run.of("Large") if "progress" in event]
    assert done == sorted(done)
    assert done[-1] == 100
    assert any("size_bytes" in event for event in run.of("Large"))


def test_cancelling_a_hanging_clone_leaves_no_process_and_no_half_node(
    bare_list: StepWorld, own_host: FakeGitHost
) -> None:
    own_host.misbehave("Hangs", "hang")
    paths = {"path": str(bare_list.comfyui), "python": str(bare_list.python)}
    step = bare_list.start("install_custom_nodes", {"nodes": HEADER + row(own_host, "Hangs"), "stall": 60, **paths})
    step.until(lambda event: event.get("state") == "running" and event["id"] == "node:1")
    begin = time.monotonic()
    run = step.cancel()
    assert run.code == 143
    assert time.monotonic() - begin < 5
    assert run.events[-1]["type"] == "task", "no result: the supervisor knows that it cancelled"
    assert not (bare_list.custom_nodes / "Hangs").exists()


def test_rows_of_a_list_without_requirements_need_no_index(bare_list: StepWorld, git_host: FakeGitHost) -> None:
    bare_list.write_environment(UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    run = install(bare_list, rows(git_host, "Plain"))
    assert run.state("Plain") == "succeeded"
