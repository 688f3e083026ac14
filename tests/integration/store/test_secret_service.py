"""Secrets in a real Secret Service: a D-Bus session and a gnome-keyring of the test's own.

Debian: `apt-get install dbus gnome-keyring`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not (sys.platform == "linux" and shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus and gnome-keyring",
)

TIME_LIMIT_S = 60

UNLOCK = "printf '\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
UNLOCK_WITH_NOTHING = "gnome-keyring-daemon --unlock --components=secrets </dev/null >/dev/null"
LOCK = """
import contextlib, secretstorage
with contextlib.closing(secretstorage.dbus_init()) as bus:
    secretstorage.get_default_collection(bus).lock()
"""

KEEP = """
assert "SecretService" in type(keyring.get_keyring()).__module__, keyring.get_keyring()
print(await secrets.check())
assert await secrets.get("api-key", "vast") is None
for value in ("one", "two ✓ \\U0001f511", "long " * 1000):
    await secrets.set("api-key", "vast", value)
    assert await secrets.get("api-key", "vast") == value
assert await secrets.delete("api-key", "vast")
assert await secrets.get("api-key", "vast") is None
key = StoredKey(b"encrypted key", new_passphrase())
await secrets.save_identity_key("app", key)
assert await Secrets(folder).identity_key("app") == key
await secrets.remove_identity_key("app")
assert not list(folder.rglob("*.key")) and not list(folder.rglob("vault/*"))
"""

FAIL = """
for attempt in (secrets.check(), secrets.set("api-key", "vast", "x"), secrets.get("api-key", "vast")):
    try:
        await attempt
    except VastDeskError as error:
        print(error.kind)
    else:
        print("no error")
assert not list(folder.iterdir())
"""

PROGRAM = """
import asyncio, sys
from pathlib import Path
import keyring
from vastdesk.domain.errors import VastDeskError
from vastdesk.store.secrets import Secrets, StoredKey, new_passphrase
folder = Path(sys.argv[1])
secrets = Secrets(folder, timeout_s=20)
async def main():
{body}
{before}
asyncio.run(main())
"""


def in_session(tmp_path: Path, body: str, *, daemon: str = "true", before: str = "", bus: bool = True) -> list[str]:
    """The lines that `body` prints in a desktop session of its own, after `daemon` (shell) was started in it."""
    folder = tmp_path / "vastdesk"
    folder.mkdir()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("DBUS_", "DISPLAY", "WAYLAND"))
    }
    for name in ("XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HOME"):
        environ[name] = str(tmp_path / name)
        (tmp_path / name).mkdir(mode=0o700)
    program = PROGRAM.format(body="\n".join("    " + line for line in body.splitlines()), before=before)
    script = f'{daemon} && exec "$0" -c "$1" "$2"'
    command = ["sh", "-c", script, sys.executable, program, str(folder)]
    if bus:
        command = ["dbus-run-session", "--", *command]
    done = subprocess.run(
        command, env=environ, cwd=Path.cwd(), capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_secrets_are_kept(tmp_path: Path) -> None:
    (name,) = in_session(tmp_path, KEEP, daemon=UNLOCK)
    assert name


def test_a_locked_keyring_is_said_to_be_locked(tmp_path: Path) -> None:
    assert in_session(tmp_path, FAIL, daemon=UNLOCK, before=LOCK) == ["keyring_locked"] * 3


def test_a_keyring_that_was_never_set_up_is_said_to_be_locked(tmp_path: Path) -> None:
    """Its prompt for a first password cannot be shown."""
    assert in_session(tmp_path, FAIL, daemon=UNLOCK_WITH_NOTHING)[:2] == ["keyring_locked"] * 2


def test_without_a_bus_there_is_no_keyring(tmp_path: Path) -> None:
    assert in_session(tmp_path, FAIL, bus=False) == ["keyring_missing"] * 3
