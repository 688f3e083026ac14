"""The practice instance as a whole: its world, its SSH server, its git host, its reboot."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import HostKey
from vastdesk.remote.owned import TaskOwner

from .environment import session_environment
from .git_host import GitHost
from .interpreters import practice_available
from .layout import Layout, user_name
from .nodes import write_node_list
from .processes import end_all
from .server import SshServer
from .world import Progress, World

DOWN_S = 0.5
"""How long a reboot takes at least."""

_GIT_RATE_BYTES_S = 2 * 1024 * 1024
"""Loopback would clone everything in an instant, with nothing to see."""

_PORT_TRIES, _PORT_WAIT_S = 50, 0.1


@dataclass(frozen=True, slots=True)
class PracticeFacts:
    """How to reach a practice instance that runs, and what is on it."""

    host: str
    port: int
    user: str
    identity_file: Path
    host_key: HostKey
    boot_id: str
    node_list: Path
    """CSV for `install_custom_nodes`, with the addresses of now."""
    comfyui: Path
    python: Path
    notes: tuple[str, ...] = ()
    """What is worth telling, as sentences: the package index is not reachable."""


def _quiet(part: str, done: int, total: int) -> None:
    """Nobody watches."""


class PracticeInstance:
    """One practice instance in `folder`, made from `resources` (the shipped `practice` folder).

    `await prepare()`, `await start()`, …, `await stop()`, all on one loop. Only one process at a time can have a
    folder; jobs that were started there go on after `stop`, and are found again after the next `start`.
    """

    def __init__(
        self,
        folder: Path,
        resources: Path,
        *,
        environ: Mapping[str, str] | None = None,
        git_rate_bytes_s: float | None = _GIT_RATE_BYTES_S,
    ) -> None:
        self.layout = Layout(folder.absolute())
        self._environ = dict(os.environ if environ is None else environ)
        self._world = World(self.layout, resources, self._environ)
        self._resources = resources
        self._git_rate = git_rate_bytes_s
        self._git: GitHost | None = None
        self._server: SshServer | None = None
        self._tasks = TaskOwner("practice instance")
        self._lock: int | None = None
        self._control: int | None = None
        self._rebooting = asyncio.Lock()

    async def prepare(self, fresh: bool = False, on_progress: Progress = _quiet) -> None:
        """Make the world, or what is missing of it. `fresh` ends what runs there and makes all but the keys anew.

        Raises VastDeskError("practice_unavailable", "practice_busy", "practice_folder", "practice_failed").
        """
        reason = await asyncio.to_thread(practice_available)
        if reason:
            raise VastDeskError("practice_unavailable", reason=reason)
        if self._server is not None:
            raise RuntimeError("the practice instance is running")
        self._take_lock()
        try:
            await self._world.prepare(fresh, on_progress)
        except BaseException:
            self._release_lock()
            raise

    async def start(self) -> PracticeFacts:
        """Serve. Needs `prepare`. The ports of the last time are used again when they are free."""
        self._take_lock()
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> PracticeFacts:
        world, layout = self._world, self.layout
        remembered = world.read_facts()
        environment = session_environment(layout, world.practice_id, self._environ)
        self._git = _start_git(GitHost(layout.git, int(remembered.get("git_port", 0)), self._git_rate, environment))
        write_node_list(self._resources, layout.node_list, self._git.url)
        keys = layout.keys
        self._server = SshServer(
            user=user_name(),
            home=layout.home,
            environment=environment,
            host_key=asyncssh.read_private_key(keys / "host_ed25519"),
            client_key=asyncssh.read_public_key(keys / "id_ed25519.pub"),
        )
        try:
            await self._server.start(int(remembered.get("ssh_port", 0)))
        except OSError:
            await self._server.start(0)  # the port of the last time has another user now
        world.write_facts(git_port=self._git.port, ssh_port=self._server.port)
        self._tasks = TaskOwner("practice instance")
        self._listen_to_control()
        return self.facts()

    def facts(self) -> PracticeFacts:
        """The facts of now (the boot id changes). Only while it runs."""
        assert self._server is not None
        layout = self.layout
        key = asyncssh.read_public_key(layout.keys / "host_ed25519.pub")
        algorithm, data = key.export_public_key().decode().split()[:2]
        return PracticeFacts(
            host="127.0.0.1",
            port=self._server.port,
            user=self._server.user,
            identity_file=layout.keys / "id_ed25519",
            host_key=HostKey(algorithm, f"{algorithm} {data}", key.get_fingerprint()),
            boot_id=layout.boot_id.read_text().strip(),
            node_list=layout.node_list,
            comfyui=layout.comfyui,
            python=layout.venv / "bin/python",
            notes=tuple(self._world.notes),
        )

    async def stop(self) -> None:
        """The machine cannot be reached any more; jobs on it go on. Safe to call twice."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control)
            os.close(control)
        await self._tasks.aclose()
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        git, self._git = self._git, None
        if git is not None:
            await asyncio.to_thread(git.stop)
        self._release_lock()

    async def drop_connections(self) -> int:
        """Cut every SSH connection, as a bad network does. How many there were."""
        assert self._server is not None
        return await self._server.drop_connections()

    async def reboot(self, down_s: float = DOWN_S) -> str:
        """Restart the machine: everything that runs on it ends, `/tmp` is emptied, and for a moment nobody answers.
        The new boot id."""
        async with self._rebooting:
            server = self._server
            assert server is not None
            port = server.port
            await server.stop()
            await asyncio.to_thread(end_all, self.layout, self._world.practice_id)
            await asyncio.to_thread(self._world.empty_tmp)
            boot_id = self._world.new_boot_id()
            await asyncio.sleep(down_s)
            await _start_again(server, port)
            return boot_id

    def _listen_to_control(self) -> None:
        """Hear the `reboot` command of the machine."""
        # For reading and writing: a FIFO that is open for reading alone reports its end with every writer that leaves.
        self._control = os.open(self.layout.control, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._read_control()  # what was written while nobody listened is of the past
        asyncio.get_running_loop().add_reader(self._control, self._on_control)

    def _on_control(self) -> None:
        if b"reboot" in self._read_control() and not self._rebooting.locked():
            self._tasks.spawn(self.reboot(), "reboot")

    def _read_control(self) -> bytes:
        assert self._control is not None
        with contextlib.suppress(BlockingIOError):
            return os.read(self._control, 4096)
        return b""

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        try:
            self.layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise VastDeskError("practice_failed", detail=str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise VastDeskError("practice_failed", detail=str(error)) from error
            raise VastDeskError("practice_busy", folder=str(self.layout.folder)) from None
        self._lock = descriptor

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


async def _start_again(server: SshServer, port: int) -> None:
    """On the same port, which a connection of somebody else may have for a moment."""
    for _ in range(_PORT_TRIES):
        try:
            await server.start(port)
            return
        except OSError:
            await asyncio.sleep(_PORT_WAIT_S)
    await server.start(port)


def _start_git(host: GitHost) -> GitHost:
    try:
        host.start()
    except OSError:
        host.port = 0  # the port of the last time has another user now
        host.start()
    return host
