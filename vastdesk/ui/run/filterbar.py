"""What narrows the whole list of nodes: by state, each with its count, and by name."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from vastdesk.domain.views import StepView
from vastdesk.ui.kit import SearchField, icon_button
from vastdesk.ui.run.lines import FILTERS, Folding, count_by_filter
from vastdesk.ui.theme import space


class FilterBar(QWidget):
    """`narrowed(name, text)` with a name of FILTERS; `closed`: back to the few latest ones."""

    narrowed = Signal(str, str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = {
            "all": self.tr("All {count}"),
            "running": self.tr("Running {count}"),
            "failed": self.tr("Failed {count}"),
            "done": self.tr("Done {count}"),
            "to_come": self.tr("To come {count}"),
        }
        self._step: StepView | None = None
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(space(2), space(1), space(2), space(1))
        row.setSpacing(space(1))
        for name in FILTERS:
            button = QToolButton()
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setCheckable(True)
            button.setText(self._words[name].format(count=0))
            button.setObjectName(name)
            self._group.addButton(button)
            self._buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        self._field = SearchField(self.tr("Find a node"))
        self._field.setMaximumWidth(space(50))
        self._field.searched.connect(self._tell)
        row.addWidget(self._field, 2)
        close = icon_button("close", self.tr("Show only the latest"))
        close.clicked.connect(self.closed)
        row.addWidget(close)
        self._group.buttonClicked.connect(self._tell)

    def show_folding(self, step: StepView | None, folding: Folding) -> None:
        """Counts of the step whose whole list is shown; hidden when there is none."""
        self.setVisible(step is not None)
        if step is None:
            self._step = None
            self._field.clear()
            return
        self._buttons[folding.narrowed].setChecked(True)
        if step is not self._step:
            self._step = step
            for name, count in count_by_filter(step).items():
                self._buttons[name].setText(self._words[name].format(count=f"{count:,}"))

    def focus_search(self) -> None:
        self._field.setFocus()

    def _tell(self) -> None:
        chosen = self._group.checkedButton()
        self.narrowed.emit(chosen.objectName() if chosen is not None else "all", self._field.text().strip())
