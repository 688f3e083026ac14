"""The steps of a workflow as they are edited: switched, ordered, filled in. What is half typed is kept too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from vastdesk.domain.sentences import display_text
from vastdesk.domain.workflow import Catalogue, StepUse
from vastdesk.ui.kit import declared_text, plain_tooltip

STEP = Qt.ItemDataRole.UserRole
"""The `DraftStep`."""
SUMMARY = Qt.ItemDataRole.UserRole + 1
"""What is set otherwise than usual, in words."""

_MIME = "application/x-vastdesk-step"
_ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class DraftStep:
    """`use` is usable while `problem` is "". `raw` holds what stands in the fields when it is not."""

    use: StepUse
    raw: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""


def draft_step(name: str, catalogue: Catalogue, taken: Iterable[str]) -> DraftStep:
    """A step as the catalogue has it, under an id that no other has."""
    info = catalogue[name]
    params, wrong = info.check({})
    ids = {id.casefold() for id in taken}
    id = next(id for n in range(1, len(ids) + 2) if (id := name if n == 1 else f"{name}-{n}").casefold() not in ids)
    use = StepUse(id, name, info.title, info.where, params, limit_s=info.limit_s)
    return DraftStep(use, problem=f"{wrong[0].param} {wrong[0].message}" if wrong else "")


class StepModel(QAbstractListModel):
    """`edited` comes when a person changed something; `set_steps` is silent."""

    edited = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: list[DraftStep] = []
        self._usual: Mapping[str, str] = {}
        self._labels: Mapping[str, Mapping[str, str]] = {}
        self._catalogue: Catalogue = {}

    # -- what the page asks for ----------------------------------------------------------------------------------------

    def set_words(
        self, catalogue: Catalogue, usual: Mapping[str, str], labels: Mapping[str, Mapping[str, str]]
    ) -> None:
        """`usual` is what a step says of itself, `labels` are the labels of its parameters."""
        self._catalogue, self._usual, self._labels = catalogue, usual, labels

    @property
    def steps(self) -> tuple[DraftStep, ...]:
        return tuple(self._steps)

    def set_steps(self, steps: Iterable[DraftStep]) -> None:
        self.beginResetModel()
        self._steps = list(steps)
        self.endResetModel()

    def step(self, at: int) -> DraftStep | None:
        return self._steps[at] if 0 <= at < len(self._steps) else None

    def change(self, at: int, step: DraftStep) -> None:
        """Another content of the step at that place."""
        if self._steps[at] != step:
            self._steps[at] = step
            self.dataChanged.emit(self.index(at), self.index(at))
            self.edited.emit()

    def insert(self, at: int, step: DraftStep) -> None:
        self.beginInsertRows(_ROOT, at, at)
        self._steps.insert(at, step)
        self.endInsertRows()
        self.edited.emit()

    def remove(self, at: int) -> DraftStep:
        self.beginRemoveRows(_ROOT, at, at)
        step = self._steps.pop(at)
        self.endRemoveRows()
        self.edited.emit()
        return step

    def move(self, at: int, to: int) -> bool:
        """Takes the step at `at` to the place `to`. False: it is there, or there is no such place."""
        if at == to or not (0 <= at < len(self._steps) and 0 <= to < len(self._steps)):
            return False
        self.beginMoveRows(_ROOT, at, at, _ROOT, to + 1 if to > at else to)  # Qt counts before the row is taken out
        self._steps.insert(to, self._steps.pop(at))
        self.endMoveRows()
        self.edited.emit()
        return True

    # -- Qt's side -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._steps)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        step = self.step(index.row()) if index.isValid() else None
        if step is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return declared_text(display_text(step.use.title))
            case Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if step.use.enabled else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(step.problem or self._summary(step))
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(index.row(), step)
        return step if role == STEP else self._summary(step) if role == SUMMARY else None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        step = self.step(index.row()) if index.isValid() else None
        if step is None or role != Qt.ItemDataRole.CheckStateRole:
            return False
        on = Qt.CheckState(value) == Qt.CheckState.Checked
        self.change(index.row(), replace(step, use=replace(step.use, enabled=on)))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, QByteArray(",".join(str(index.row()) for index in indexes).encode()))
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        """Moves the step. False all the same: for True the view would take the row out that was dragged."""
        text = bytes(data.data(_MIME).data()).decode("ascii", "replace")
        if text.isdecimal() and int(text) < len(self._steps):
            at = int(text)
            to = len(self._steps) if row < 0 else row
            self.move(at, to - 1 if to > at else to)
        return False

    def _summary(self, step: DraftStep) -> str:
        """What differs from the defaults, else what the step is for."""
        info = self._catalogue.get(step.use.use)
        usual = info.check({})[0] if info is not None else {}
        labels = self._labels.get(step.use.use, {})
        told = [
            f"{labels.get(name) or display_text(name, 60)}: {_short(value)}"
            for name, value in step.use.params.items()
            if name not in usual or usual[name] != value
        ]
        return " · ".join(told) if told else declared_text(self._usual.get(step.use.use, ""))

    def _spoken(self, at: int, step: DraftStep) -> str:
        title = declared_text(display_text(step.use.title))
        state = self.tr("switched on") if step.use.enabled else self.tr("switched off")
        place = self.tr("step {n} of {count}").format(n=at + 1, count=len(self._steps))
        return ", ".join(part for part in (title, state, place, display_text(step.problem)) if part)


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return display_text(", ".join(map(str, value)), 60)
    return display_text(str(value), 60)
