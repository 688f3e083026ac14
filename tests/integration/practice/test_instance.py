"""The practice instance as a whole: its world, its reboot, its folder, and that it touches nothing else."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncssh
import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.practice import world
from vastdesk.remote.practice.instance import PracticeInstance

from .conftest import RESOURCES, alive, read_pid, to, until, until_true


def detached(name: str, prefix: str = "") -> str:
    """A command that leaves a process behind in a session of its own, which writes its pid to the file `name`."""
    return f"({prefix} setsid sh -c 'echo $$ >{name}; exec sleep 60' </dev/null >/dev/null 2>&1 &)"


@pytest.fixture
def light_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds without a real Python environment: it is the only part that takes seconds."""
    script = 'mkdir -p "$1/bin" && ln -s /bin/false "$1/bin/python"'
    monkeypatch.setattr(
        world, "venv_ways", lambda python, venv, environ: [[["/bin/sh", "-c", script, "sh", str(venv)]]]
    )


@pytest.fixture
def to_kill() -> Iterator[list[int]]:
    """Pids of what a test leaves running on purpose."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


async def test_a_second_start_is_quick_and_finds_everything_as_it_was(prepared: Path) -> None:
    made = (prepared / "root/venv/main/pyvenv.cfg").stat().st_mtime_ns
    seen = []
    for _ in range(2):
        instance = PracticeInstance(prepared, RESOURCES)
        async with asyncio.timeout(5):
            await instance.prepare()
            facts = await instance.start()
        seen.append((facts.port, facts.host_key, facts.boot_id, facts.node_list.read_text()))
        await instance.stop()
    assert seen[0] == seen[1]
    assert (prepared / "root/venv/main/pyvenv.cfg").stat().st_mtime_ns == made


async def test_it_looks_like_a_rented_machine(practice: PracticeInstance) -> None:
    facts = await practice.start()
    script = """
    cat $VASTDESK_SYSROOT/root/.vast_containerlabel
    $VASTDESK_SYSROOT/venv/main/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
    cd $VASTDESK_SYSROOT/workspace/ComfyUI && git rev-parse HEAD >/dev/null && git status --short && ls models/Lora
    cat $VASTDESK_BOOT_ID
    """
    async with to(facts) as connection:
        done = await connection.run(script)
    assert done.stdout == f"C.practice\nTrue\npractice_style.safetensors\n{facts.boot_id}\n"
    assert facts.python.exists() and (facts.comfyui / "main.py").exists()
    assert 'WORKSPACE="/workspace"' in (practice.layout.root / "etc/environment").read_text()


async def test_private_keys_are_for_our_eyes_only(practice: PracticeInstance) -> None:
    facts = await practice.start()
    assert facts.identity_file.stat().st_mode & 0o777 == 0o600
    assert (practice.layout.keys / "host_ed25519").stat().st_mode & 0o777 == 0o600
    assert practice.layout.folder.stat().st_mode & 0o777 == 0o700


async def test_a_reboot_ends_all_that_runs_there_and_nothing_else(
    practice: PracticeInstance, to_kill: list[int]
) -> None:
    facts = await practice.start()
    home = practice.layout.home
    mine = await asyncio.create_subprocess_exec("sleep", "60", env={"VASTDESK_PRACTICE": "of another one", "HOME": "/"})
    to_kill.append(mine.pid)
    (home / ".vastdesk/jobs/job1").mkdir(parents=True, exist_ok=True)
    (practice.layout.tmp / "left").write_text("over")
    commands = [
        detached("marked"),
        detached("tool", "env -i PATH=$PATH HOME=$HOME"),  # what a step runs has a clean environment
        detached("job", "env -i PATH=$PATH VASTDESK_JOB=job1"),
    ]
    async with to(facts) as connection:
        await connection.run("; ".join(commands), check=True)
        await until_true(lambda: all(read_pid(home / name) for name in ("marked", "tool", "job")))
        pids = [read_pid(home / name) or 0 for name in ("marked", "tool", "job")]
        to_kill += pids
        boot_id = await practice.reboot(down_s=0)
        await connection.wait_closed()
    assert not any(alive(pid) for pid in pids)
    assert mine.returncode is None and alive(mine.pid)
    assert boot_id != facts.boot_id and practice.facts().boot_id == boot_id
    assert not list(practice.layout.tmp.iterdir())
    async with to(practice.facts()) as connection:
        assert (await connection.run("cat $VASTDESK_BOOT_ID")).stdout == f"{boot_id}\n"
    mine.kill()
    await mine.wait()


async def test_while_it_reboots_nobody_answers(practice: PracticeInstance) -> None:
    facts = await practice.start()
    rebooting = asyncio.get_running_loop().create_task(practice.reboot(down_s=0.3))
    await until_true(lambda: practice.layout.boot_id.read_text().strip() != facts.boot_id)
    with pytest.raises(OSError):
        async with to(facts):
            pass
    await rebooting
    async with to(facts) as connection:
        assert (await connection.run("true")).exit_status == 0


@pytest.mark.parametrize("command", ["reboot", "sudo -n shutdown -r now"])
async def test_a_reboot_that_a_command_asks_for_is_of_the_practice_instance(
    practice: PracticeInstance, command: str
) -> None:
    facts = await practice.start()
    async with to(facts) as connection:
        await connection.run(command)
        await connection.wait_closed()
    await until_true(lambda: practice.facts().boot_id != facts.boot_id)
    async with asyncio.timeout(10):
        while True:
            try:
                async with to(practice.facts()) as connection:
                    assert (await connection.run("true")).exit_status == 0
                return
            except OSError:
                await asyncio.sleep(0.05)


async def test_commands_that_would_change_the_computer_are_refused(practice: PracticeInstance) -> None:
    facts = await practice.start()
    async with to(facts) as connection:
        done = await connection.run(
            "apt-get install -y curl; sudo systemctl restart ssh; supervisorctl status; sudo -n id -u"
        )
    assert isinstance(done.stdout, str) and isinstance(done.stderr, str)
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["apt-get", "systemctl", "supervisorctl"]
    assert done.stdout == f"{os.getuid()}\n"


async def test_dropped_connections_can_be_made_again(practice: PracticeInstance) -> None:
    facts = await practice.start()
    async with to(facts) as connection:
        assert await practice.drop_connections() == 1
        await connection.wait_closed()
    async with to(facts) as connection:
        assert (await connection.run("echo back")).stdout == "back\n"


def test_jobs_outlive_a_demo_that_is_killed(prepared: Path, to_kill: list[int]) -> None:
    """The process with the server in it dies without a word; the next one finds the job at work."""
    script = f"""
import asyncio, sys
from pathlib import Path
from tests.integration.practice.conftest import RESOURCES, to
from vastdesk.remote.practice.instance import PracticeInstance
async def main():
    instance = PracticeInstance(Path({str(prepared)!r}), RESOURCES)
    await instance.prepare()
    async with to(await instance.start()) as connection:
        await connection.run({detached("survivor")!r}, check=True)
        print("started", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    (prepared / "home/survivor").unlink(missing_ok=True)
    root = str(RESOURCES.parents[1])
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None and demo.stdout.readline() == "started\n"
        until(lambda: read_pid(prepared / "home/survivor") is not None)
        pid = read_pid(prepared / "home/survivor")
        assert pid is not None
        to_kill.append(pid)
        demo.kill()

    async def look_again() -> None:
        instance = PracticeInstance(prepared, RESOURCES)
        await instance.prepare()
        async with to(await instance.start()) as connection:
            assert (await connection.run(f"kill -0 {pid}")).exit_status == 0
        await instance.stop()

    asyncio.run(look_again())
    assert alive(pid)


async def test_one_process_at_a_time_has_the_folder(practice: PracticeInstance, prepared: Path) -> None:
    with pytest.raises(VastDeskError) as refused:
        await PracticeInstance(prepared, RESOURCES).prepare()
    assert refused.value.kind == "practice_busy"
    await practice.stop()
    again = PracticeInstance(prepared, RESOURCES)
    await again.prepare()
    await again.stop()


async def test_the_files_of_somebody_else_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(VastDeskError) as refused:
            await PracticeInstance(tmp_path, RESOURCES).prepare(fresh)
        assert refused.value.kind == "practice_folder"
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


async def test_fresh_makes_all_but_the_keys_anew(tmp_path: Path, light_worlds: None) -> None:
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    before = await instance.start()
    async with to(before) as connection:
        await connection.run(detached("old"), check=True)
        await until_true(lambda: read_pid(instance.layout.home / "old") is not None)
    pid = read_pid(instance.layout.home / "old")
    (before.comfyui / "custom_nodes/mine").mkdir()
    await instance.stop()
    await instance.prepare(fresh=True)
    after = await instance.start()
    await instance.stop()
    assert pid is not None and not alive(pid)
    assert not list(instance.layout.home.iterdir()) and not (after.comfyui / "custom_nodes/mine").exists()
    assert after.host_key == before.host_key and after.boot_id != before.boot_id


@pytest.mark.parametrize("part", ["_make_keys", "_make_comfyui_repository", "_make_comfyui", "_make_venv"])
async def test_an_interrupted_preparation_goes_on_where_it_stopped(
    tmp_path: Path, light_worlds: None, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def break_off(*_: object) -> None:
        raise asyncio.CancelledError

    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    with monkeypatch.context() as patch:
        patch.setattr(world.World, part, break_off)
        with pytest.raises(asyncio.CancelledError):
            await instance.prepare()
    repositories = {path: path.stat().st_mtime_ns for path in instance.layout.git.glob("*/HEAD")}
    await instance.prepare()
    await instance.stop()
    assert repositories == {path: path.stat().st_mtime_ns for path in repositories}, "nothing is made twice"
    assert (instance.layout.comfyui / "main.py").exists() and (instance.layout.venv / "bin/python").exists()
    assert len(list(instance.layout.git.glob("*.git"))) == 11


async def test_half_an_environment_is_made_anew(tmp_path: Path, light_worlds: None) -> None:
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    await instance.stop()
    (instance.layout.venv / ".practice-complete").unlink()
    (instance.layout.venv / "half").touch()
    await instance.prepare()
    await instance.stop()
    assert not (instance.layout.venv / "half").exists()


async def test_two_live_side_by_side(tmp_path: Path, light_worlds: None, to_kill: list[int]) -> None:
    one, two = (PracticeInstance(tmp_path / name, RESOURCES) for name in ("one", "two"))
    for instance in (one, two):
        await instance.prepare()
    first, second = await one.start(), await two.start()
    assert first.host_key != second.host_key and first.port != second.port
    async with to(second) as connection:
        await connection.run(detached("neighbour"), check=True)
        await until_true(lambda: read_pid(two.layout.home / "neighbour") is not None)
        pid = read_pid(two.layout.home / "neighbour")
        assert pid is not None
        to_kill.append(pid)
        await one.reboot(down_s=0)
        assert alive(pid)
        assert (await connection.run("echo untouched")).stdout == "untouched\n"
    await one.stop()
    await two.stop()


async def test_nothing_is_written_outside_the_folder(
    tmp_path: Path, light_worlds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("home", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    facts = await instance.start()
    async with to(facts) as connection:
        await connection.run(
            "touch ~/a $TMPDIR/b c; mktemp; git init -q d; python3 -c 'import tempfile; tempfile.mkstemp()'"
        )
        async with connection.start_sftp_client() as sftp:
            await sftp.makedirs("e/f")
    await instance.reboot(down_s=0)
    await instance.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd", "home", "practice", "tmp"]
    assert not [path for name in ("home", "tmp", "cwd") for path in (tmp_path / name).iterdir()]


async def test_without_a_package_index_there_is_a_note_and_a_machine(tmp_path: Path, prepared: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": "/dev/null"}
    instance = PracticeInstance(prepared, RESOURCES, environ=environ)
    (prepared / "root/venv/main/.practice-packages").unlink(missing_ok=True)
    await instance.prepare()
    facts = await instance.start()
    async with to(facts) as connection:
        listing = await connection.run("env")
    await instance.stop()
    assert "PIP_INDEX_URL=http://127.0.0.1:9/simple" in str(listing.stdout)
    # Satisfied by what an earlier preparation installed, or said clearly.
    assert all("package index" in note for note in facts.notes)


async def test_ports_are_kept_and_others_taken_when_they_are_in_use(tmp_path: Path, light_worlds: None) -> None:
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    before = await instance.start()
    await instance.stop()
    squatter = await asyncssh.listen(
        "127.0.0.1", before.port, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")]
    )
    await instance.prepare()
    after = await instance.start()
    assert after.port != before.port
    async with to(after) as connection:
        assert (await connection.run("true")).exit_status == 0
    await instance.stop()
    squatter.close()
    await squatter.wait_closed()


async def test_an_interrupted_removal_goes_on(
    tmp_path: Path, light_worlds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    await instance.stop()
    (instance.layout.home / "mine").touch()

    def break_off(path: Path) -> None:
        (path / "HEAD").unlink(missing_ok=True)
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", break_off)
        with pytest.raises(VastDeskError, match="the power is gone"):
            await instance.prepare(fresh=True)
    await instance.prepare()
    await instance.stop()
    assert not (instance.layout.home / "mine").exists()
    assert all((folder / "HEAD").exists() for folder in instance.layout.git.glob("*.git"))


async def test_a_command_that_cannot_start_says_why(practice: PracticeInstance) -> None:
    facts = await practice.start()
    home = practice.layout.home
    async with to(facts) as connection:
        home.rename(home.with_name("elsewhere"))
        try:
            done = await connection.run("true")
        finally:
            home.with_name("elsewhere").rename(home)
    assert done.exit_status == 126 and "No such file" in str(done.stderr)


async def test_an_environment_is_made_where_python_has_no_ensurepip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Debian without python3-venv: the way that is left is tried when the better ones fail."""
    ways = world.venv_ways

    def without_ensurepip(python: str, venv: Path, environ: Mapping[str, str]) -> list[list[list[str]]]:
        return [[["/bin/sh", "-c", "echo ensurepip is not available; exit 1"]], ways(python, venv, environ)[-2]]

    monkeypatch.setattr(world, "venv_ways", without_ensurepip)
    instance = PracticeInstance(tmp_path / "practice", RESOURCES)
    await instance.prepare()
    facts = await instance.start()
    async with to(facts) as connection:
        done = await connection.run(f"{facts.python} -m pip --version")
    await instance.stop()
    assert str(done.stdout).startswith("pip ") and str(instance.layout.venv) in str(done.stdout)
