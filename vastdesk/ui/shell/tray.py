"""The icon in the tray, where there is one: how everything stands, at a glance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from vastdesk.ui.kit.plain import unmarked
from vastdesk.ui.kit.states import state_look
from vastdesk.ui.shell.notices import Notice
from vastdesk.ui.shell.summary import attention, open_runs, status_line
from vastdesk.ui.state import State
from vastdesk.ui.theme import LIGHT, app_icon, icon
from vastdesk.ui.theme.icons import tinted

MAX_RUNS = 12
SIZES = (16, 22, 24, 32, 48, 64)


class Tray(QObject):
    """`ensure()` shows it where a tray exists; asked again whenever that matters, for trays come and go."""

    open_requested = Signal()
    quit_requested = Signal()
    run_chosen = Signal(str)
    pause_toggled = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state: State | None = None
        self._icon: QSystemTrayIcon | None = None
        self._menu = QMenu()
        self._menu.aboutToShow.connect(self._fill)
        self._shown = ""
        self._paused = False
        self._on_click: Callable[[], object] | None = None

    @property
    def is_there(self) -> bool:
        """Whether a person can find the window again through it, at this moment."""
        return self._icon is not None and self._icon.isVisible() and QSystemTrayIcon.isSystemTrayAvailable()

    def watch(self, state: State) -> None:
        """From now on the icon follows the runs."""
        self._state = state
        for changed in (state.history_changed, state.instances_changed, state.runs_changed):
            changed.connect(self._show_state)
        self._show_state()

    def ensure(self) -> bool:
        """Shows the icon if it can be; says whether it is there."""
        if self._icon is None and QSystemTrayIcon.isSystemTrayAvailable():
            self._icon = QSystemTrayIcon(self)
            self._icon.setContextMenu(self._menu)
            self._icon.activated.connect(self._on_activated)
            self._icon.messageClicked.connect(self._on_message_clicked)
            self._fill()
            self._show_state()
            self._icon.show()
        return self.is_there

    def hide(self) -> None:
        if self._icon is not None:
            self._icon.hide()

    async def show(self, notice: Notice, on_click: Callable[[str], object]) -> bool:
        """A `Notifier`: the balloon, for desktops without a notification service."""
        return self.tell(notice.title, notice.text, notice.kind == "done", partial(on_click, notice.run_id))

    def tell(self, title: str, text: str, is_good: bool = True, on_click: Callable[[], object] | None = None) -> bool:
        """Says whether it could. One balloon at a time: a click is on the last one."""
        if self._icon is None or not self.is_there or not QSystemTrayIcon.supportsMessages():
            return False
        self._on_click = on_click
        kind = QSystemTrayIcon.MessageIcon
        self._icon.showMessage(title, text, kind.Information if is_good else kind.Warning)
        return True

    def _show_state(self, *_: object) -> None:
        if self._icon is None:
            return
        runs = open_runs(self._state) if self._state is not None else []
        shown = attention(runs)
        if shown != self._shown:
            self._shown = shown
            self._icon.setIcon(tray_icon(shown))
        machines = len(self._state.instances) if self._state is not None else 0
        self._icon.setToolTip(f"VastDesk\n{status_line(machines, runs)}")

    def _fill(self) -> None:
        """Just before it is seen."""
        menu = self._menu
        menu.clear()
        opener = menu.addAction(self.tr("&Open VastDesk"))
        opener.triggered.connect(self.open_requested)
        menu.setDefaultAction(opener)
        runs = open_runs(self._state) if self._state is not None else []
        if runs:
            menu.addSeparator()
        for run in runs[:MAX_RUNS]:
            look = state_look(run.state)
            action = menu.addAction(icon(look.icon, look.colour), unmarked(f"{run.text} ({look.word})"))
            action.triggered.connect(partial(self._choose, run.run_id))
        menu.addSeparator()
        pause = menu.addAction(self.tr("&Pause notifications"))
        pause.setCheckable(True)
        pause.setChecked(self._paused)
        pause.toggled.connect(self._on_pause)
        menu.addSeparator()
        menu.addAction(self.tr("&Quit VastDesk")).triggered.connect(self.quit_requested)

    def _choose(self, run_id: str, *_: object) -> None:
        self.run_chosen.emit(run_id)

    def _on_pause(self, paused: bool) -> None:
        self._paused = paused
        self.pause_toggled.emit(paused)

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.open_requested.emit()

    def _on_message_clicked(self) -> None:
        if self._on_click is not None:
            self._on_click()


def tray_icon(shown: str) -> QIcon:
    """The app's icon; with a round mark while something runs, with a triangle when a person is needed."""
    base = app_icon()
    if shown == "idle":
        return base
    result = QIcon()
    for side in SIZES:
        result.addPixmap(_marked(base, shown, side))
    return result


def _marked(base: QIcon, shown: str, side: int) -> QPixmap:
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    base.paint(painter, QRect(0, 0, side, side))
    mark = round(side * 0.62)
    box = QRect(side - mark, side - mark, mark, mark)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#ffffff"))  # the tray's own ground is not known: a plate of our own below the mark
    painter.drawEllipse(box)
    name, shade = ("blocked", LIGHT.blocked) if shown == "attention" else ("running", LIGHT.running)
    inner = box.adjusted(1, 1, -1, -1)
    painter.drawPixmap(inner.topLeft(), tinted(name, shade, QSize(inner.width(), inner.height()), 1.0))
    painter.end()
    return picture
