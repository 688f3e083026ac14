"""Login shells as people find them on rented machines: the runner starts on all, and commands keep their output."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.remote.conftest import World
from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.connection import is_passing

# A line of bash that is valid in sh too.
RC_FILES = {
    "nothing": "",
    "coloured banner": "printf '\\033[1;31m>>> Instance provisioning is not yet complete\\033[0m\\n'\n",
    "banner without line break": "printf 'loading... '; printf 'warning: ' >&2\n",
    "300 kB on both": "for i in {1..3000}; do printf '%0100d\\n' $i; printf '%0100d\\n' $i >&2; done\n",
    "cd elsewhere": "cd /tmp; umask 077\n",
    "set -e and errors": "set -e\n",
    "set -u and -x": "set -ux\n",
    "nounset and a trap": "trap 'echo bye' EXIT\n",
    "tmux without exec": "tmux attach || tmux new\n",
    "output that is no text": "printf '\\377\\376\\000\\001\\n'\n",
    "an alias": "alias exec='echo no'; alias python3='echo no'\n",
    "misleading environment": "export PYTHONHOME=/nowhere PYTHONPATH=/nowhere PYTHONSTARTUP=/x LANG=xx LC_ALL=xx\n",
}
SHELLS = {
    "dash": ["/bin/dash"],
    "bash": ["/bin/bash"],
    "bash as a login shell": ["/bin/bash", "-l"],
    "empty environment": ["/usr/bin/env", "-i", "/bin/sh"],
    "posix bash": ["/bin/bash", "--posix"],
    "zsh": ["zsh"],
    "fish": ["fish"],
    "tcsh": ["tcsh"],
    "busybox": ["busybox", "sh"],
}


async def works(world: World) -> None:
    """Everything the app does with a shell."""
    link = await world.connected()
    assert (await link.client.status("none")).state == "absent"
    assert await link.run(["printf", "%s|", "a b", "it's", "back\\slash", '"', "$HOME", "*"]) == (
        0,
        b"a b|it's|back\\slash|\"|$HOME|*|",
    )
    assert await link.run(["sh", "-c", "cat; exit 3"], stdin=b"\x00\xff\nhello") == (3, b"\x00\xff\nhello")
    await link.close()


@pytest.mark.parametrize("name", RC_FILES)
async def test_a_login_shell_that_does(make_world: Callable[..., World], name: str) -> None:
    await works(make_world(rc={".bashrc": RC_FILES[name]}))


@pytest.mark.parametrize("rc", ["unset PATH\n", "export PATH=\n", "export PATH=/nowhere\n"])
async def test_a_login_shell_that_spoils_path(make_world: Callable[..., World], rc: str) -> None:
    link = await make_world(rc={".bashrc": rc}, env={"VASTDESK_SYSROOT": None}).connected()
    assert link.connected


@pytest.mark.parametrize("name", SHELLS)
async def test_the_login_shell_is(make_world: Callable[..., World], name: str) -> None:
    program, *rest = SHELLS[name]
    if (path := shutil.which(program)) is None:
        pytest.skip(f"{program} is not installed")
    await works(make_world(login_shell=[path, *rest]))


async def test_without_an_sftp_subsystem(make_world: Callable[..., World]) -> None:
    await works(make_world(sftp=None))


async def test_without_a_home_variable_the_account_tells_it(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(login_shell=["/usr/bin/env", "-u", "HOME", f"VASTDESK_HOME={tmp_path}/vd", "/bin/sh"])
    link = await world.connected()
    code, output = await link.run(["sh", "-c", "echo ${HOME-unset}"])
    assert (code, output) == (0, b"unset\n")
    assert link.facts["home"] == f"{tmp_path}/vd"
    assert stat.S_IMODE((tmp_path / "vd").stat().st_mode) == 0o700


def bare_machine(world_folder: Path, *tools: str) -> str:
    """A PATH that holds these tools and nothing else."""
    folder = world_folder / "bin"
    folder.mkdir()
    for tool in tools:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return str(folder)


async def test_no_python_on_the_machine(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(env={"PATH": bare_machine(tmp_path, "sh", "cat")})
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "no_python"
    assert [(rung.name, rung.state) for rung in world.rungs][-1] == ("runner", "failed")


async def test_only_an_old_python_and_one_that_is_broken(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(env={"PATH": bare_machine(tmp_path, "sh", "cat")})
    bin_folder = world.sshd.sysroot / "usr/bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python3").write_text("#!/bin/sh\necho 3.6.9 False\n")
    (tmp_path / "bin/python3").write_text("#!/bin/sh\necho Segmentation fault >&2; exit 139\n")
    (bin_folder / "python3").chmod(0o755)
    (tmp_path / "bin/python3").chmod(0o755)
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "python_too_old"
    assert caught.value.facts["found"] == "3.6.9"


async def test_a_home_that_cannot_be_written(make_world: Callable[..., World]) -> None:
    world = make_world(env={"VASTDESK_HOME": "/dev/null/vastdesk"})
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "home_not_writable"
    assert "/dev/null/vastdesk" in caught.value.sentence


@pytest.mark.parametrize("rc", ["exit 0\n", "exec true\n", "echo maintenance; kill -9 $$\n"])
async def test_a_shell_that_ends_before_the_command(make_world: Callable[..., World], rc: str) -> None:
    world = make_world(rc={".bashrc": rc})
    world.pin()
    with pytest.raises(VastDeskError) as caught:
        await world.link(rescue=False).connect()
    assert caught.value.kind == "shell_in_the_way"
    assert caught.value.exit_code == 4
    assert "no_auto_tmux" in caught.value.action


async def test_a_machine_that_goes_down_ends_the_shell_first_and_that_is_a_loss(
    make_world: Callable[..., World],
) -> None:
    world = make_world(
        rc={".bashrc": "sshd=$PPID; (sleep 0.3; kill -9 $sshd) >/dev/null 2>&1 </dev/null & kill -9 $$\n"}
    )
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "connection_lost"
    assert is_passing(caught.value)


async def test_a_shell_that_never_gets_to_the_command(make_world: Callable[..., World]) -> None:
    world = make_world(rc={".bashrc": "echo thinking; while :; do sleep 0.1; done\n"})
    world.pin()
    with pytest.raises(VastDeskError) as caught:
        await world.link(rescue=False, boot_timeout_s=0.5).connect()
    assert caught.value.kind == "shell_in_the_way"
    assert "thinking" in caught.value.sentence


async def test_a_machine_that_allows_no_commands(make_world: Callable[..., World]) -> None:
    world = make_world(max_sessions=0)
    with pytest.raises(VastDeskError) as caught:
        await world.connected()
    assert caught.value.kind == "channel_refused"
