"""The raw output of the chosen step: read from its machine while somebody looks and the step runs, or when asked for;
else the last lines that came as events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.events import DESKTOP_JOB
from vastdesk.domain.instances import Instance
from vastdesk.domain.views import StepView
from vastdesk.ui.failures import told
from vastdesk.ui.kit import ElidedLabel, PlainTextLog, TextLabel, plain_tooltip, push_button
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge
    from vastdesk.workers.engine import Engine

POLL_S = 1.0
"""How soon new output of a running step is seen."""
AGAIN_S = 5.0
"""After the machine could not be reached."""
BEGIN_BYTES = 1 << 18
"""How much of what was printed before one looked is read; the rest on demand."""


class Source(NamedTuple):
    """Whose output: a step in one of its attempts."""

    run: str
    step: str
    job: str
    attempt: int


class OutputPane(QWidget):
    """`show_step(run_id, step, instance)`."""

    save_failed = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._tasks = ViewTasks(self)
        self._source: Source | None = None
        self._step: StepView | None = None
        self._instance: Instance | None = None
        self._told: tuple[str, ...] = ()
        """Lines of events that are shown."""
        self._raw = False
        """What is shown was read from the machine."""
        self._next: int | None = None
        """Up to which byte; None when it is to begin."""
        self._whole = False
        """It was read from its beginning on."""
        self._complete = False
        self._title = ElidedLabel(mode=Qt.TextElideMode.ElideRight, role="strong")
        self._note = TextLabel(role="caption", kind="muted")
        self._note.setWordWrap(False)
        self._load = push_button(self.tr("Load all of it"), "quiet")
        self._load.setToolTip(plain_tooltip(self.tr("Reads the whole output of this step from its machine")))
        self._load.clicked.connect(self._on_load)
        self._log = PlainTextLog(self.tr("Output"))
        self._log.save_failed.connect(self.save_failed)
        head = QHBoxLayout()
        head.setContentsMargins(space(3), space(2), space(2), 0)
        head.setSpacing(space(2))
        head.addWidget(self._title, 1)
        head.addWidget(self._note)
        head.addWidget(self._load)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._log, 1)
        self.show_step("", None, None)

    @property
    def log(self) -> PlainTextLog:
        return self._log

    @property
    def is_reading(self) -> bool:
        return self._tasks.is_running("read")

    def show_step(self, run_id: str, step: StepView | None, instance: Instance | None) -> None:
        """The newest picture of the step to show; None: nothing has begun."""
        source = None if step is None else Source(run_id, step.id, step.job or "", step.attempt)
        self._step, self._instance = step, instance
        if source != self._source:
            self._source = source
            self._tasks.cancel_all()
            self._log.clear()
            self._told, self._raw, self._next, self._complete = (), False, None, False
        title = self.tr("Output") if step is None else self.tr("Output of {step}").format(step=step.title or step.id)
        self._title.setText(title)
        if step is not None and not self._raw:
            self._show_told(step.log)
        self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tasks.cancel("read")

    @property
    def _can_read(self) -> bool:
        """The engine's own steps print nothing on a machine."""
        source = self._source
        return self._instance is not None and source is not None and source.job not in ("", DESKTOP_JOB)

    def _look(self) -> None:
        """Reads while the step runs and somebody looks."""
        runs = self._step is not None and self._step.state == "running"
        if self.isVisible() and runs and self._can_read and not self.is_reading:
            self._tasks.spawn(self._follow(), "read")
        self._load.setVisible(self._can_read and not runs and not self.is_reading and not self._complete)
        if not self._raw and not self.is_reading:
            self._say_told()

    def _say_told(self) -> None:
        self._note.setText(self.tr("last lines") if self._told else self.tr("nothing yet"))
        if self._step is not None and self._step.is_finished and not self._told:
            self._note.setText(self.tr("nothing was told"))

    def _show_told(self, lines: tuple[str, ...]) -> None:
        """Adds the lines of events that are new; the oldest ones drop out of the picture as new ones come."""
        if lines == self._told:
            return
        shared = min(len(lines), len(self._told))
        while shared and self._told[-shared:] != lines[:shared]:
            shared -= 1
        self._log.append_lines(lines[shared:])
        self._told = lines

    def _on_load(self) -> None:
        if self._can_read:
            self._load.hide()
            self._tasks.restart(self._read_all(), "read")

    # -- reading from the machine ------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """From a little before now on, until the step has ended and all was read."""
        while True:
            ended = self._step is None or self._step.state != "running"
            try:
                if self._next is None:
                    self._next = await self._begin()
                await self._read_on()
            except VastDeskError as error:
                self._say_unreached(error)
                if ended:
                    self._load.show()
                    return
                await asyncio.sleep(AGAIN_S)
                continue
            if ended:
                self._complete = self._whole
                self._say(self.tr("complete") if self._whole else self.tr("up to its end"))
                self._load.setVisible(not self._whole)
                return
            self._say(self.tr("live"))
            await asyncio.sleep(POLL_S)

    async def _begin(self) -> int:
        """Where to begin, so that a log of 1 GB does not come through the line first."""
        size = int((await self._ask(0, 1))["size"])
        self._whole = size <= BEGIN_BYTES
        return max(0, size - BEGIN_BYTES)

    async def _read_all(self) -> None:
        self._say(self.tr("reading …"))
        self._next, self._raw = 0, False
        try:
            await self._read_on()
            self._complete = True
            self._say(self.tr("complete"))
        except VastDeskError as error:
            self._say_unreached(error)
            self._load.show()

    async def _read_on(self) -> None:
        """All that is there now."""
        while True:
            answer = await self._ask(self._next or 0)
            if not self._raw:
                self._raw = True
                self._log.clear()
            if answer["data"]:
                self._log.append_text(str(answer["data"]))
            self._next = int(answer["next"])
            if answer["eof"] or not answer["data"]:
                return

    async def _ask(self, offset: int, max_bytes: int = 1 << 16) -> dict[str, Any]:
        source, instance = self._source, self._instance
        assert source is not None and instance is not None

        async def read(engine: Engine) -> dict[str, Any]:
            from vastdesk.workers.desk import read_output

            return await read_output(engine, instance, source.job, source.step, offset, max_bytes)

        return await self._bridge.call(read)

    def _say_unreached(self, error: VastDeskError) -> None:
        """The reason is in the tooltip: it may be as simple as a machine that was switched off after its run."""
        words = self.tr("machine not reached: as far as it was read") if self._raw else ""
        self._say(words or self.tr("machine not reached: last lines"), told(error).text)

    def _say(self, words: str, more: str = "") -> None:
        self._note.setText(words)
        self._note.setToolTip(plain_tooltip(more))
