"""Login shells that let no command through: VastDesk gets in by a terminal."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.sshd import terminals_work
from tests.integration.remote.conftest import World
from vastdesk.domain.errors import VastDeskError

AUTO_TMUX = 'if [ -z "$TMUX" ] && [ ! -e ~/.no_auto_tmux ]; then tmux attach || tmux new; exit; fi\n'
ALWAYS_TMUX = '[ -z "$TMUX" ] && exec tmux new -A -s main\n'


@pytest.fixture
def tmux_dir() -> Iterator[str]:
    """Where this test's tmux listens: the developer's own sessions are none of its business."""
    if shutil.which("tmux") is None:
        pytest.skip("no tmux on this computer")
    if not terminals_work():
        pytest.skip("an sshd of an ordinary user gives out no terminals on this computer")
    folder = tempfile.mkdtemp(prefix="vd-tmux-")  # short: a socket's path has 108 characters
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tmux_world(make_world: Callable[..., World], tmux_dir: str) -> Callable[[str], World]:
    # A login shell in a terminal reads .profile, which reads .bashrc on every Debian.
    files = {".profile": ". ~/.bashrc\n"}
    env = {"TMUX_TMPDIR": tmux_dir, "VASTDESK_HOME": f"{tmux_dir}/vd"}
    return lambda rc: make_world(rc={**files, ".bashrc": rc}, env=env)


def windows(tmux_dir: str) -> list[str]:
    listed = subprocess.run(
        ["tmux", "list-windows", "-a", "-F", "#{window_id}:#{pane_pid}"],
        env={"TMUX_TMPDIR": tmux_dir, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout.split()


async def test_without_the_rescue_it_says_what_to_do(tmux_world: Callable[[str], World]) -> None:
    world = tmux_world(AUTO_TMUX)
    with pytest.raises(VastDeskError) as caught:
        await world.connected(rescue=False)
    assert caught.value.kind == "shell_in_the_way"


async def test_auto_tmux_that_ends_the_shell_is_switched_off(tmux_world: Callable[[str], World], tmux_dir: str) -> None:
    world = tmux_world(AUTO_TMUX)
    link = await world.connected()
    assert (world.sshd.home / ".no_auto_tmux").exists()
    assert "made ~/.no_auto_tmux" in world.rungs[-1].note
    assert await link.run(["echo", "a b"]) == (0, b"a b\n")
    await link.close()
    again = await world.connected(rescue=False)
    assert again.connected


async def test_a_session_of_the_user_is_left_as_it_was(
    tmux_world: Callable[[str], World], tmux_dir: str, tmp_path: Path
) -> None:
    world = tmux_world(AUTO_TMUX)
    typed = tmp_path / "typed"
    subprocess.run(
        ["tmux", "new", "-d", f"cat > {typed}"],
        env={"TMUX_TMPDIR": tmux_dir, "PATH": "/usr/bin:/bin", "HOME": str(world.sshd.home)},
        check=True,
    )
    before = windows(tmux_dir)
    assert len(before) == 1
    link = await world.connected()
    assert link.connected
    assert windows(tmux_dir) == before
    assert typed.read_text() == ""


async def test_a_shell_that_is_always_tmux_is_reached_through_a_socket(
    tmux_world: Callable[[str], World], tmux_dir: str
) -> None:
    world = tmux_world(ALWAYS_TMUX)
    link = await world.connected()
    assert (await link.client.status("none")).state == "absent"
    assert await link.run(["sh", "-c", "cat; exit 3"], stdin=b"\x00hello") == (3, b"\x00hello")
    doors = list(Path(tmux_dir).glob("vd/door-*"))
    assert len(doors) == 1
    assert doors[0].stat().st_mode & 0o077 == 0
    assert (doors[0] / "door").stat().st_mode & 0o077 == 0


async def test_a_shell_that_just_ends_is_beyond_rescue(make_world: Callable[..., World]) -> None:
    world = make_world(rc={".bashrc": "exit 0\n", ".bash_profile": "exit 0\n"})
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "shell_in_the_way"
