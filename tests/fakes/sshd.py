"""A real OpenSSH server for the tests: its own host keys, home, rc files and log; as root and as an ordinary user.

    with Sshd(tmp_path) as sshd:
        sshd.authorize(public_key_text)
        ... connect to sshd.host, sshd.port as sshd.user ...

Logins land in the account that runs the tests, but with `HOME`, `VASTDESK_HOME` and `VASTDESK_SYSROOT` below `root`, so
that shells read rc files of ours and nothing of the real home is touched.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import asyncssh
import psutil

SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server")


def sshd_path() -> str | None:
    """Where the server is, or None: tests that need it skip then."""
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def sshd_version() -> tuple[int, int]:
    """(9, 2) for OpenSSH_9.2p1."""
    path = sshd_path()
    assert path is not None
    # -V is unknown to old servers, which then print usage with the same version text.
    done = subprocess.run([path, "-V"], capture_output=True, text=True, check=False)
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", done.stderr + done.stdout)
    assert match is not None, done.stderr
    return int(match[1]), int(match[2])


def terminals_work() -> bool:
    """Whether sshd gives out terminals: one of an ordinary user cannot change their owner, so /dev/pts must be mounted
    the usual way (gid=tty, mode=620)."""
    if os.getuid() == 0:
        return True
    ours, theirs = os.openpty()
    try:
        about = os.fstat(theirs)
        return about.st_gid == grp.getgrnam("tty").gr_gid and stat.S_IMODE(about.st_mode) == 0o620
    finally:
        os.close(ours)
        os.close(theirs)


class Sshd:
    """One server on a port of 127.0.0.1. Change the attributes before `start()` (or `restart()` afterwards)."""

    def __init__(
        self,
        root: Path,
        *,
        host_keys: Sequence[str] = ("ssh-ed25519",),
        rc: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        login_shell: Sequence[str] | None = None,
        sftp: str | None = "server",
        max_sessions: int = 10,
        max_startups: str = "10:30:100",
        per_source_max_startups: str | None = None,
        per_source_penalties: str | None = None,
        max_auth_tries: int = 6,
        banner: str | None = None,
        accept_env: Sequence[str] = (),
        log_level: str = "DEBUG1",
        extra: Sequence[str] = (),
    ) -> None:
        """`rc`: files of the home, like {".bashrc": "echo hi\\n"}. `env`: more variables of every session (`PATH` too).
        `login_shell`: an argument list that stands in for the account's shell, like ["/usr/bin/fish"] or
        ["env", "-i", "/bin/sh"]. `sftp`: "server" (started through the login shell, as on Debian), "internal", or None.
        `extra`: further lines of sshd_config."""
        self.root = root.resolve()
        self.home = self.root / "home"
        self.vastdesk_home = self.home / ".vastdesk"
        self.sysroot = self.root / "sysroot"
        self.host = "127.0.0.1"
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.host_key_algorithms = tuple(host_keys)
        self.rc = dict(rc or {})
        self.env = dict(env or {})
        self.login_shell = list(login_shell) if login_shell else None
        self.sftp = sftp
        self.max_sessions = max_sessions
        self.max_startups = max_startups
        self.per_source_max_startups = per_source_max_startups
        self.per_source_penalties = per_source_penalties
        self.max_auth_tries = max_auth_tries
        self.banner = banner
        self.accept_env = tuple(accept_env)
        self.log_level = log_level
        self.extra = tuple(extra)
        self.log_path = self.root / "sshd.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        for folder in (self.root, self.home, self.sysroot):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.authorized_keys = self.root / "authorized_keys"
        self.authorized_keys.touch()
        if not list(self.root.glob("host_*.pub")):
            self._make_host_keys()

    # --- keys -------------------------------------------------------------------------------------------------------

    def authorize(self, *public_keys: str) -> None:
        """Let these keys in (`ssh-ed25519 AAAA… comment`); works while the server runs."""
        with self.authorized_keys.open("a") as file:
            file.writelines(key.strip() + "\n" for key in public_keys)

    def deny_all(self) -> None:
        """Forget every authorized key, as Vast does after some hours."""
        self.authorized_keys.write_text("")

    @property
    def host_public_keys(self) -> list[str]:
        """`<algorithm> <base64>` of each host key."""
        return [" ".join(path.read_text().split()[:2]) for path in sorted(self.root.glob("host_*.pub"))]

    @property
    def fingerprints(self) -> list[str]:
        """`SHA256:…` of each host key."""
        return [asyncssh.import_public_key(text).get_fingerprint() for text in self.host_public_keys]

    def change_host_keys(self, *algorithms: str) -> None:
        """New host keys, the same port: a recycled instance, or someone in the middle."""
        if algorithms:
            self.host_key_algorithms = algorithms
        running = self._process is not None
        self.kill()
        for path in self.root.glob("host_*"):
            path.unlink()
        self._make_host_keys()
        if running:
            self.start()

    def _make_host_keys(self) -> None:
        for number, algorithm in enumerate(self.host_key_algorithms):
            key = asyncssh.generate_private_key(algorithm, **({"key_size": 2048} if algorithm == "ssh-rsa" else {}))
            path = self.root / f"host_{number}"
            path.write_bytes(key.export_private_key())
            path.chmod(0o600)
            Path(f"{path}.pub").write_bytes(key.export_public_key())

    # --- life -------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start and wait until it listens. The port stays the same over restarts."""
        assert self._process is None, "already running"
        self._write_home()
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start as root without it
        for _attempt in range(5):
            port = self.port or _free_port()
            self._write_config(port)
            if self._launch(port):
                self.port = port
                return self
        raise RuntimeError("sshd did not start:\n" + self.log())

    def _launch(self, port: int) -> bool:
        path = sshd_path()
        assert path is not None, "no sshd on this machine"
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        process = subprocess.Popen(
            [path, "-D", "-f", str(self.root / "sshd_config"), "-E", str(self.log_path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        deadline = time.monotonic() + 15
        while process.poll() is None and time.monotonic() < deadline:
            if f"Server listening on {self.host} port {port}" in self.log(begin):
                self._process = process
                return True
            time.sleep(0.005)
        process.kill()
        process.wait()
        return False

    def stop(self) -> None:
        """End the server, its sessions and every process that was started in them, detached ones too."""
        self.kill()
        self.kill_leftovers()

    def kill(self) -> None:
        """kill -9 of the listener and all its sessions. What was detached on the "instance" lives on."""
        if self._process is None:
            return
        # The listener stands still first: a connection it takes meanwhile would outlive it.
        self._process.send_signal(signal.SIGSTOP)
        self.kill_sessions()
        self._process.kill()
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """kill -9, then listen on the same port again."""
        self.kill()
        self.start()

    def kill_sessions(self) -> int:
        """kill -9 of the sshd processes of all open connections and of what runs under them; the listener stays."""
        killed = 0
        while found := [process for process in self._session_processes() if _alive(process)]:
            killed += _kill(found)
        return killed

    def freeze_sessions(self) -> None:
        """SIGSTOP of the sshd processes of all connections: the peer is there, silent, until `thaw_sessions`."""
        self._signal_sessions(signal.SIGSTOP)

    def thaw_sessions(self) -> None:
        self._signal_sessions(signal.SIGCONT)

    def _signal_sessions(self, number: int) -> None:
        done: set[psutil.Process] = set()
        while found := set(self._session_processes()) - done:
            done |= found
            for process in found:
                try:
                    process.send_signal(number)
                except psutil.NoSuchProcess:
                    pass

    def _session_processes(self) -> list[psutil.Process]:
        """sshd forks once more after a login: killing its parent at that moment leaves a child that is nobody's. So
        those that hold a connection to our port count as well."""
        if self._process is None:
            return []
        found = {process.pid: process for process in psutil.Process(self._process.pid).children(recursive=True)}
        for process in psutil.process_iter(["name"]):
            try:
                if process.pid == self._process.pid or not process.info["name"].startswith("sshd"):
                    continue
                if any(one.laddr and one.laddr.port == self.port for one in process.net_connections("tcp")):
                    found[process.pid] = process
            except psutil.Error:
                continue
        return list(found.values())

    def leftovers(self) -> list[psutil.Process]:
        """Processes that were started in sessions of this server (by their environment), detached ones too."""
        mark = str(self.home)
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == mark:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def kill_leftovers(self) -> int:
        """kill -9 of everything in `leftovers`, until there is none: what a power cut does."""
        killed = 0
        for _round in range(20):
            found = [process for process in self.leftovers() if _alive(process)]
            if not found:
                break
            killed += _kill(found)
        return killed

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # --- what it says -----------------------------------------------------------------------------------------------

    def log(self, since: int = 0) -> str:
        """The server's log from byte `since` on."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace")

    def offered_keys(self, since: int = 0) -> list[str]:
        """Fingerprints of the public keys that clients offered or logged in with, in order, without repeats."""
        seen = re.findall(r"(?:Accepted|Failed|Postponed) publickey for .*? (SHA256:\S+)", self.log(since))
        return list(dict.fromkeys(seen))

    def authentication_attempts(self, since: int = 0) -> int:
        """How many user authentication requests of any kind arrived. Needs log_level DEBUG1."""
        return len(re.findall(r"userauth-request for user", self.log(since)))

    # --- files ------------------------------------------------------------------------------------------------------

    def _write_home(self) -> None:
        for name, text in self.rc.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _write_config(self, port: int) -> None:
        env = {
            "HOME": str(self.home),
            "VASTDESK_HOME": str(self.vastdesk_home),
            "VASTDESK_SYSROOT": str(self.sysroot),
            **self.env,
        }
        lines = [
            f"Port {port}",
            f"ListenAddress {self.host}",
            f"PidFile {self.root}/sshd.pid",
            f"AuthorizedKeysFile {self.authorized_keys}",
            "StrictModes no",
            "UsePAM no",
            "UseDNS no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PrintMotd no",
            "X11Forwarding no",
            f"LogLevel {self.log_level}",
            f"MaxSessions {self.max_sessions}",
            f"MaxStartups {self.max_startups}",
            f"MaxAuthTries {self.max_auth_tries}",
            "SetEnv " + " ".join(f'"{name}={value}"' for name, value in env.items() if value is not None),
        ]
        lines += [f"HostKey {path}" for path in sorted(self.root.glob("host_?"))]
        lines += [f"AcceptEnv {' '.join(self.accept_env)}"] if self.accept_env else []
        lines += [f"PerSourceMaxStartups {self.per_source_max_startups}"] if self.per_source_max_startups else []
        if sshd_version() >= (9, 8):  # off: tests fail to log in on purpose, and then 127.0.0.1 would be barred
            lines.append(f"PerSourcePenalties {self.per_source_penalties or 'no'}")
        if self.banner is not None:
            (self.root / "banner").write_text(self.banner)
            lines.append(f"Banner {self.root}/banner")
        if self.sftp == "server":
            lines.append("Subsystem sftp " + next(path for path in SFTP_SERVERS if Path(path).exists()))
        elif self.sftp == "internal":
            lines.append("Subsystem sftp internal-sftp")
        if self.login_shell:
            lines.append(f"ForceCommand {self._write_login_shell(self.login_shell)}")
        lines += self.extra
        (self.root / "sshd_config").write_text("\n".join(lines) + "\n")

    def _write_login_shell(self, argv: list[str]) -> Path:
        shell = " ".join(map(shlex.quote, argv))
        path = self.root / "login-shell"
        # SHLVL goes, or an inner bash does not take itself for the shell of an SSH session.
        path.write_text(
            "#!/bin/sh\nunset SHLVL\n"
            f'if [ -n "$SSH_ORIGINAL_COMMAND" ]; then exec {shell} -c "$SSH_ORIGINAL_COMMAND"; fi\n'
            f"exec {shell} -i\n"
        )
        path.chmod(0o700)
        return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kill(processes: list[psutil.Process]) -> int:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    deadline = time.monotonic() + 5
    while any(_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.001)
    return len(processes)


def _alive(process: psutil.Process) -> bool:
    """Not gone, and no zombie that a lazy pid 1 leaves lying about."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
