"""The timeline as a model: steps and their rows in one flat list, changed as little as possible at each update."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from vastdesk.domain.sentences import format_duration
from vastdesk.domain.views import RunView, StepView
from vastdesk.ui.kit import plain_tooltip, state_look
from vastdesk.ui.run.lines import Folding, Line, RowLines, step_lines, stretches

Index = QModelIndex | QPersistentModelIndex

LINE_ROLE = Qt.ItemDataRole.UserRole
"""The `Line`."""
KIND_ROLE = Qt.ItemDataRole.UserRole + 1
"""Its kind alone: all there is to know of its height."""

_MATCH_LIMIT = 200
"""Lines up to which moves are looked for; beyond it what differs is replaced."""


class _Made(NamedTuple):
    """The lines of a step, and of what they were made."""

    step: StepView
    folding: Folding
    now_mono: float | None
    is_last: bool
    lines: tuple[Line, ...]


class TimelineModel(QAbstractListModel):
    """`show_view(view)`, then `tick()` once a second while somebody looks. Steps that did not change are not looked at:
    the reducer shares them by identity."""

    folding_changed = Signal()

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._view: RunView | None = None
        self._folding = Folding()
        self._made: dict[str, _Made] = {}
        self._rows = RowLines()
        self._heard: dict[str, tuple[float | None, float]] = {}
        """By step: the newest time its machine told, and when we heard it."""
        self._lines: list[Line] = []

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    @property
    def folding(self) -> Folding:
        return self._folding

    def clear(self) -> None:
        self.beginResetModel()
        self._view, self._folding, self._lines = None, Folding(), []
        self._made.clear()
        self._rows.clear()
        self._heard.clear()
        self.endResetModel()
        self.folding_changed.emit()

    def show_view(self, view: RunView) -> None:
        """The newest picture of the run."""
        self._view = view
        now = self._clock()
        for step in view.steps:
            heard = self._heard.get(step.id)
            if step.state == "running" and (heard is None or heard[0] != step.last_mono):
                self._heard[step.id] = (step.last_mono, now)
        self._update()

    def tick(self) -> None:
        """Clocks go on between events."""
        if self._view is not None and any(step.state == "running" for step in self._view.steps):
            self._update()

    def set_folding(self, folding: Folding) -> None:
        self._folding = folding
        self._update()
        self.folding_changed.emit()

    def set_open(self, step: StepView, is_open: bool) -> None:
        """Unfolds or folds a step."""
        chosen = {**self._folding.opened, (step.id, step.state): is_open}
        whole = None if not is_open and self._folding.whole == step.id else self._folding.whole
        self.set_folding(replace(self._folding, opened=chosen, whole=whole))

    def show_whole(self, step_id: str | None, narrowed: str = "all", text: str = "") -> None:
        """Unfolds the whole list of a step, or goes back to the window with None."""
        self.set_folding(replace(self._folding, whole=step_id, narrowed=narrowed, text=text))

    def row_of(self, key: str) -> int:
        """Where a line stands, -1 when it is not there."""
        return next((at for at, line in enumerate(self._lines) if line.key == key), -1)

    # -- Qt's questions ----------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._lines):
            return None
        line = self._lines[index.row()]
        if role == LINE_ROLE:
            return line
        if role == KIND_ROLE:
            return line.kind
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.words_of(line)
        if role == Qt.ItemDataRole.ToolTipRole:
            note = line.step.note if line.row is None else line.row.note
            return plain_tooltip(self.words_of(line)) if note else None
        return None

    def words_of(self, line: Line) -> str:
        """A line as one would read it aloud."""
        if line.kind == "all":
            if line.is_open:
                return self.tr("Show only the latest")
            return self.tr("Show all {count} nodes").format(count=line.nodes)
        word = state_look(line.state).word
        if line.row is not None:
            return ", ".join(part for part in (line.row.label, word, line.row.text, line.row.note) if part)
        step = line.step
        parts = (line.title, word, format_duration(line.elapsed_s), " ".join(step.note[:500].split()))
        return ", ".join(part for part in parts if part)

    # -- changing ----------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        assert self._view is not None or not self._lines
        new: list[Line] = []
        steps = self._view.steps if self._view is not None else ()
        for step in steps:
            new.extend(self._lines_of(step, step is steps[-1]))
        self._change_to(new)

    def _lines_of(self, step: StepView, is_last: bool) -> tuple[Line, ...]:
        made = self._made.get(step.id)
        of = (step, self._folding, self._now(step), is_last)
        if made is None or made.step is not step or made[1:4] != of[1:]:
            made = self._made[step.id] = _Made(*of, step_lines(*of, self._rows))
        return made.lines

    def _now(self, step: StepView) -> float | None:
        """The time of the machine a step runs on, in whole seconds past what it told: rows change once a second."""
        told, heard = self._heard.get(step.id, (None, 0.0))
        if step.state != "running" or told is None:
            return None
        return told + int(self._clock() - heard)

    def _change_to(self, new: list[Line]) -> None:
        old_keys, new_keys = [line.key for line in self._lines], [line.key for line in new]
        if old_keys != new_keys:
            self._reshape(old_keys, new_keys, new)
        old, self._lines = self._lines, new
        changed = [
            at
            for at, (before, after) in enumerate(zip(old, new, strict=True))
            if before is not after and not _look_the_same(before, after)
        ]
        for first, last in stretches(changed):
            self.dataChanged.emit(self.index(first), self.index(last))

    def _reshape(self, old: list[str], new: list[str], lines: list[Line]) -> None:
        """Takes out and puts in what differs, so that selection and scrolling stay where they are."""
        begin = 0
        while begin < min(len(old), len(new)) and old[begin] == new[begin]:
            begin += 1
        tail = 0
        while tail < min(len(old), len(new)) - begin and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        old_end, new_end = len(old) - tail, len(new) - tail
        codes = [("replace", begin, old_end, begin, new_end)]
        if max(old_end, new_end) - begin <= _MATCH_LIMIT:
            matcher = SequenceMatcher(None, old[begin:old_end], new[begin:new_end], autojunk=False)
            codes = [(tag, i + begin, k + begin, j + begin, m + begin) for tag, i, k, j, m in matcher.get_opcodes()]
        for tag, i1, i2, j1, j2 in reversed(codes):
            if tag != "equal":
                self._swap(i1, i2, lines[j1:j2])

    def _swap(self, begin: int, end: int, lines: list[Line]) -> None:
        if end > begin:
            self.beginRemoveRows(QModelIndex(), begin, end - 1)
            del self._lines[begin:end]
            self.endRemoveRows()
        if lines:
            self.beginInsertRows(QModelIndex(), begin, begin + len(lines) - 1)
            self._lines[begin:begin] = lines
            self.endInsertRows()


def _look_the_same(before: Line, after: Line) -> bool:
    """Cheap on purpose: comparing whole steps for each of a thousand rows would cost more than painting them."""
    if before.kind == "row":
        return before.row == after.row
    return (before.step is after.step or before.kind == "all") and (
        (before.is_open, before.nodes, before.now_mono) == (after.is_open, after.nodes, after.now_mono)
    )
