"""Where it is to run, and the two ways to start."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QWidget

from vastdesk.domain.instances import Instance
from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import ElidedLabel, IconLabel, push_button
from vastdesk.ui.theme import space


class RunFooter(QWidget):
    """`show_targets` says where; `show_clicked(run)` wants to see what is on there."""

    run_clicked = Signal()
    next_clicked = Signal()
    show_clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._busy = ""
        self.where = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.note = ElidedLabel(mode=Qt.TextElideMode.ElideRight, role="caption", colour="muted")
        self.show_run = push_button(self.tr("Sho&w it"), "quiet")
        self.run_next = push_button(self.tr("Run &next"), icon_name="queue")
        self.run = push_button(self.tr("&Run"), "primary", "run")
        self.run.setShortcut(QKeySequence("Ctrl+Return"))
        self.run_next.setToolTip(self.tr("After what is on at the machine"))
        row = QHBoxLayout(self)
        row.setContentsMargins(space(5), space(3), space(5), space(3))
        row.setSpacing(space(2))
        row.addWidget(IconLabel("machine"))
        row.addWidget(self.where)
        row.addWidget(self.note)
        row.addWidget(self.show_run)
        row.addStretch(1)
        row.addWidget(self.run_next)
        row.addWidget(self.run)
        self.run.clicked.connect(self.run_clicked)
        self.run_next.clicked.connect(self.next_clicked)
        self.show_run.clicked.connect(self._on_show)

    def show_targets(self, targets: tuple[Instance, ...], busy: tuple[str, ...], usable: bool) -> None:
        """`busy` are the runs that are on at them; `usable`: there is a workflow, and nothing is being started."""
        self._busy = busy[0] if busy else ""
        names = ", ".join(display_text(target.name, 60) for target in targets[:8])
        if len(targets) > 1:
            words = self.tr("On %n machine(s): {names}", "", len(targets)).format(names=names)
        else:
            words = self.tr("On {names}").format(names=names) if targets else self.tr("Choose a machine at the left.")
        self.where.setText(words)
        one = len(targets) == 1
        told = self.tr("A run is on there.") if one else self.tr("A run is on at %n of them.", "", len(busy))
        self.note.setText(told if busy else "")
        self.note.setVisible(bool(busy))
        self.show_run.setVisible(bool(busy) and one)
        many = self.tr("&Run on %n machine(s)", "", len(targets))
        self.run.setText(many if len(targets) > 1 else self.tr("&Run"))
        for button in (self.run, self.run_next):
            button.setEnabled(usable and bool(targets))

    def _on_show(self) -> None:
        self.show_clicked.emit(self._busy)
