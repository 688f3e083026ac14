"""Choosing a workflow, its steps and what they take, and running it on one machine or on several."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.sentences import display_text
from vastdesk.domain.workflow import BadWorkflow, Workflow
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import (
    EmptyState,
    Memory,
    SplitView,
    TextLabel,
    UndoBar,
    choose_file,
    icon_button,
    push_button,
)
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space
from vastdesk.ui.workflows.chooser import WorkflowChooser
from vastdesk.ui.workflows.editor import StepsEditor
from vastdesk.ui.workflows.footer import RunFooter
from vastdesk.ui.workflows.importing import import_words
from vastdesk.ui.workflows.launch import Launched, Launcher
from vastdesk.ui.workflows.library import Draft, Library
from vastdesk.ui.workflows.pane import StepPane
from vastdesk.ui.workflows.problems import ProblemsView
from vastdesk.ui.workflows.saving import NameDialog
from vastdesk.ui.workflows.steps import DraftStep
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.desk import ListedWorkflow

FILTERS = ("Workflows (*.yaml *.yml)", "All files (*)")


class _Forgetful:
    """Where nobody keeps the sizes of panes."""

    def read(self, key: str) -> str | None:
        return None

    def write(self, key: str, value: str) -> None:
        """Not kept."""


class WorkflowPage(QWidget):
    """`open(id)` or `open_many(ids)`: where it is to run. `run_started(id)` comes for one run, `runs_started(ids)` for
    several at once, `run_opened(id)` when a person wants to see one that is on."""

    run_started = Signal(str)
    runs_started = Signal(list)
    run_opened = Signal(str)

    def __init__(
        self, state: State, bridge: Bridge, parent: QWidget | None = None, memory: Memory | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self._ids: tuple[str, ...] = ()
        self._known = False
        self._tasks = ViewTasks(self)
        self.library = Library(bridge, self)
        self.launcher = Launcher(bridge, self)
        self._build(memory or _Forgetful())
        self._connect()
        self._show_targets()

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self, memory: Memory) -> None:
        self.chooser = WorkflowChooser()
        self.save = push_button(self.tr("&Save"), icon_name="save")
        self.save_as = push_button(self.tr("Save &as…"))
        self.more = icon_button("more", self.tr("More with this workflow"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(self._menu())
        head = QHBoxLayout()
        head.setSpacing(space(2))
        head.addWidget(self.chooser, 1)
        for widget in (self.save, self.save_as, self.more):
            head.addWidget(widget)
        self._description = TextLabel(kind="muted")
        self.failure = FailurePlace()
        self.editor = StepsEditor()
        self.pane = StepPane()
        split = SplitView("workflow", memory, (45, 55))
        split.addWidget(self.editor)
        split.addWidget(self.pane)
        self.problems = ProblemsView()
        self._empty = EmptyState("workflow", self.tr("No workflows"), self.tr("Import a file to begin."))
        self._empty.add_action(self.tr("Import…"), self._on_import, "primary", "import")
        self._pages = QStackedWidget()
        for page in (split, self.problems, self._empty):
            self._pages.addWidget(page)
        self.footer = RunFooter()
        self.undo = UndoBar()
        top = QVBoxLayout()
        top.setContentsMargins(space(5), space(4), space(5), space(3))
        top.setSpacing(space(2))
        top.addLayout(head)
        top.addWidget(self._description)
        top.addWidget(self.failure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(_line())
        column.addWidget(self._pages, 1)
        column.addWidget(self.undo)
        column.addWidget(_line())
        column.addWidget(self.footer)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        add = menu.addAction
        self._revert = add(self.tr("Discard changes"), self._on_revert)
        self._duplicate = add(self.tr("Duplicate"), self._on_duplicate)
        menu.addSeparator()
        self.import_action = add(self.tr("Import…"), self._on_import)
        self._export = add(self.tr("Export…"), self._on_export)
        menu.addSeparator()
        self._delete = add(self.tr("Delete"), self._on_delete)
        return menu

    def _connect(self) -> None:
        self._tasks.failed.connect(self._on_failed)
        self.library.changed.connect(self._on_library_changed)
        self.launcher.launched.connect(self._on_launched)
        self.launcher.state_changed.connect(self._show_targets)
        self._state.instances_changed.connect(self._show_targets)
        self._state.history_changed.connect(self._show_targets)
        self.chooser.chosen.connect(self.choose)
        self.save.clicked.connect(self._on_save)
        self.save_as.clicked.connect(self._on_save_as)
        self.editor.edited.connect(self._on_edited)
        self.editor.current_changed.connect(self._on_current_changed)
        self.editor.removed.connect(self._on_step_removed)
        self.pane.edited.connect(self.editor.change_current)
        self.problems.check_again.connect(self._on_check_again)
        self.footer.run_clicked.connect(self._on_run)
        self.footer.next_clicked.connect(self._on_run_next)
        self.footer.show_clicked.connect(self.run_opened)
        self.undo.undone.connect(self._on_undone)

    # -- what the window asks for --------------------------------------------------------------------------------------

    def open(self, instance_id: str) -> None:
        """To run on this machine; "" for none."""
        self.open_many([instance_id] if instance_id else [])

    def open_many(self, ids: list[str]) -> None:
        """To run on these machines."""
        self._ids = tuple(dict.fromkeys(ids))
        self.failure.clear()
        self._show_targets()

    @property
    def targets(self) -> tuple[Instance, ...]:
        """Those that are still there."""
        known = {instance.id: instance for instance in self._state.instances}
        return tuple(known[each] for each in self._ids if each in known)

    def choose(self, path: str) -> None:
        """A workflow by its file."""
        self.failure.clear()
        self.library.choose(path)

    def showEvent(self, event: QShowEvent) -> None:
        """Files may have come, gone or changed while nobody looked."""
        super().showEvent(event)
        if not event.spontaneous():
            self._tasks.restart(self._refresh(), "refresh")

    async def _refresh(self) -> None:
        if not self._known:
            catalogue, declarations = await self._bridge.call(desk.declarations_of_steps)
            self.library.catalogue = catalogue
            self.editor.set_catalogue(catalogue, declarations)
            self.pane.set_declarations(declarations)
            self._known = True
        await self.library.refresh()

    # -- showing -------------------------------------------------------------------------------------------------------

    def _on_library_changed(self) -> None:
        library = self.library
        self.chooser.show_listed(library.listed, library.path, library.edited)
        current, draft = library.current, library.draft()
        self._description.setText(current.workflow.description if current and current.workflow else "")
        self._description.setVisible(bool(self._description.text()))
        if draft is not None:
            self._pages.setCurrentIndex(0)
            self.editor.show_draft(library.path, draft)
        elif current is not None and current.error is not None:
            self._pages.setCurrentWidget(self.problems)
            self.problems.show_error(current.error, str(current.file.path))
        else:
            self._pages.setCurrentWidget(self._empty)
        self._update_actions(current, draft)
        self._show_targets()

    def _update_actions(self, current: ListedWorkflow | None, draft: Draft | None) -> None:
        edited = self.library.path in self.library.edited
        own = current is not None and not current.file.shipped
        self.save.setVisible(own)
        self.save.setEnabled(edited)
        self.save_as.setEnabled(draft is not None)
        self._revert.setEnabled(edited)
        self._duplicate.setEnabled(draft is not None)
        self._export.setEnabled(draft is not None)
        self._delete.setEnabled(own)

    def _show_targets(self) -> None:
        busy = []
        for instance in self.targets:
            head = self._state.current_run(instance.id)
            if head is not None and head.ended_ts is None:
                busy.append(head.id)
        usable = self.library.draft() is not None and not self.launcher.is_starting
        self.footer.show_targets(self.targets, tuple(busy), usable)

    def _on_current_changed(self, step: DraftStep | None) -> None:
        self.pane.show_step(step)

    def _on_edited(self) -> None:
        self.library.edit(self.editor.draft())

    def _on_failed(self, error: VastDeskError) -> None:
        self.failure.show_error(error)

    # -- files ---------------------------------------------------------------------------------------------------------

    def _checked(self, *, all_steps: bool) -> Workflow | None:
        """The workflow as it stands; where something is wrong the page goes there and says so. Steps that are switched
        off need not be right to run, and must be to be saved."""
        self.failure.clear()
        at = self.editor.first_problem(all_steps=all_steps)
        delay_s = self.editor.delay_s
        if at is None and delay_s is not None:
            return self.library.workflow_of(self.editor.draft(), delay_s)
        if at is not None:
            self.editor.select(at)
            self.pane.focus_first_problem()
            step = self.editor.title(at)
            self.failure.show_message("warning", self.tr("Correct “{step}” first.").format(step=step))
        else:
            self.editor.delay.focus_first_problem()
        return None

    def _on_save(self) -> None:
        workflow = self._checked(all_steps=True)
        if workflow is not None and not self._tasks.is_running("file"):
            self._tasks.spawn(self.library.save(workflow), "file")

    def _on_save_as(self) -> None:
        workflow = self._checked(all_steps=True)
        if workflow is not None and not self._tasks.is_running("file"):
            self._tasks.spawn(self._save_as(workflow), "file")

    async def _save_as(self, workflow: Workflow) -> None:
        dialog = NameDialog(workflow.name, workflow.description, self.library.own_names, self.window())
        answer = await dialog.ask()
        if answer is not None:
            await self.library.save_as(workflow, *answer)

    def _on_duplicate(self) -> None:
        workflow = self._checked(all_steps=True)
        if workflow is not None and not self._tasks.is_running("file"):
            self._tasks.spawn(self.library.duplicate(workflow), "file")

    def _on_revert(self) -> None:
        draft = self.library.draft()
        self.library.revert()
        if draft is not None:
            self.undo.offer(self.tr("Discarded the changes."), partial(self._take_back, self.library.path, draft))

    def _take_back(self, path: str, draft: Draft) -> None:
        self.library.choose(path)
        self.library.edit(draft)

    def _on_delete(self) -> None:
        if not self._tasks.is_running("file"):
            self._tasks.spawn(self._delete_file(), "file")

    async def _delete_file(self) -> None:
        removed = await self.library.delete()
        if removed is not None:
            text = self.tr("Deleted {workflow}.").format(workflow=display_text(removed[0].name, 80))
            self.undo.offer(text, partial(self._restore, *removed))

    def _restore(self, removed: ListedWorkflow, held: bytes) -> None:
        self._tasks.spawn(self.library.restore(removed, held), "file")

    def _on_step_removed(self, at: int, step: DraftStep) -> None:
        text = self.tr("Removed {step}.").format(step=display_text(step.use.title, 80))
        self.undo.offer(text, partial(self._put_back, self.library.path, at, step))

    def _put_back(self, path: str, at: int, step: DraftStep) -> None:
        if path == self.library.path:
            self.editor.put_back(at, step)

    def _on_undone(self, take_back: Callable[[], None]) -> None:
        take_back()

    def _on_export(self) -> None:
        workflow = self._checked(all_steps=True)
        if workflow is not None and not self._tasks.is_running("file"):
            self._tasks.spawn(self._export_file(workflow), "file")

    async def _export_file(self, workflow: Workflow) -> None:
        suggested = f"{self.library.current.file.stem if self.library.current else 'workflow'}.yaml"
        title = self.tr("Export the workflow")
        path = await choose_file(self.window(), title, FILTERS, suggested=suggested, save=True)
        if path is not None:
            await self.library.export(workflow, path)
            self.failure.show_message("info", self.tr("Exported to {path}.").format(path=display_text(path, 300)))

    def _on_import(self) -> None:
        if not self._tasks.is_running("file"):
            self._tasks.spawn(self._import(), "file")

    async def _import(self) -> None:
        path = await choose_file(self.window(), self.tr("Import a workflow"), FILTERS)
        if path is not None:
            await self.import_file(path)

    async def import_file(self, path: str) -> None:
        """For a file that was dropped on the window, too."""
        self.failure.clear()
        try:
            imported = await self.library.import_file(path)
        except BadWorkflow as error:
            self._pages.setCurrentWidget(self.problems)
            self.problems.show_error(error, path)
            return
        self.failure.show_message("info", import_words(imported))

    def _on_check_again(self) -> None:
        self._tasks.restart(self._refresh(), "refresh")

    # -- running -------------------------------------------------------------------------------------------------------

    def _on_run(self) -> None:
        self._launch(self.targets)

    def _on_run_next(self) -> None:
        self._launch(self.targets, queue=True)

    def _launch(self, targets: tuple[Instance, ...], *, queue: bool = False) -> None:
        workflow = self._checked(all_steps=False)
        if workflow is None or not targets:
            return
        if not workflow.enabled_steps:
            self.failure.show_message("warning", self.tr("Switch on at least one step."))
            return
        self.launcher.start(workflow, targets, queue=queue)

    def _on_launched(self, launched: Launched) -> None:
        started = [run_id for _, run_id in launched.started]
        if launched.failed:
            instance, error = launched.failed[0]
            self.failure.show_error(error)
        elif launched.busy:
            self._tell_busy(launched)
        if len(started) == 1 and len(self._ids) == 1:
            self.run_started.emit(started[0])
        elif started:
            self.runs_started.emit(started)

    def _tell_busy(self, launched: Launched) -> None:
        names = ", ".join(display_text(instance.name, 60) for instance, _ in launched.busy[:5])
        text = self.tr("A run is already on at {machines}.").format(machines=names)
        if launched.started:
            text = self.tr("Started on %n machine(s).", "", len(launched.started)) + " " + text
        instances = tuple(instance for instance, _ in launched.busy)
        self.failure.show_message(
            "warning",
            text,
            (self.tr("Run next"), partial(self._launch, instances, queue=True)),
            (self.tr("Open the run"), partial(self.run_opened.emit, launched.busy[0][1])),
        )


def _line() -> QFrame:
    line = QFrame()
    line.setProperty("kind", "line")
    return line
