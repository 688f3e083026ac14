"""How connections are made and watched. One object for the whole app, because the handshakes share it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """The defaults are right outside of tests."""

    connect_timeout_s: float = 15.0
    login_timeout_s: float = 30.0
    keepalive_s: float = 15.0
    keepalive_count: int = 3
    boot_timeout_s: float = 30.0
    """From the command to the first framed line: a login shell that loads conda takes a second, a tmux never ends."""
    stale_after_s: float = 8.0
    """A served channel beats every 2 s; silent for this long, it is dead."""
    request_timeout_s: float = 30.0
    exec_channels: int = 6
    """sshd allows 10 sessions a connection, and a process that outlives its channel keeps its place
    (docs/facts.md#sshd-ten-sessions)."""
    rescue: bool = True
    """Whether to type into a terminal when the login shell lets no command through."""
    handshakes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    """Key exchanges at once in the whole app: each takes 4 ms of one core, and sshd drops the 11th at once."""
