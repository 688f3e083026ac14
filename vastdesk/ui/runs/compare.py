"""Two runs beside each other: what ended differently, and nothing else."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedLayout, QVBoxLayout, QWidget

from vastdesk.domain.comparison import Difference, Outcome, differences
from vastdesk.domain.sentences import display_text
from vastdesk.domain.views import RunView
from vastdesk.ui.kit import CopyButton, EmptyState, SectionHeader, TextLabel, icon_button, plain_tooltip, state_look
from vastdesk.ui.runs.table import RowTable
from vastdesk.ui.runs.words import exact
from vastdesk.ui.theme import icon, space, tokens

Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole


class ComparisonModel(QAbstractTableModel):
    """`show(left, right)`: one row for each difference."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Difference, ...] = ()
        self._headers = (self.tr("Step or node"), "", "")

    @property
    def differences(self) -> tuple[Difference, ...]:
        return self._rows

    def show(self, left: RunView, right: RunView) -> None:
        self.beginResetModel()
        self._rows = differences(left, right)
        self._headers = (self._headers[0], _when(left), _when(right))
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> object:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < 3:
            return None
        if role == _Role.DisplayRole:
            return self._headers[section]
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter if role == _Role.TextAlignmentRole else None

    def data(self, index: Index, role: int = _Role.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        if role in (_Role.DisplayRole, _Role.AccessibleTextRole):
            return self.text(row, column)
        if role == _Role.ToolTipRole:
            return plain_tooltip(f"{display_text(row.step)}: {self.text(row, column).strip()}")
        outcome = (None, row.left, row.right)[column]
        if outcome is None or not outcome.state:
            return tokens().colour("text" if outcome is None else "muted") if role == _Role.ForegroundRole else None
        look = state_look(outcome.state)
        if role == _Role.DecorationRole:
            return icon(look.icon, look.colour)
        return tokens().colour(look.colour) if role == _Role.ForegroundRole else None

    def text(self, row: Difference, column: int) -> str:
        if column == 0:
            return f"    {display_text(row.node)}" if row.node else display_text(row.step)
        return self._outcome(row.left if column == 1 else row.right)

    def as_text(self) -> str:
        """All of it, separated by tabs."""
        lines = ["\t".join(self._headers)]
        lines += ["\t".join(self.text(row, column) for column in range(3)) for row in self._rows]
        return "\n".join(lines) + "\n"

    def _outcome(self, outcome: Outcome) -> str:
        if not outcome.state:
            return self.tr("not part of it")
        word, note = state_look(outcome.state).word, display_text(outcome.note, 500)
        return f"{word}: {note}" if note else word


class ComparePane(QWidget):
    """`compare(left, right)`; `closed` when the person has seen enough."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = ComparisonModel(self)
        self._header = SectionHeader(self.tr("Comparison"))
        self._header.add_widget(CopyButton(self.tr("Copy the comparison"), self._model.as_text))
        close = icon_button("close", self.tr("Close the comparison"))
        close.clicked.connect(self.closed)
        self._header.add_widget(close)
        self._between = TextLabel(kind="muted")
        self._table = RowTable(self.tr("What ended differently"))
        self._table.setModel(self._model)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for section in range(3):
            self._table.horizontalHeader().setSectionResizeMode(section, QHeaderView.ResizeMode.Stretch)
        self._same = EmptyState(
            "check", self.tr("Both ended the same"), self.tr("No step and no node ended differently.")
        )
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._same)
        head = QVBoxLayout()
        head.setContentsMargins(space(3), space(2), space(2), space(1))
        head.addWidget(self._header)
        head.addWidget(self._between)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space(1))
        column.addLayout(head)
        column.addWidget(body, 1)

    @property
    def model(self) -> ComparisonModel:
        return self._model

    def compare(self, left: RunView, right: RunView) -> None:
        self._model.show(left, right)
        count = len(self._model.differences)
        self._header.set_note(self.tr("{count} differences").format(count=count) if count else "")
        self._between.setText(
            self.tr("{left} on {there}, and {right} on {here}").format(
                left=display_text(left.workflow, 80) or "–",
                there=display_text(left.instance, 60) or "–",
                right=display_text(right.workflow, 80) or "–",
                here=display_text(right.instance, 60) or "–",
            )
        )
        self._stack.setCurrentIndex(0 if count else 1)


def _when(view: RunView) -> str:
    return exact(view.started_ts)[:16] if view.started_ts is not None else display_text(view.run or "", 12)
