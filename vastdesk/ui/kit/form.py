"""A form made from declarations: labels, editors, help, and what is wrong, each beside its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import IconLabel
from vastdesk.ui.kit.editors import CheckEditor, Editor, editor_for
from vastdesk.ui.kit.fields import Field
from vastdesk.ui.kit.plain import TextLabel, unmarked
from vastdesk.ui.theme import space


class FormView(QWidget):
    """`FormView(param_fields(step.params, check_value))`; `values()` is what a run takes.

    Everything is judged as it is typed, by the declaration's own check. `changed(name)` comes for every change by a
    person, `validity_changed(ok)` when the whole form becomes usable or stops being it.
    """

    changed = Signal(str)
    validity_changed = Signal(bool)

    def __init__(self, fields: Iterable[Field], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._valid = True
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(space(4))
        grid.setVerticalSpacing(space(3))
        grid.setColumnStretch(1, 1)
        for field in fields:
            self._add(grid, _Row(field, editor_for(field)))
        grid.setRowStretch(len(self._rows), 1)
        self._chain_tabs()
        self._valid = self.is_valid

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._rows)

    @property
    def is_valid(self) -> bool:
        return not self.problems()

    def value(self, name: str) -> object:
        """The checked value. ValueError (or VastDeskError, of a setting) when what stands there is none."""
        row = self._rows[name]
        return row.field.check(row.editor.raw())

    def values(self) -> dict[str, object]:
        """All values. Call it on a valid form; `focus_first_problem` otherwise."""
        return {name: self.value(name) for name in self._rows}

    def set_value(self, name: str, value: object) -> None:
        """Shows a value, a wrong one too: it is judged like a typed one. `changed` does not come."""
        self._rows[name].editor.set_raw(value)
        self._judge(name)

    def set_values(self, values: Mapping[str, object]) -> None:
        """Those that are given; names the form does not know are left alone."""
        for name, value in values.items():
            if name in self._rows:
                self.set_value(name, value)

    def reset(self, name: str) -> None:
        """Back to the default."""
        self.set_value(name, self._rows[name].field.default)

    def changed_names(self) -> tuple[str, ...]:
        """The fields that hold something else than their default."""
        return tuple(name for name, row in self._rows.items() if row.problem or self.value(name) != self._default(name))

    def problems(self) -> dict[str, str]:
        """What is wrong, by field."""
        return {name: row.problem for name, row in self._rows.items() if row.problem}

    def show_problem(self, name: str, message: str) -> None:
        """What somebody else found wrong with a field; goes away when it is edited."""
        row = self._rows[name]
        row.problem = message
        row.show()
        self._tell_validity()

    def focus_first_problem(self) -> None:
        """Shows everything that is wrong or missing, and goes to the first of it."""
        wrong = [row for row in self._rows.values() if row.problem]
        for row in wrong:
            row.show()
        if wrong:
            wrong[0].editor.stops[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def editor(self, name: str) -> QWidget:
        """For tests, and for a page that adds a button beside it."""
        return self._rows[name].editor

    def _add(self, grid: QGridLayout, row: _Row) -> None:
        at = len(self._rows)
        self._rows[row.field.name] = row
        row.editor.set_raw(row.field.default)
        row.judge()
        if not row.is_missing:  # a form does not begin with reproaches
            row.show()
        if row.label is not None:
            grid.addWidget(row.label, at, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        grid.addLayout(row.column, at, 1)
        row.editor.setObjectName(row.field.name)
        row.editor.edited.connect(partial(self._on_edited, row.field.name))

    def _on_edited(self, name: str) -> None:
        self._judge(name)
        self.changed.emit(name)

    def _judge(self, name: str) -> None:
        row = self._rows[name]
        row.judge()
        row.show()
        self._tell_validity()

    def _tell_validity(self) -> None:
        valid = self.is_valid
        if valid != self._valid:
            self._valid = valid
            self.validity_changed.emit(valid)

    def _default(self, name: str) -> object:
        field = self._rows[name].field
        try:
            return field.check(field.default)
        except ValueError:
            return field.default  # a required one has none

    def _chain_tabs(self) -> None:
        stops = [stop for row in self._rows.values() for stop in row.editor.stops]
        for before, after in pairwise(stops):
            self.setTabOrder(before, after)


class _Row:
    """One field on the screen."""

    def __init__(self, field: Field, editor: Editor) -> None:
        self.field = field
        self.editor = editor
        self.problem = ""
        stop = editor.stops[0]
        stop.setAccessibleName(field.label)
        stop.setAccessibleDescription(field.help)
        self.label = None if isinstance(editor, CheckEditor) else _label(field, stop)
        self._icon = IconLabel("error", "failed", units=3.5)
        self._message = TextLabel(role="caption", kind="problem")
        self._message.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        told = QHBoxLayout()
        told.setSpacing(space(1))
        told.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        told.addWidget(self._message, 1)
        self.column = QVBoxLayout()
        self.column.setSpacing(space(0.5))
        line = QHBoxLayout()  # an editor as narrow as its number must not make its help as narrow
        line.addWidget(editor, 1)
        line.addStretch(0)
        self.column.addLayout(line)
        self.column.addLayout(told)
        if field.help:
            self.column.addWidget(TextLabel(field.help, "caption", kind="muted"))
        self.show()

    @property
    def is_missing(self) -> bool:
        """Needed, and not given yet."""
        return self.field.required and self.editor.raw() in (None, "", [])

    def judge(self) -> None:
        self.problem = self.field.problem(self.editor.raw())

    def show(self) -> None:
        """Makes the problem, or that there is none, seen and heard."""
        self._message.setText(self.problem)
        self._icon.setVisible(bool(self.problem))
        self._message.setVisible(bool(self.problem))
        stop = self.editor.stops[0]
        stop.setAccessibleDescription(". ".join(part for part in (self.problem, self.field.help) if part))
        if bool(stop.property("invalid")) is not bool(self.problem):
            stop.setProperty("invalid", bool(self.problem))
            stop.style().unpolish(stop)  # a property is read again only then
            stop.style().polish(stop)


def _label(field: Field, buddy: QWidget) -> QLabel:
    label = QLabel(unmarked(field.label))
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setBuddy(buddy)
    label.setWordWrap(True)
    label.setMinimumHeight(space(7))  # as high as an editor of one line, so that both texts stand on one height
    label.setFixedWidth(min(space(48), QFontMetrics(label.font()).horizontalAdvance(label.text()) + space(1)))
    return label
