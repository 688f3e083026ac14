"""The steps of the chosen workflow as a list: switched, ordered, added, removed; and the pause between them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.durations import parse_duration, write_duration
from vastdesk.domain.workflow import MAX_STEP_DELAY_S, MAX_STEPS, Catalogue
from vastdesk.ui.kit import EmptyState, Field, FormView, SectionHeader, declared_text, plain_tooltip, push_button
from vastdesk.ui.theme import space
from vastdesk.ui.workflows.delegate import StepDelegate
from vastdesk.ui.workflows.library import Draft
from vastdesk.ui.workflows.steps import DraftStep, StepModel, draft_step
from vastdesk.workers.forms import Step


class StepsEditor(QWidget):
    """`edited` comes for every change, `current_changed(DraftStep | None)` for the step that is looked at,
    `removed(place, DraftStep)` for one that was taken out."""

    edited = Signal()
    current_changed = Signal(object)
    removed = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        self._catalogue: Catalogue = {}
        self._path = ""
        self._showing = False
        self.model = StepModel(self)
        self.view = QListView()
        self.add = push_button(self.tr("&Add step"), "quiet", "add")
        self.add.setMenu(QMenu(self.add))
        self._actions: dict[str, QAction] = {}
        self._build_view()
        self._header = SectionHeader(self.tr("Steps"))
        self._header.add_widget(self.add)
        self._empty = EmptyState("workflow", self.tr("No steps"), self.tr("Add the first one above."))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._empty)
        self.delay = FormView((_delay_field(self.tr("Pause between steps")),))
        top, bottom = QVBoxLayout(), QVBoxLayout()
        top.setContentsMargins(space(5), space(3), space(2), space(2))
        bottom.setContentsMargins(space(5), space(3), space(5), space(3))
        top.addWidget(self._header)
        bottom.addWidget(self.delay)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._pages, 1)
        column.addLayout(bottom)
        self.model.edited.connect(self._on_edited)
        self.model.dataChanged.connect(self._on_data_changed)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self.delay.changed.connect(self._on_edited)

    def _build_view(self) -> None:
        view = self.view
        view.setModel(self.model)
        view.setItemDelegate(StepDelegate(view))
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        view.setDefaultDropAction(Qt.DropAction.MoveAction)
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        view.setAccessibleName(self.tr("Steps"))
        view.setAccessibleDescription(self.tr("Space switches a step, Alt with Up or Down moves it."))
        for name, text, key, slot in (
            ("up", self.tr("Move up"), QKeySequence("Alt+Up"), self._on_up),
            ("down", self.tr("Move down"), QKeySequence("Alt+Down"), self._on_down),
            ("only", self.tr("Only this step"), None, self._on_only),
            ("all", self.tr("Switch all on"), None, self._on_all),
            ("remove", self.tr("Remove"), QKeySequence(QKeySequence.StandardKey.Delete), self._on_remove),
        ):
            action = QAction(text, view)
            if key is not None:
                action.setShortcut(key)
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slot)
            view.addAction(action)
            self._actions[name] = action

    # -- what the page asks for ----------------------------------------------------------------------------------------

    def set_catalogue(self, catalogue: Catalogue, declarations: Mapping[str, Step]) -> None:
        """The steps there are."""
        self._catalogue = catalogue
        self.model.set_words(
            catalogue,
            {name: step.description for name, step in declarations.items()},
            {
                name: {param.name: declared_text(param.label) for param in step.params}
                for name, step in declarations.items()
            },
        )
        menu = self.add.menu()
        menu.setToolTipsVisible(True)
        menu.clear()
        for name, info in sorted(catalogue.items(), key=lambda item: item[1].title):
            action = menu.addAction(declared_text(info.title))
            action.setToolTip(
                plain_tooltip(declared_text(declarations[name].description)) if name in declarations else ""
            )
            action.triggered.connect(partial(self.add_step, name))

    def show_draft(self, path: str, draft: Draft) -> None:
        """The same one again leaves selection and fields alone."""
        if path == self._path and draft == self.draft():
            return
        self._showing = True
        at = self.view.currentIndex().row() if path == self._path else 0
        self._path = path
        self.model.set_steps(draft.steps)
        self.delay.set_value("step_delay", draft.delay)
        self._showing = False
        self._update()
        self.select(min(max(at, 0), self.model.rowCount() - 1))

    def draft(self) -> Draft:
        delay = self.delay_s
        return Draft(self.model.steps, self._raw_delay() if delay is None else delay)

    @property
    def delay_s(self) -> float | None:
        """None: what stands there is no duration."""
        return cast(float, self.delay.value("step_delay")) if self.delay.is_valid else None

    def first_problem(self, *, all_steps: bool) -> int | None:
        """Where the first step is that cannot be used."""
        steps = enumerate(self.model.steps)
        return next((at for at, step in steps if step.problem and (all_steps or step.use.enabled)), None)

    def title(self, at: int) -> str:
        return str(self.model.index(at).data())

    def select(self, at: int) -> None:
        index = self.model.index(at)
        self.view.setCurrentIndex(index)
        if not index.isValid():
            self.current_changed.emit(None)

    def change_current(self, step: DraftStep) -> None:
        """What the fields of the step say now."""
        at = self.view.currentIndex().row()
        if at >= 0:
            self.model.change(at, step)

    def add_step(self, name: str, checked: bool = False) -> None:
        """After the one that is looked at. `checked` is what an action of a menu says."""
        if self.model.rowCount() >= MAX_STEPS:
            return
        at = self.view.currentIndex().row() + 1 if self.view.currentIndex().isValid() else self.model.rowCount()
        self.put_back(at, draft_step(name, self._catalogue, [step.use.id for step in self.model.steps]))

    def put_back(self, at: int, step: DraftStep) -> None:
        at = min(at, self.model.rowCount())
        self.model.insert(at, step)
        self.select(at)

    # -- slots ---------------------------------------------------------------------------------------------------------

    def _on_edited(self) -> None:
        self._update()
        if not self._showing:
            self.edited.emit()

    def _on_current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        self._update()
        if not self._showing:
            self.current_changed.emit(self.model.step(current.row()))

    def _on_data_changed(self, first: QModelIndex, last: QModelIndex) -> None:
        at = self.view.currentIndex().row()
        if first.row() <= at <= last.row():
            self.current_changed.emit(self.model.step(at))

    def _on_up(self) -> None:
        at = self.view.currentIndex().row()
        self.model.move(at, at - 1)

    def _on_down(self) -> None:
        at = self.view.currentIndex().row()
        self.model.move(at, at + 1)

    def _on_only(self) -> None:
        at = self.view.currentIndex().row()
        for row in range(self.model.rowCount()):
            self._switch(row, row == at)

    def _on_all(self) -> None:
        for row in range(self.model.rowCount()):
            self._switch(row, True)

    def _switch(self, row: int, on: bool) -> None:
        state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        self.model.setData(self.model.index(row), state, Qt.ItemDataRole.CheckStateRole)

    def _on_remove(self) -> None:
        at = self.view.currentIndex().row()
        if at >= 0:
            step = self.model.remove(at)
            self.select(min(at, self.model.rowCount() - 1))
            self.removed.emit(at, step)

    def _update(self) -> None:
        steps, at = self.model.steps, self.view.currentIndex().row()
        on = sum(step.use.enabled for step in steps)
        self._header.set_note(self.tr("{on} of {count} on").format(on=on, count=len(steps)) if steps else "")
        self._pages.setCurrentWidget(self.view if steps else self._empty)
        self.add.setEnabled(len(steps) < MAX_STEPS)
        for name in ("only", "remove"):
            self._actions[name].setEnabled(at >= 0)
        self._actions["up"].setEnabled(at > 0)
        self._actions["down"].setEnabled(0 <= at < len(steps) - 1)

    def _raw_delay(self) -> object:
        return self.delay.editor("step_delay").raw()  # type: ignore[attr-defined]  # every editor of a form has it


def _labels(step: Step) -> dict[str, str]:
    return {param.name: declared_text(param.label) for param in step.params}


def _delay_field(label: str) -> Field:
    def check(value: object) -> object:
        seconds = parse_duration(value)
        if seconds > MAX_STEP_DELAY_S:
            raise ValueError(f"is at most {write_duration(MAX_STEP_DELAY_S)}")
        return seconds

    return Field("step_delay", "duration", label, check, default=5.0)
