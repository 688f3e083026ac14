"""What every test of the window stands on: Qt without a screen, one loop for Qt and asyncio, one look, nothing left
behind, and no warning of Qt unexplained."""

from __future__ import annotations

import gc
import os
import traceback
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

HERE = Path(__file__).parent

KNOWN_WARNINGS = (
    "This plugin does not support propagateSizeHints",  # the offscreen platform has no window manager to tell
    "This plugin does not support raise",  # nor a stack of windows
    "This plugin does not support grabbing the keyboard",  # nor a keyboard that a popup could take
)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], AbstractEventLoop]]:
    """Asynchronous tests of the window run on the loop that the window uses."""

    def qt_loop() -> AbstractEventLoop:
        from PySide6.QtWidgets import QApplication

        from vastdesk.ui.loop import WindowLoop

        app = QApplication.instance() or QApplication([])
        app.setQuitOnLastWindowClosed(False)
        assert isinstance(app, QApplication)
        return WindowLoop(app)

    return {"qasync": qt_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*KNOWN_WARNINGS))


@pytest.fixture(scope="session")
def fixed_theme(qapp) -> Iterator[object]:
    """One look for all: Fusion in light, DejaVu Sans 10 without hinting, whatever this machine prefers."""
    from PySide6.QtGui import QFont

    from vastdesk.ui.theme import Theme, scale

    patch = pytest.MonkeyPatch()
    patch.setattr(scale, "fixed_families", lambda: ["DejaVu Sans Mono"])
    font = QFont("DejaVu Sans", 10)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setStyleStrategy(QFont.StyleStrategy.NoSubpixelAntialias)
    qapp.setFont(font)
    yield Theme(qapp, "light")
    patch.undo()


@pytest.fixture
def theme(fixed_theme) -> Iterator[object]:
    """The theme, light and as the system moves at the beginning of each test."""
    from vastdesk.ui.theme import set_motion

    fixed_theme.set_mode("light")
    set_motion(None)
    yield fixed_theme
    set_motion(None)
    fixed_theme.set_mode("light")


@pytest.fixture(autouse=True)
def _d_no_widgets_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No window outlives its test: a leaked one keeps its timers, connections and whole page."""
    if not _uses_qt(request):
        yield
        return
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication

    before = set(QApplication.topLevelWidgets())
    yield
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        left = [widget for widget in QApplication.topLevelWidgets() if widget not in before]
        if not left:
            return
        gc.collect()
    names = ", ".join(f"{type(widget).__name__} {widget.windowTitle()!r}" for widget in left)
    for widget in left:
        widget.deleteLater()
    del left
    pytest.fail(f"top-level widgets are left behind: {names}", pytrace=False)


@pytest.fixture(autouse=True)
def _e_no_timers_left(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No timer of ours runs on after its test; each is named with the line that started it."""
    if not _uses_qt(request):
        yield
        return
    from PySide6.QtCore import QTimer
    from shiboken6 import isValid

    started: dict[int, tuple[weakref.ref[QTimer], str]] = {}
    start = QTimer.start

    def noted_start(timer: QTimer, *arguments: object) -> None:
        caller = traceback.extract_stack(limit=2)[0]
        if "vastdesk" in caller.filename and not caller.filename.endswith("loop.py"):  # the loop ends after us
            started[id(timer)] = (weakref.ref(timer), f"{caller.filename}:{caller.lineno}")
        start(timer, *arguments)

    monkeypatch.setattr(QTimer, "start", noted_start)
    yield
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    left = []
    for reference, place in started.values():
        timer = reference()
        if timer is not None and isValid(timer) and timer.isActive():
            timer.stop()
            left.append(place)
    if left:
        pytest.fail("timers are left running, started at:\n" + "\n".join(left), pytrace=False)


def _uses_qt(request: pytest.FixtureRequest) -> bool:
    return bool({"qapp", "qtbot", "theme"} & set(request.fixturenames))
