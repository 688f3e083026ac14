"""The first thing a person sees: what this is, in one breath, and the two ways to begin."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import push_button
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import app_icon, space


class WelcomePage(QWidget):
    """Shown while no machine is saved. `practice_*` say how far the practice machine is."""

    add_requested = Signal()
    practice_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(space(16), space(16)))
        picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        title = TextLabel(self.tr("Welcome to VastDesk"), "headline")
        breath = TextLabel(
            self.tr(
                "VastDesk sets up rented GPU machines for ComfyUI over SSH and shows every step live. The work runs on "
                "the machine: close the window or the laptop, and find it as it stands when you come back."
            ),
            kind="muted",
        )
        add = push_button(self.tr("&Add a machine"), "primary", "add")
        self.setFocusProxy(add)
        self._practice = push_button(self.tr("&Try it on this computer"), "normal", "practice")
        add.clicked.connect(self.add_requested)
        self._practice.clicked.connect(self.practice_requested)
        self._hint = TextLabel(
            self.tr(
                "Trying it costs nothing and needs no account: a small practice machine inside VastDesk, which only "
                "this computer can reach, is set up for real."
            ),
            "caption",
            kind="muted",
        )
        self._bar = QProgressBar()
        self._bar.setProperty("kind", "bar")
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Preparing the practice machine"))
        self._bar.setMaximumWidth(space(70))
        self._bar.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(space(2))
        buttons.addStretch(1)
        buttons.addWidget(add)
        buttons.addWidget(self._practice)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(6), space(6), space(6), space(6))
        column.setSpacing(space(3))
        column.addStretch(2)
        column.addWidget(picture)
        for label in (title, breath):
            column.addLayout(_centred(label))
        column.addSpacing(space(3))
        column.addLayout(buttons)
        column.addSpacing(space(2))
        column.addLayout(_centred(self._bar))
        column.addLayout(_centred(self._hint))
        column.addStretch(3)

    def show_progress(self, part: str, done: int, total: int) -> None:
        """The practice machine is being made."""
        self._practice.setEnabled(False)
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)
        self._bar.show()
        self._hint.setText(self.tr("Preparing the practice machine: {part}").format(part=part))

    def end_progress(self) -> None:
        """It is there, or could not be made."""
        self._practice.setEnabled(True)
        self._bar.hide()


def _centred(widget: QWidget) -> QHBoxLayout:
    if isinstance(widget, TextLabel):
        widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        widget.setMaximumWidth(space(120))
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(widget, 100)
    row.addStretch(1)
    return row
