"""One window per data folder, also after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalSocket
from pytestqt.qtbot import QtBot

from vastdesk.ui.shell.single import SingleInstance, socket_name, understood

SECOND = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from vastdesk.ui.shell.single import SingleInstance
app = QCoreApplication([])
single = SingleInstance(Path(sys.argv[1]))
print("first" if single.take() else "raised" if single.send(sys.argv[2]) else "no answer", flush=True)
if sys.argv[3:]:
    import os
    single.listen()
    os.kill(os.getpid(), 9)
"""


def second(folder: Path, command: str = "raise", *more: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", SECOND, str(folder), command, *more]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "QT_LOGGING_RULES": ""})


@pytest.mark.parametrize("command", ["raise", "practice"])
def test_a_second_start_is_heard_by_the_first(qtbot: QtBot, tmp_path: Path, command: str) -> None:
    first = SingleInstance(tmp_path)
    assert first.take()
    first.listen()
    with qtbot.waitSignal(first.asked, timeout=20_000) as asked:
        other = second(tmp_path, command)
    assert asked.args == [command]
    qtbot.waitUntil(lambda: other.poll() is not None, timeout=20_000)
    assert other.communicate()[0].strip() == "raised"
    first.close()


def test_a_killed_first_one_is_in_nobodys_way(qtbot: QtBot, tmp_path: Path) -> None:
    assert second(tmp_path, "raise", "die").communicate()[0].strip() == "first"
    assert (tmp_path / "window.lock").exists() and (tmp_path / "window.sock").exists()
    heir = SingleInstance(tmp_path)
    assert heir.take()
    heir.listen()
    with qtbot.waitSignal(heir.asked, timeout=20_000):
        other = second(tmp_path)
    other.communicate()
    heir.close()


def test_another_folder_is_another_window(qapp: object, tmp_path: Path) -> None:
    one, two = SingleInstance(tmp_path / "a"), SingleInstance(tmp_path / "b")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert one.take() and two.take()
    one.close()
    two.close()


@pytest.mark.parametrize(
    "line",
    [b"", b"raise\n", b"[]\n", b"\xff\xfe\n", b'{"protocol": 2, "command": "raise"}\n', b'{"protocol": 1}\n',
     b'{"protocol": 1, "command": "quit"}\n', b'{"protocol": 1, "command": ["raise"]}\n'],
)  # fmt: skip
def test_what_we_would_not_have_sent_is_not_obeyed(line: bytes) -> None:
    assert understood(line) is None


def test_noise_on_the_socket_harms_nobody(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    assert first.take()
    first.listen()
    heard: list[str] = []
    first.asked.connect(heard.append)
    noisy = QLocalSocket()
    noisy.connectToServer(socket_name(tmp_path))
    noisy.write(b"x" * 50_000)
    qtbot.waitUntil(lambda: noisy.state() == QLocalSocket.LocalSocketState.UnconnectedState, timeout=5_000)
    assert heard == []
    first.close()


def test_a_long_path_gets_a_short_socket() -> None:
    long = Path("/" + "x" * 200)
    assert len(socket_name(long).encode()) < 100
    assert socket_name(long) != socket_name(long / "y")
