"""The machines as rows: what is saved, and what each one does right now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from vastdesk.domain.events import ACTIVE_RUN_STATES
from vastdesk.domain.instances import Instance
from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit.plain import plain_tooltip
from vastdesk.ui.kit.states import state_look
from vastdesk.ui.state import State
from vastdesk.workers.observer import RunHead

ROW = Qt.ItemDataRole.UserRole
"""The `MachineRow`."""

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine. `state` is that of its current run, else of its newest one; "" when none was ever made. `percent`
    None while nothing is known of a run that is on."""

    id: str
    name: str
    address: str
    run: str = ""
    state: str = ""
    percent: float | None = None

    @property
    def is_active(self) -> bool:
        """Somebody works there."""
        return self.state in ACTIVE_RUN_STATES

    def has(self, words: Iterable[str]) -> bool:
        """Whether each word is part of the name, the address or the word for its state."""
        where = f"{self.name} {self.address} {state_look(self.state).word if self.state else ''}".casefold()
        return all(word in where for word in words)


class MachineModel(QAbstractListModel):
    """Follows the state. Rows keep their identity, so that selection, focus and scrolling survive every change.

    `renamed(id, name)` comes when a person has edited a name in place; it is shown at once, until it is stored
    (`carried_out`) or `refused`.
    """

    renamed = Signal(str, str)
    refreshed = Signal()
    """Once after each change, however many rows it touched."""

    def __init__(self, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._rows: list[MachineRow] = []
        self._hidden: frozenset[str] = frozenset()
        self._words: tuple[str, ...] = ()
        self._wished: dict[str, str] = {}
        self._stored: set[str] = set()
        self._current: dict[str, RunHead] = {}
        state.instances_changed.connect(self._on_instances_changed)
        state.history_changed.connect(self._on_history_changed)
        state.runs_changed.connect(self._on_runs_changed)
        self._on_history_changed()

    # -- what the page asks for ----------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """Machines there are, filtered or not."""
        return sum(instance.id not in self._hidden for instance in self._state.instances)

    @property
    def rows(self) -> tuple[MachineRow, ...]:
        return tuple(self._rows)

    def row_of(self, instance_id: str) -> int:
        """-1: it is not shown."""
        return next((at for at, row in enumerate(self._rows) if row.id == instance_id), -1)

    def set_filter(self, text: str) -> None:
        self._words = tuple(text.casefold().split())
        self.refresh()

    def set_hidden(self, ids: frozenset[str]) -> None:
        """Machines that are about to be removed."""
        self._hidden = ids
        self.refresh()

    def carried_out(self, instance_id: str) -> None:
        """The rename is stored; the next instances the state tells have it."""
        instance = self._state.instance(instance_id)
        if instance is not None and instance.name == self._wished.get(instance_id):
            self.refused(instance_id)
        else:
            self._stored.add(instance_id)

    def refused(self, instance_id: str) -> None:
        """What is stored counts again."""
        self._wished.pop(instance_id, None)
        self.refresh()

    # -- Qt's side -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return display_text(row.name)
            case Qt.ItemDataRole.EditRole:
                return row.name
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tooltip(f"{display_text(row.name)}\n{display_text(row.address)}")
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(row)
        return row if role == ROW else None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        row = self._rows[index.row()]
        name = str(value).strip()
        if not name or name == row.name:
            return False
        self._wished[row.id] = name
        self.refresh()
        self.renamed.emit(row.id, name)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable if index.isValid() else Qt.ItemFlag.NoItemFlags

    def _spoken(self, row: MachineRow) -> str:
        parts = [display_text(row.name), display_text(row.address)]
        if row.state:
            parts.append(state_look(row.state).word)
        if row.is_active and row.percent is not None:
            parts.append(self.tr("{percent} percent").format(percent=int(row.percent)))
        return ", ".join(parts)

    # -- keeping up ----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Brings the rows to what the state says, by the smallest changes."""
        wanted = [row for row in map(self._row, self._shown()) if row.has(self._words)]
        ids = {row.id for row in wanted}
        for at in reversed(range(len(self._rows))):
            if self._rows[at].id not in ids:
                self.beginRemoveRows(ROOT, at, at)
                del self._rows[at]
                self.endRemoveRows()
        touched = [at for at, row in enumerate(wanted) if self._place(at, row)]
        self._tell(touched)

    def _shown(self) -> list[Instance]:
        shown = [instance for instance in self._state.instances if instance.id not in self._hidden]
        if self._wished:  # the store sorts by name; a name that is not stored yet finds its place already
            shown.sort(key=lambda instance: self._wished.get(instance.id, instance.name).casefold())
        return shown

    def _place(self, at: int, row: MachineRow) -> bool:
        """True: the row was there, and says something else now."""
        known = at if at < len(self._rows) and self._rows[at].id == row.id else self.row_of(row.id)
        if known < 0:
            self.beginInsertRows(ROOT, at, at)
            self._rows.insert(at, row)
            self.endInsertRows()
            return False
        if known != at:
            self.beginMoveRows(ROOT, known, known, ROOT, at)
            self._rows.insert(at, self._rows.pop(known))
            self.endMoveRows()
        return self._set(at, row)

    def _set(self, at: int, row: MachineRow) -> bool:
        if self._rows[at] == row:
            return False
        self._rows[at] = row
        return True

    def _tell(self, touched: list[int]) -> None:
        """One signal for all rows: each makes the view work."""
        if touched:
            self.dataChanged.emit(self.index(touched[0]), self.index(touched[-1]))
        self.refreshed.emit()

    def _row(self, instance: Instance) -> MachineRow:
        name = self._wished.get(instance.id, instance.name)
        address = str(instance.endpoints[0]) if instance.endpoints else ""
        head = self._current.get(instance.id)
        if head is None:
            return MachineRow(instance.id, name, address)
        view = self._state.views.get(head.id)
        state = head.state if view is None else view.state
        percent = view.progress_percent if view is not None and state == "running" else None
        return MachineRow(instance.id, name, address, head.id, state, percent)

    def _on_instances_changed(self) -> None:
        for instance_id in self._stored:
            self._wished.pop(instance_id, None)
        self._stored.clear()
        self.refresh()

    def _on_history_changed(self) -> None:
        """`State.current_run` for all machines in one pass: the run that is on, else the newest."""
        current: dict[str, RunHead] = {}
        for head in self._state.history:
            known = current.get(head.instance_id)
            if known is None or (known.ended_ts is not None and head.ended_ts is None):
                current[head.instance_id] = head
        self._current = current
        self.refresh()

    def _on_runs_changed(self, run_ids: frozenset[str]) -> None:
        if self._words:  # the filter looks at states too
            self.refresh()
            return
        known = {instance.id: instance for instance in self._state.instances}
        touched = [
            at
            for at, row in enumerate(self._rows)
            if row.run in run_ids and row.id in known and self._set(at, self._row(known[row.id]))
        ]
        if touched:
            self._tell(touched)
