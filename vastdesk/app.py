"""The desktop app: builds every object, wires them, and owns the order of start and shutdown.

Start: the window is painted, then the storage is opened, then the network is used. What takes long to import (SSH, the
keyring) is imported after the first paint, in a thread. Shutdown: a question where one is due, then the window goes,
then what was only begun is carried out or given up, then the engine closes. What runs on machines goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication

from vastdesk import __version__
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import values_of
from vastdesk.store.resources import make_private
from vastdesk.ui.loop import WindowLoop
from vastdesk.ui.shell.crash import CrashHooks
from vastdesk.ui.shell.language import install_language
from vastdesk.ui.shell.memory import WindowMemory
from vastdesk.ui.shell.menu import MenuCommands, Places
from vastdesk.ui.shell.single import SingleInstance
from vastdesk.ui.shell.window import MainWindow
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import Theme

if TYPE_CHECKING:
    from vastdesk.ui.shell.notices import Announcer, DesktopNotifier
    from vastdesk.ui.shell.practising import Practising
    from vastdesk.ui.shell.tray import Tray
    from vastdesk.workers.bridge import Bridge

log = logging.getLogger(__name__)

PAINT_PATIENCE_S = 2.0
"""A window that starts minimised is not painted."""
SETTINGS_PATIENCE_S = 1.0
CLOSE_PATIENCE_S = 20.0
"""After that the process ends all the same: everything that matters is in the storage already."""

HEAVY = ("vastdesk.workers.bridge", "vastdesk.workers.practice_host", "vastdesk.ui.machines.list")
"""Imported in a thread once the window stands."""


@dataclass(frozen=True)
class Options:
    """What the command line hands over. `redact` and `add_secret` are of the one redactor of this process. `practice`:
    begin with the practice run; `exit_after`: end with it, with its exit code."""

    data_dir: Path
    redact: Callable[[str], str] = str
    add_secret: Callable[[str], object] = len
    log_path: Path | None = None
    practice: bool = False
    exit_after: bool = False


def run_window(options: Options) -> int:
    """Opens the window and returns when the app ends: its exit code."""
    app = cast(QApplication | None, QApplication.instance()) or QApplication(sys.argv[:1])
    app.setApplicationName("VastDesk")
    app.setApplicationDisplayName("VastDesk")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("vastdesk")
    app.setQuitOnLastWindowClosed(False)  # the app decides what a closed window means
    with contextlib.suppress(OSError):  # the storage will say what is wrong with the folder
        make_private(options.data_dir)
    single = SingleInstance(options.data_dir)
    if not single.take():
        return _raise_first(single, options)
    single.listen()
    hooks = CrashHooks(options.redact)
    hooks.install()
    try:
        with asyncio.Runner(loop_factory=lambda: WindowLoop(app)) as runner:
            hooks.watch(runner.get_loop())
            return runner.run(_main(app, options, single, hooks))
    finally:
        hooks.uninstall()
        single.close()


async def _main(app: QApplication, options: Options, single: SingleInstance, hooks: CrashHooks) -> int:
    return await DesktopApp(app, options, single, hooks).run()


def _raise_first(single: SingleInstance, options: Options) -> int:
    if single.send("practice" if options.practice else "raise"):
        return 0
    sys.stderr.write("vastdesk: VastDesk is open already, and does not answer.\n")
    return 6


class DesktopApp(QObject):
    """Everything there is while the window is open."""

    def __init__(self, app: QApplication, options: Options, single: SingleInstance, hooks: CrashHooks) -> None:
        super().__init__()
        self._app = app
        self._options = options
        self._single = single
        self._hooks = hooks
        self._memory = WindowMemory(options.data_dir)
        install_language(app, self._memory.language)
        theme = Theme(app, self._memory.mode)
        self.window = MainWindow(self._memory)
        self.state = State(self)
        self.bridge: Bridge | None = None
        self.tray: Tray | None = None
        self.announcer: Announcer | None = None
        self._notifier: DesktopNotifier | None = None
        self.practising: Practising | None = None
        log_folder = options.log_path.parent if options.log_path is not None else None
        places = Places(options.data_dir, log_folder, options.redact)
        self._menu = MenuCommands(self.window, self.state, theme, self._memory, places)
        self._is_open = False
        self._is_quitting = False
        self._exit_code = 0
        self._ended = asyncio.Event()
        self._ending = ViewTasks(self)
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(self.window.failures.show_error)
        self._connect()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    # -- start ---------------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """From the first paint to the end."""
        painted = asyncio.Event()
        self.window.painted.connect(painted.set)
        self.window.show()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAINT_PATIENCE_S):
                await painted.wait()
        self._catch_signals()
        await asyncio.to_thread(_import_all, HEAVY)
        self._open_storage()
        await self._ended.wait()
        return self._exit_code

    def _open_storage(self) -> None:
        from vastdesk.workers.bridge import Bridge

        self.window.show_opening()
        self.bridge = Bridge(self._options.data_dir, self._ask, self)
        self.bridge.changed.connect(self.state.take)
        self.bridge.opened.connect(self._on_opened)
        self.bridge.broken.connect(self._on_broken)
        self.bridge.start()

    def _on_opened(self, notices: list[str]) -> None:
        """The storage is open. What is in it comes as the first change."""
        self._is_open = True
        if notices:
            self.window.failures.show_message("warning", "\n".join(notices))
        self.state.instances_changed.connect(self._on_first_news)

    def _on_first_news(self) -> None:
        assert self.bridge is not None
        from vastdesk.ui.shell.commands import RunCommands
        from vastdesk.ui.shell.parts import Parts
        from vastdesk.ui.shell.practising import Practising

        self.state.instances_changed.disconnect(self._on_first_news)
        self.window.fill(Parts(self.state, self.bridge, self._memory))
        RunCommands(self.window, self.state, self.bridge)
        self._make_tray()
        self._menu.use(self.bridge)
        self.practising = Practising(self.window, self.state, self.bridge)
        if self._options.exit_after:
            self.practising.ended.connect(self._on_practice_ended)
        if self._options.practice:
            self.practising.begin()
        else:
            self.practising.serve_again()

    def _on_practice_ended(self, exit_code: int) -> None:
        self._exit_code = exit_code
        self.quit_now()

    def _make_tray(self) -> None:
        from vastdesk.ui.shell.notices import Announcer, DesktopNotifier
        from vastdesk.ui.shell.tray import Tray

        self.tray = Tray(self)
        self.tray.watch(self.state)
        self.tray.ensure()
        self.tray.open_requested.connect(self.window.bring_to_front)
        self.tray.run_chosen.connect(self._on_run_chosen)
        self.tray.quit_requested.connect(self.quit)
        self._notifier = DesktopNotifier()
        self.announcer = Announcer(
            self.state,
            (self._notifier, self.tray),
            settings=self._settings,
            is_watched=self._is_watched,
            parent=self,
        )
        self.announcer.opened.connect(self._on_run_chosen)
        self.tray.pause_toggled.connect(self.announcer.set_paused)

    def _on_broken(self, error: object) -> None:
        if not isinstance(error, VastDeskError):
            if isinstance(error, BaseException):
                self._hooks.report(error, "the engine broke off")
            error = VastDeskError("internal", detail=type(error).__name__)
        if self._is_open:
            self.window.failures.show_error(error)
        else:
            self.window.show_broken(error, self._on_retry)

    def _on_retry(self) -> None:
        if not self._tasks.is_running("retry"):
            self._tasks.spawn(self._retry(), "retry")

    async def _retry(self) -> None:
        if self.bridge is not None:
            await self.bridge.close()
            self.bridge.deleteLater()
        self._open_storage()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows
                loop.add_signal_handler(number, self.quit_now)

    # -- what the window asks for --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        window = self.window
        window.close_requested.connect(self._on_close_requested)
        window.add_requested.connect(self._open_machine_dialog)
        window.edit_requested.connect(self._open_machine_dialog)
        window.actions_by_name["quit"].triggered.connect(self.quit)
        self._single.asked.connect(self._on_asked)
        self._hooks.crashed.connect(self._menu.show_crash)
        self._app.commitDataRequest.connect(window.keep_state, Qt.ConnectionType.DirectConnection)

    def _on_asked(self, command: str) -> None:
        """Somebody started VastDesk a second time."""
        self.window.bring_to_front()
        if command == "practice" and self.practising is not None:
            self.practising.begin()

    def _on_run_chosen(self, run_id: str) -> None:
        self.window.bring_to_front()
        self.window.show_run(run_id)

    def _open_machine_dialog(self, instance_id: str = "") -> None:
        if self._is_open and not self._tasks.is_running("machine"):
            self._tasks.spawn(self._ask_machine(instance_id), "machine")

    async def _ask_machine(self, instance_id: str) -> None:
        assert self.bridge is not None
        from vastdesk.ui.machines.edit import AddMachineDialog

        instance = self.state.instance(instance_id) if instance_id else None
        added = await AddMachineDialog(self.state, self.bridge, instance, self.window).ask()
        if added is not None:
            self.window.show_machine_soon(added.instance.id, test=added.test)

    async def _ask(self, question: str) -> str | None:
        """A passphrase, for the engine."""
        from vastdesk.ui.shell.passphrase import ask_passphrase

        if self._is_quitting:
            return None
        self.window.bring_to_front()
        answer = await ask_passphrase(question, self.window)
        if answer:
            self._options.add_secret(answer)
        return answer

    async def _settings(self) -> Mapping[str, str]:
        assert self.bridge is not None
        from vastdesk.workers import desk

        return await self.bridge.call(desk.settings)

    def _is_watched(self) -> bool:
        return self._app.activeWindow() is not None

    # -- the end -------------------------------------------------------------------------------------------------------

    def _on_close_requested(self) -> None:
        if not self._is_quitting and not self._tasks.is_running("close"):
            self._tasks.spawn(self._close_window(), "close")

    async def _close_window(self) -> None:
        """To the tray where a person can find it again there, else the end."""
        if self.tray is not None and self.tray.ensure() and await self._stays_in_tray():
            self.window.hide()
            if not self._memory.flag("tray_told"):
                self._memory.set_flag("tray_told", True)
                self.tray.tell(
                    self.tr("VastDesk is in the tray"),
                    self.tr("It goes on watching your runs. Quit it from the icon's menu, or with Ctrl+Q."),
                )
        else:
            self.quit()

    async def _stays_in_tray(self) -> bool:
        try:
            async with asyncio.timeout(SETTINGS_PATIENCE_S):
                return bool(values_of(await self._settings())["close_to_tray"])
        except (VastDeskError, TimeoutError):  # a storage that does not answer keeps no window open
            return False

    def quit(self) -> None:
        """With a question where one is due. Asking twice is as good as once."""
        if not self._is_quitting and not self._tasks.is_running("quit"):
            self._tasks.spawn(self._quit(), "quit")

    def quit_now(self) -> None:
        """Without one: a signal, the end of a demo."""
        if not self._is_quitting:
            self._is_quitting = True
            self._ending.spawn(self._end(), "end")

    async def _quit(self) -> None:
        if await self._may_quit():
            self.quit_now()

    async def _may_quit(self) -> bool:
        from vastdesk.ui.kit.dialogs import ask
        from vastdesk.ui.shell.closing import QuitDialog
        from vastdesk.ui.shell.summary import open_runs

        runs = open_runs(self.state)
        stops_something = any(run.here for run in runs)
        if not runs or (self._memory.flag("quit_told") and not stops_something):
            return True
        self.window.bring_to_front()
        dialog = QuitDialog(runs, self.window)
        dialog.skip.toggled.connect(self._on_skip)
        return await ask(dialog)

    def _on_skip(self, skip: bool) -> None:
        self._memory.set_flag("quit_told", skip)

    async def _end(self) -> None:
        """Stage by stage; one that hangs or breaks keeps none of the later ones from their turn."""
        self.window.keep_state()
        self.window.hide()
        stages = (
            ("removals", self._finish_removals),
            ("notifications", self._end_notices),
            ("practice machine", self._end_practice),
            ("engine", self._end_engine),
        )
        for name, stage in stages:
            try:
                async with asyncio.timeout(CLOSE_PATIENCE_S):
                    await stage()
            except TimeoutError:
                log.error("the end of the %s took too long", name)
            except Exception:
                log.exception("the end of the %s", name)
        if self.tray is not None:
            self.tray.hide()
        self._tasks.cancel_all()
        self.window.close_for_good()
        self._ended.set()

    async def _finish_removals(self) -> None:
        if self._is_open:
            await self.window.finish()

    async def _end_practice(self) -> None:
        if self.practising is not None:
            with contextlib.suppress(VastDeskError):  # the engine has ended before us
                await self.practising.close()

    async def _end_notices(self) -> None:
        if self._notifier is not None:
            await self._notifier.close()

    async def _end_engine(self) -> None:
        if self.bridge is not None:
            await self.bridge.close()


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        importlib.import_module(name)
