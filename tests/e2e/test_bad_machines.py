"""Machines that lack something, or whose login shell gets in the way: named in a sentence, or worked around."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.box import TORCH, Box
from tests.e2e.rules import check_exactly_once, check_task_list
from tests.fakes.git_host import FakeGitHost
from tests.integration.steps.conftest import rows
from vastdesk.domain.views import RunView
from vastdesk.workers.outcome import exit_code


def bare_path(folder: Path, *tools: str) -> str:
    """A PATH that holds these tools and nothing else."""
    folder.mkdir()
    for tool in tools:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


async def test_no_python_ends_the_run_with_what_to_do(make_box: Callable[..., Box], tmp_path: Path) -> None:
    box = make_box(env={"PATH": bare_path(tmp_path / "bin", "sh", "cat")})
    async with box.engine() as engine:
        view, events = await box.run(engine, {"use": "test_ssh"}, box.install("A,https://h/a.git,,\n"))
    assert (view.state, view.kind) == ("failed", "no_python")
    assert exit_code(view) == 1
    assert "python3" in view.reason + view.action
    assert [step.state for step in view.steps] == ["failed", "pending"]
    assert not box.sshd.vastdesk_home.exists()
    assert box.processes() == []
    check_exactly_once(events)


async def failed_installation(box: Box, rows: str, **params: Any) -> RunView:
    async with box.engine() as engine:
        view, events = await box.run(engine, box.install(rows, **params))
        check_exactly_once(events)
        check_task_list(events)
        assert view.state == "failed"
        assert exit_code(view) == 1
        assert [step.state for step in view.steps] == ["failed"]
        assert not box.marked()
    return view


def venv_row(view: RunView) -> tuple[str, str]:
    task = view.steps[0].task("venv")
    assert task is not None
    return task.state, task.note


async def test_comfyui_that_is_nowhere_is_said(bare_box: Box, git_host: FakeGitHost) -> None:
    view = await failed_installation(bare_box, rows(git_host, "Plain"))
    assert venv_row(view) == ("failed", "no ComfyUI was found on the instance")
    assert "Set the path of ComfyUI" in view.reason


async def test_a_given_folder_without_comfyui_is_named(box: Box, git_host: FakeGitHost) -> None:
    view = await failed_installation(box, rows(git_host, "Plain"), path="/nowhere/ComfyUI")
    assert venv_row(view) == ("failed", "there is no ComfyUI in /nowhere/ComfyUI")
    assert not Path("/nowhere").exists()
    assert box.heads() == {}


def no_environment(python: Path) -> None:
    shutil.rmtree(python.parents[1])


def dangling_link(python: Path) -> None:
    """The base Python was upgraded away."""
    for name in ("python", "python3"):
        (python.parent / name).unlink(missing_ok=True)
    python.symlink_to("/usr/lib/python-that-is-gone/bin/python3")


def missing_library(python: Path) -> None:
    python.unlink()
    python.write_text("#!/bin/sh\necho 'error while loading shared libraries: libpython3.so' >&2; exit 127\n")
    python.chmod(0o755)


def wrong_machine(python: Path) -> None:
    """Built for another processor."""
    python.unlink()
    python.write_bytes(b"\x7fELF" + bytes(60))
    python.chmod(0o755)


def killed_at_once(python: Path) -> None:
    python.unlink()
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o755)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (no_environment, "the Python environment of ComfyUI was not found"),
        (dangling_link, "the Python environment of ComfyUI was not found"),
        (missing_library, "does not work: error while loading shared libraries: libpython3.so"),
        (wrong_machine, "does not work: "),
        (killed_at_once, "does not work: "),
    ],
)
async def test_a_missing_or_broken_environment_is_named_before_anything_is_cloned(
    box: Box, git_host: FakeGitHost, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(box.machine.python)
    view = await failed_installation(box, rows(git_host, "Plain"))
    state, note = venv_row(view)
    assert state == "failed"
    assert sentence in note
    assert box.heads() == {}


# In a mount namespace of its own /usr/bin holds everything but git.
HIDE_GIT = """#!/bin/sh
mount --make-rprivate / && mount --bind /usr/bin {real} && mount --bind {farm} /usr/bin && exec /bin/sh "$@"
"""


def without_git(box: Box) -> None:
    """Hides it; where no namespace may be made, one lies there that does not run."""
    farm, real, shell = (box.folder / name for name in ("farm", "real", "shell-without-git"))
    farm.mkdir()
    real.mkdir()
    for path in Path("/usr/bin").iterdir():
        if path.name != "git":
            (farm / path.name).symlink_to(real / path.name)
    shell.write_text(HIDE_GIT.format(farm=farm, real=real))
    shell.chmod(0o755)
    login_shell = ["/usr/bin/unshare", "-m", str(shell)]
    probe = subprocess.run([*login_shell, "-c", "command -v git || echo none"], capture_output=True, check=False)
    if probe.stdout == b"none\n":
        box.sshd.login_shell = login_shell
        box.sshd.restart()
    else:
        box.machine.add_tool("git", "#!/bin/sh\necho 'sh: git: not found' >&2; exit 127\n")


async def test_no_git_is_said_before_anything_is_cloned(box: Box, git_host: FakeGitHost) -> None:
    without_git(box)
    view = await failed_installation(box, rows(git_host, "Plain"))
    state, note = venv_row(view)
    assert state == "failed"
    assert note.startswith("git cannot be run on the instance: ")
    assert "apt-get install git" in view.reason
    assert box.heads() == {}


# --- login shells -----------------------------------------------------------------------------------------------------

BANNER = "printf '\\033[1;31m>>> Welcome\\033[0m\\n\\033]0;title\\007'; echo '{\"boot\": 1}' >&2; tput bold\n"
AUTO_TMUX = 'if [ -z "$TMUX" ] && [ ! -e ~/.no_auto_tmux ]; then tmux attach || tmux new; exit; fi\n'
SHELLS = {
    "banners and colours": BANNER,
    "cd elsewhere": "cd /tmp; umask 077; set -u\n",
    "exec tmux": '[ -z "$TMUX" ] && exec tmux new -A -s main\n',
    "Vast's tmux": AUTO_TMUX,
    "empty environment": "",
}


@pytest.fixture
def tmux_dir() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="vd-tmux-")  # short: a socket's path has 108 characters
    yield folder
    subprocess.run(["tmux", "kill-server"], env={**os.environ, "TMUX_TMPDIR": folder}, capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name", SHELLS)
async def test_the_whole_workflow_runs_behind_a_login_shell_with(
    make_box: Callable[..., Box], git_host: FakeGitHost, tmux_dir: str, name: str
) -> None:
    box = make_box(
        rc={".bashrc": SHELLS[name], ".profile": ". ~/.bashrc\n"},
        env={"TMUX_TMPDIR": tmux_dir, "VASTDESK_HOME": f"{tmux_dir}/vd"},
    ).furnish(TORCH)
    if name == "empty environment":
        kept = {"VASTDESK_SYSROOT": str(box.sshd.sysroot), "HOME": str(box.sshd.home)}
        box.sshd.login_shell = ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in kept.items()), "/bin/sh"]
        box.sshd.restart()
    listed = rows(git_host, "Plain", "Colour") + f"Foreign,{git_host.url('Colour')},Ünïcode-节点,requirements.txt,\n"
    comfyui = str(box.machine.comfyui)
    steps = (
        {"use": "test_ssh"},
        {"use": "set_ui_home", "with": {"path": comfyui}},
        {"use": "get_ui_home"},
        {"use": "configure_links"},
        box.install(listed),
        {"use": "run_command", "with": {"script": "pwd; echo done"}},
        {"use": "verify_dependencies"},
    )
    async with box.engine() as engine:
        view, events = await box.run(engine, *steps)
        assert view.state == "succeeded", (view.reason, view.tail)
        assert [step.state for step in view.steps] == ["succeeded"] * len(steps)
        note = "Successfully installed 3/3 custom nodes · all dependencies verified"
        assert view.steps[4].note == note
        check_exactly_once(events)
        check_task_list(events)
    assert set(box.heads()) == {"Plain", "Colour", "Ünïcode-节点"}
    assert f"UI_HOME={comfyui}\n" in (box.sshd.sysroot / "etc/environment").read_text()
    assert not box.marked()
