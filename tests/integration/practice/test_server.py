"""The SSH server: what a command gets, how it ends, and what outlives it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import asyncssh
import pytest

from .conftest import Bare, alive, read_pid, until_true

# It writes its pid itself, in its new session: before that a hang-up would still reach it.
DETACHED = "(setsid sh -c 'echo $$ >detached; exec sleep 60' </dev/null >/dev/null 2>&1 &)"


async def _pid(path: Path) -> int:
    await until_true(lambda: read_pid(path) is not None)
    pid = read_pid(path)
    assert pid is not None
    return pid


async def test_commands_get_a_clean_environment_in_their_own_home(bare: Bare) -> None:
    async with bare.connect() as connection:
        done = await connection.run("pwd; env -0")
    assert isinstance(done.stdout, str)
    folder, _, listing = done.stdout.partition("\n")
    assert folder == str(bare.home)
    got = dict(entry.split("=", 1) for entry in listing.rstrip("\0").split("\0"))
    assert {**got, **bare.environment} == got
    assert set(got) - set(bare.environment) <= {"PWD", "OLDPWD", "SHLVL", "_"}, "sh adds these, nobody else anything"
    assert "canary-secret" not in listing
    assert got["PIP_INDEX_URL"] == "http://127.0.0.1:9/simple", "the package index stays reachable"


async def test_50_megabytes_go_both_ways_unchanged(bare: Bare) -> None:
    data = random.Random(1).randbytes(50_000_000)
    async with bare.connect() as connection:
        done = await connection.run("cat", input=data, encoding=None)
    assert done.stdout == data


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_exit_codes(bare: Bare, code: int) -> None:
    async with bare.connect() as connection:
        done = await connection.run(f"echo out; echo err >&2; exit {code}")
    assert (done.exit_status, done.stdout, done.stderr) == (code, "out\n", "err\n")


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
async def test_death_by_a_signal_is_told_as_such(bare: Bare, name: str) -> None:
    async with bare.connect() as connection:
        done = await connection.run(f"kill -{name} $$")
    assert done.exit_signal is not None and done.exit_signal[0] == name


async def test_a_signal_reaches_the_command_after_the_end_of_its_input(bare: Bare) -> None:
    async with bare.connect() as connection:
        process = await connection.create_process(
            "trap 'echo heard; exit 7' USR1; echo ready; while :; do sleep 0.05; done"
        )
        process.stdin.write_eof()
        assert await process.stdout.readline() == "ready\n"
        process.send_signal("USR1")
        done = await process.wait()
    assert (done.exit_status, done.stdout) == (7, "heard\n")


async def test_a_command_that_reads_nothing_does_not_block_its_sender(bare: Bare) -> None:
    async with bare.connect() as connection, asyncio.timeout(20):
        done = await connection.run("exit 4", input=b"x" * 5_000_000, encoding=None)
    assert done.exit_status == 4


async def test_a_shell_without_a_command_reads_commands(bare: Bare) -> None:
    async with bare.connect() as connection:
        done = await connection.run(input="echo $HOME\nexit 2\n")
    assert (done.exit_status, done.stdout) == (2, f"{bare.home}\n")


async def test_a_flood_waits_for_its_reader(bare: Bare) -> None:
    """The writer is stopped by the pipe long before its 500 MB are in anybody's memory."""
    script = "import os\nfor n in range(8000):\n os.write(1, b'x' * 65536)\n os.pwrite(3, b'%d\\n' % n, 0)"
    async with bare.connect() as connection:
        process = await connection.create_process(f'{sys.executable} -c "{script}" 3>written', encoding=None)
        counter = bare.home / "written"
        process.stdout.channel.pause_reading()
        seen: list[str] = []

        def stands_still() -> bool:
            seen.append(counter.read_text() if counter.exists() else "")
            return len(seen) > 50 and len(set(seen[-50:])) == 1 and seen[-1] != ""

        await until_true(stands_still, 30)
        assert int(seen[-1]) * 65536 < 32_000_000
        process.kill()
        process.stdout.channel.resume_reading()
        process.close()


async def test_closing_the_channel_ends_the_group_of_its_command_and_nothing_else(bare: Bare) -> None:
    async with bare.connect() as connection:
        process = await connection.create_process(f"{DETACHED}; sleep 60 & echo $! >child; echo $$ >shell; wait")
        shell, child, detached = [await _pid(bare.home / name) for name in ("shell", "child", "detached")]
        process.close()
        await until_true(lambda: not alive(shell) and not alive(child))
        assert alive(detached)
    os.kill(detached, signal.SIGKILL)


@pytest.mark.parametrize("end", ["lost", "dropped", "stopped"])
async def test_jobs_outlive_the_connection_and_the_server(bare: Bare, end: str) -> None:
    async with bare.connect() as connection:
        await connection.create_process(f"{DETACHED}; echo $$ >shell; sleep 60")
        shell, detached = [await _pid(bare.home / name) for name in ("shell", "detached")]
        if end == "lost":
            connection.abort()
        elif end == "dropped":
            assert await bare.server.drop_connections() == 1
        else:
            await bare.server.stop()
        await until_true(lambda: not alive(shell))
        assert alive(detached)
    os.kill(detached, signal.SIGKILL)


async def test_after_a_drop_one_can_connect_again(bare: Bare) -> None:
    async with bare.connect() as first:
        await bare.server.drop_connections()
        await first.wait_closed()
    async with bare.connect() as second:
        assert (await second.run("echo again")).stdout == "again\n"


async def test_many_connections_and_channels_at_once(bare: Bare) -> None:
    async def one(number: int) -> None:
        async with bare.connect() as connection:
            results = await asyncio.gather(*(connection.run(f"echo {number} {n}") for n in range(3)))
        assert [done.stdout for done in results] == [f"{number} {n}\n" for n in range(3)]

    await asyncio.gather(*(one(number) for number in range(12)))
    await until_true(lambda: not bare.server.connections)


async def test_only_its_own_key_and_user_are_let_in(bare: Bare) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        async with bare.connect(stranger):
            pass
    with pytest.raises(asyncssh.PermissionDenied):
        async with bare.connect(user="somebody-else"):
            pass


async def test_files_go_over_sftp_from_the_practice_home(bare: Bare, tmp_path: Path) -> None:
    data = random.Random(2).randbytes(3_000_000)
    (tmp_path / "here").write_bytes(data)
    async with bare.connect() as connection, connection.start_sftp_client() as sftp:
        assert await sftp.realpath(".") == str(bare.home)
        await sftp.makedirs(".vastdesk/runner")
        await sftp.put(tmp_path / "here", ".vastdesk/runner/file.tmp")
        await sftp.chmod(".vastdesk/runner/file.tmp", 0o600)
        await sftp.posix_rename(".vastdesk/runner/file.tmp", str(bare.home / ".vastdesk/runner/file"))
        await sftp.get(".vastdesk/runner/file", tmp_path / "back")
    assert (bare.home / ".vastdesk/runner/file").read_bytes() == data == (tmp_path / "back").read_bytes()


async def test_ports_are_forwarded_to_loopback_only(bare: Bare) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, bare.connect() as connection:
        reader, writer = await connection.open_connection("localhost", port, encoding=None)
        assert await reader.read() == b"hello"
        writer.close()
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("192.0.2.1", 80)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.start_server(lambda *_: None, "127.0.0.1", 0)
