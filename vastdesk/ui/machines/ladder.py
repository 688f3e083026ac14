"""Testing a connection, rung by rung, as it is climbed; and what to do about the rung that broke."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import shiboken6
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.sentences import display_text
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import IconLabel, ProgressRing, SectionHeader, TextLabel, announce, icon_button, push_button
from vastdesk.ui.machines.hostkey import decide_host_key
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import ColourName, space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.desk import Rung
from vastdesk.workers.engine import Engine

RUNGS = ("key", "resolve", "tcp", "kex", "login", "runner")
"""In the order in which they are climbed."""

_WORDS: dict[str, object] = {
    "key": QT_TRANSLATE_NOOP("Ladder", "Open the key"),
    "resolve": QT_TRANSLATE_NOOP("Ladder", "Find the address"),
    "tcp": QT_TRANSLATE_NOOP("Ladder", "Reach the SSH port"),
    "kex": QT_TRANSLATE_NOOP("Ladder", "Check the host key"),
    "login": QT_TRANSLATE_NOOP("Ladder", "Log in"),
    "runner": QT_TRANSLATE_NOOP("Ladder", "Start the runner"),
}
_SIGNS: dict[str, tuple[str, ColourName]] = {
    "succeeded": ("succeeded", "succeeded"),
    "failed": ("failed", "failed"),
    "cancelled": ("cancelled", "muted"),
}
_JUMP = "jump "

ADDRESS = frozenset({"dns_failed", "connect_refused", "connect_timeout", "host_unreachable", "not_ssh"})
"""Kinds that a better address may cure."""
KEY = frozenset({"auth_refused", "key_missing", "key_locked", "key_unreadable", "key_refused"})
"""Kinds that another key or user may cure."""
HOST_KEY = frozenset({"host_key_unknown", "host_key_changed"})


def rung_words(name: str) -> str:
    """A rung in words; those of a jump host say so."""
    plain = name.removeprefix(_JUMP)
    words = QCoreApplication.translate("Ladder", str(_WORDS[plain])) if plain in _WORDS else display_text(plain, 60)
    if not name.startswith(_JUMP):
        return words
    return QCoreApplication.translate("Ladder", "Jump host: {rung}").format(rung=words)


class LadderView(QWidget):
    """The rungs as rows. `take(rung)` moves one; a rung that begins again (the next address) clears those above it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _RungRow] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(space(2.5))
        self._grid.setVerticalSpacing(space(1.5))
        self._grid.setColumnStretch(2, 1)
        self.reset()

    def reset(self, *, jump: bool = False) -> None:
        """All rungs, still to climb; with those of a jump host before them where there is one."""
        for row in self._rows.values():
            row.remove(self._grid)
        self._rows = {}
        names = [*(_JUMP + name for name in RUNGS[1:-1]), *RUNGS] if jump else list(RUNGS)
        if jump:  # one key opens both
            names.remove("key")
            names.insert(0, "key")
        for name in names:
            self._row(name)

    def take(self, rung: Rung) -> None:
        row = self._row(rung.name)
        if rung.state == "running":
            names = list(self._rows)
            for later in names[names.index(rung.name) + 1 :]:
                self._rows[later].set("pending", "", 0.0)
        row.set(rung.state, rung.note, rung.duration_s)

    def stop(self) -> None:
        """It is over: nothing moves any more, and the sentence of what failed stands below, once."""
        for row in self._rows.values():
            if row.state == "running":
                row.set("cancelled", "", 0.0)
            elif row.state == "failed":
                row.note.setText("")

    def state_of(self, name: str) -> str:
        return self._rows[name].state

    def note_of(self, name: str) -> str:
        return self._rows[name].note.text()

    def _row(self, name: str) -> _RungRow:
        if name not in self._rows:  # a rung of a newer ladder
            self._rows[name] = _RungRow(name, self._grid, len(self._rows))
        return self._rows[name]


class _RungRow:
    """Icon or ring, words, note, duration."""

    def __init__(self, name: str, grid: QGridLayout, at: int) -> None:
        self.words = rung_words(name)
        self.state = "pending"
        self._icon = IconLabel("pending", "pending", units=4)
        self._ring = ProgressRing(self.words, units=4)
        self._ring.set_percent(None)
        self._sign = QStackedWidget()
        self._sign.addWidget(self._icon)
        self._sign.addWidget(self._ring)
        self._sign.setFixedSize(self._ring.sizeHint())
        self._label = QLabel(self.words)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self.note = TextLabel(role="caption", kind="muted")
        self._duration = QLabel()
        self._duration.setTextFormat(Qt.TextFormat.PlainText)
        self._duration.setProperty("kind", "muted")
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(self._sign, at, 0, top)
        grid.addWidget(self._label, at, 1, top)
        grid.addWidget(self.note, at, 2)
        grid.addWidget(self._duration, at, 3, top | Qt.AlignmentFlag.AlignRight)
        self.set("pending", "", 0.0)

    def set(self, state: str, note: str, duration_s: float) -> None:
        self.state = state
        self._sign.setCurrentWidget(self._ring if state == "running" else self._icon)
        if state in ("succeeded", "failed", "cancelled"):
            self._icon.set_icon(
                state, "succeeded" if state == "succeeded" else "failed" if state == "failed" else "muted"
            )
        else:
            self._icon.set_icon("pending", "disabled")
        self._label.setProperty("kind", "muted" if state in ("pending", "cancelled") else "")
        self._label.style().unpolish(self._label)  # a property is read again only then
        self._label.style().polish(self._label)
        self.note.setText(note)
        self._duration.setText(f"{duration_s * 1000:.0f} ms" if state == "succeeded" and duration_s else "")
        self._label.setAccessibleName(f"{self.words}: {state}")
        if state == "failed":
            announce(self._label, f"{self.words}: {note}")

    def remove(self, grid: QGridLayout) -> None:
        for widget in (self._sign, self._label, self.note, self._duration):
            grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()


class LadderPanel(QFrame):
    """`test(instance)` climbs; `passed(facts)` brings what the machine said of itself, `edit_requested(id)` asks for
    the dialog when another address or key may help."""

    passed = Signal(object)
    failed = Signal(object)
    """`VastDeskError`"""
    edit_requested = Signal(str)
    closed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self._bridge = bridge
        self._instance: Instance | None = None
        self._tasks = ViewTasks(self)
        self._climb_no = 0
        self._fingerprint = ""
        self.is_testing = False
        self._tasks.failed.connect(self._on_failed)
        header = SectionHeader(self.tr("Connection test"))
        self._again = push_button(self.tr("Test again"), "quiet", "retry")
        self._stop = push_button(self.tr("Stop"), "normal", "stop")
        close = icon_button("close", self.tr("Close the test"))
        for widget in (self._again, self._stop, close):
            header.add_widget(widget)
        self.ladder = LadderView()
        self.outcome = FailurePlace()
        column = QVBoxLayout(self)
        column.setContentsMargins(space(4), space(3), space(4), space(4))
        column.setSpacing(space(3))
        column.addWidget(header)
        column.addWidget(self.ladder)
        column.addWidget(self.outcome)
        self._again.clicked.connect(self._on_again)
        self._stop.clicked.connect(self.stop)
        close.clicked.connect(self._on_close)
        self._show_state()

    def test(self, instance: Instance) -> None:
        """Begins, in place of a test that is on."""
        self._instance = instance
        self._climb_no += 1
        self.outcome.clear()
        self.ladder.reset(jump=instance.jump is not None)
        self.is_testing = True
        self._tasks.restart(self._climb(instance, self._climb_no), "climb")
        self._show_state()

    def stop(self) -> None:
        self._climb_no += 1  # what still arrives is of no interest
        self.is_testing = False
        self._tasks.cancel("climb")
        self.ladder.stop()
        self._show_state()

    async def _climb(self, instance: Instance, number: int) -> None:
        rungs: deque[Rung] = deque()
        climb = climbing(instance, self._listener(number, rungs))
        try:
            facts = await self._bridge.call(climb)
        except VastDeskError:
            self._take(number, rungs)  # the loop promises no order between the last rung and the end
            raise
        self._take(number, rungs)
        self.outcome.show_message("info", self.tr("Everything works: the machine is ready."))
        self.is_testing = False
        self._show_state()
        self.passed.emit(facts)

    def _listener(self, number: int, rungs: deque[Rung]) -> Callable[[Rung], Awaitable[None]]:
        """Called in the engine's thread; the rungs are shown in the window's, in their order."""
        home = asyncio.get_running_loop()

        async def on_rung(rung: Rung) -> None:
            rungs.append(rung)
            with contextlib.suppress(RuntimeError):  # the window's loop is closed
                home.call_soon_threadsafe(self._take, number, rungs)

        return on_rung

    def _take(self, number: int, rungs: deque[Rung]) -> None:
        while rungs:
            rung = rungs.popleft()
            if shiboken6.isValid(self) and number == self._climb_no:  # the panel may be gone
                self.ladder.take(rung)

    def _on_failed(self, error: VastDeskError) -> None:
        self._climb_no += 1
        self.is_testing = False
        self.ladder.stop()
        actions: list[tuple[str, Callable[[], object]]] = []
        if error.kind in HOST_KEY:
            self._fingerprint = str(error.facts["fingerprint"])
            actions.append((self.tr("Compare the key…"), self._on_compare))
        elif error.kind in ADDRESS:
            actions.append((self.tr("Edit the address…"), self._on_edit))
        elif error.kind in KEY:
            actions.append((self.tr("Choose another key…"), self._on_edit))
        if error.kind == "host_key_unknown":  # no failure: it is asked once for every machine
            told = self.tr("The machine shows a key that VastDesk does not know yet. Compare it, and the test goes on.")
            self.outcome.show_message("warning", told, *actions)
        else:
            self.outcome.show_error(error, *actions)
        self._show_state()
        self.failed.emit(error)

    def _on_again(self) -> None:
        if self._instance is not None:
            self.test(self._instance)

    def _on_edit(self) -> None:
        if self._instance is not None:
            self.edit_requested.emit(self._instance.id)

    def _on_compare(self) -> None:
        if self._instance is not None and not self._tasks.is_running("key"):
            self._tasks.spawn(self._decide(self._instance), "key")

    async def _decide(self, instance: Instance) -> None:
        """Trusted: the test goes on where it stopped."""
        if await decide_host_key(self.window(), self._bridge, instance, self._fingerprint):
            self.test(instance)

    def _on_close(self) -> None:
        self.stop()
        self.closed.emit()

    def _show_state(self) -> None:
        self._stop.setVisible(self.is_testing)
        self._again.setVisible(not self.is_testing)


def climbing(
    instance: Instance, on_rung: Callable[[Rung], Awaitable[None]]
) -> Callable[[Engine], Awaitable[Mapping[str, Any]]]:
    """The command that tests a connection."""
    return lambda engine: desk.test_machine(engine, instance, on_rung)
