"""What a person is told before VastDesk ends: what goes on without it, and what stops with it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QVBoxLayout, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit.buttons import IconLabel, push_button
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.shell.summary import OpenRun
from vastdesk.ui.theme import space

MAX_NAMED = 4


class QuitDialog(QDialog):
    """Accepted: end. Which words and whether it may be skipped the next time depends on what is on."""

    def __init__(self, runs: list[OpenRun], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        here = [run for run in runs if run.here]
        stops = bool(here)
        title = (
            self.tr("A step is running on this computer")
            if stops
            else self.tr("%n run(s) go on without VastDesk", "", len(runs))
        )
        self.setWindowTitle(self.tr("Quit VastDesk"))
        self.setAccessibleName(title)
        texts = QVBoxLayout()
        texts.setSpacing(space(2))
        texts.addWidget(TextLabel(title, "title"))
        for sentence in self._sentences(runs, here):
            label = TextLabel(sentence)
            label.setMinimumWidth(space(95))
            texts.addWidget(label)
        for run in (here or runs)[:MAX_NAMED]:
            texts.addWidget(TextLabel(f"•  {run.text}" + (f": {display_text(run.here, 60)}" if run.here else "")))
        if len(here or runs) > MAX_NAMED:
            texts.addWidget(TextLabel(self.tr("… and %n more", "", len(here or runs) - MAX_NAMED), kind="muted"))
        self.skip = QCheckBox(self.tr("Do not tell me again"))
        if not stops:
            texts.addSpacing(space(1))
            texts.addWidget(self.skip)
        top = QHBoxLayout()
        top.setSpacing(space(4))
        picture = IconLabel("warning" if stops else "info", "waiting" if stops else "running", units=7)
        top.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(texts, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(5), space(5), space(4))
        column.setSpacing(space(5))
        column.addLayout(top)
        column.addLayout(self._buttons(stops))

    def _sentences(self, runs: list[OpenRun], here: list[OpenRun]) -> list[str]:
        others = len(runs) - len(here)
        if not here:
            return [self.tr("The work runs on the machines. Start VastDesk again to see how far it is.")]
        said = [self.tr("It stops when you quit, and begins anew when you start VastDesk again.")]
        if others:
            said.append(self.tr("%n other run(s) go on on their machines.", "", others))
        return said

    def _buttons(self, stops: bool) -> QHBoxLayout:
        stay = push_button(self.tr("Stay") if stops else self.tr("Cancel"))
        leave = push_button(self.tr("Quit anyway") if stops else self.tr("Quit"), "danger" if stops else "primary")
        stay.clicked.connect(self.reject)
        leave.clicked.connect(self.accept)
        (stay if stops else leave).setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(space(2))
        row.addStretch(1)
        row.addWidget(stay)
        row.addWidget(leave)
        return row
