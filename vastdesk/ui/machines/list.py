"""The list of machines at the left of the window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QPalette
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import display_text
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import Beat, EmptyState, SearchField, SectionHeader, UndoBar, icon_button
from vastdesk.ui.machines.delegate import MachineDelegate
from vastdesk.ui.machines.model import ROW, MachineModel, MachineRow
from vastdesk.ui.machines.target import ssh_command
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.engine import Engine


class MachineList(QWidget):
    """`selected(id)` is the one that is looked at ("" for none), `selection_changed(ids)` all that are chosen. The
    other signals ask the window for what the list does not do itself."""

    selected = Signal(str)
    selection_changed = Signal(list)
    add_requested = Signal()
    practice_requested = Signal()
    run_requested = Signal(list)
    """Run a workflow on these."""
    run_opened = Signal(str)
    """Show this run."""
    test_requested = Signal(str)
    edit_requested = Signal(str)

    def __init__(self, state: State, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        self._told = ""
        self._leaving: set[str] = set()
        self._awaited = ""
        self._tasks = ViewTasks(self)
        self._failure = FailurePlace()
        self._tasks.failed.connect(self._failure.show_error)
        self.model = MachineModel(state, self)
        self.view = QListView()
        self._actions: dict[str, QAction] = {}
        self._build_view()
        self._build_actions()
        self._build_layout()
        self._connect()
        self._on_rows_changed()

    # -- building ------------------------------------------------------------------------------------------------------

    def _build_view(self) -> None:
        view = self.view
        view.setModel(self.model)
        self._beat = Beat(view.viewport())
        view.setItemDelegate(MachineDelegate(self._beat, view))
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)  # F2 is an action: it is in the menu too
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setAccessibleName(self.tr("Machines"))

    def _build_actions(self) -> None:
        standard = QKeySequence.StandardKey
        self._action("run", self.tr("Run workflow…"), QKeySequence("Ctrl+R"), self._on_run)
        self._action("open", self.tr("Show its run"), None, self._on_open_run)
        self._action("test", self.tr("Test connection"), QKeySequence("Ctrl+T"), self._on_test)
        self._action("edit", self.tr("Edit…"), QKeySequence("Ctrl+E"), self._on_edit)
        self._action("rename", self.tr("Rename"), QKeySequence("F2"), self._on_rename)
        self._action("duplicate", self.tr("Duplicate"), QKeySequence("Ctrl+D"), self._on_duplicate)
        self._action("copy", self.tr("Copy SSH command"), QKeySequence(standard.Copy), self._on_copy)
        self._action("remove", self.tr("Remove"), QKeySequence(standard.Delete), self._on_remove)

    def _action(self, name: str, text: str, key: QKeySequence | None, slot: Callable[[], object]) -> None:
        action = QAction(text, self.view)
        if key is not None:
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(slot)
        self.view.addAction(action)
        self._actions[name] = action

    def _build_layout(self) -> None:
        self._header = SectionHeader(self.tr("Machines"))
        add = icon_button("add", self.tr("Add a machine"))
        add.clicked.connect(self.add_requested)
        self._header.add_widget(add)
        self.search = SearchField(self.tr("Filter machines"))
        top = QVBoxLayout()
        top.setContentsMargins(space(3), space(2), space(2), space(2))
        top.setSpacing(space(2))
        top.addWidget(self._header)
        top.addWidget(self.search)
        self._empty = EmptyState(
            "machine",
            self.tr("No machines yet"),
            self.tr("Add one by pasting its SSH command, or try everything on this computer."),
        )
        self._empty.add_action(self.tr("Add a machine"), self.add_requested.emit, "primary")
        self._empty.add_action(self.tr("Try it here"), self.practice_requested.emit)
        self._nothing = EmptyState("search", self.tr("No machine found"))
        self._nothing.add_action(self.tr("Clear the filter"), self._on_clear)
        self._pages = QStackedWidget()
        for page in (self.view, self._empty, self._nothing):
            self._pages.addWidget(page)
        self.undo = UndoBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._failure)
        column.addWidget(self._pages, 1)
        column.addWidget(self.undo)

    def _connect(self) -> None:
        self.search.searched.connect(self._on_searched)
        self.search.escaped.connect(self.view.setFocus)
        self.model.refreshed.connect(self._on_rows_changed)
        self.model.renamed.connect(self._on_renamed)
        selection = self.view.selectionModel()
        selection.selectionChanged.connect(self._on_selection_changed)
        selection.currentChanged.connect(self._on_current_changed)
        self.view.activated.connect(self._on_activated)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.undo.undone.connect(self._on_undone)
        self.undo.expired.connect(self._on_expired)

    # -- what the window asks for --------------------------------------------------------------------------------------

    @property
    def ids(self) -> list[str]:
        """The chosen machines, in the order of the list."""
        return [row.id for row in self._chosen()]

    @property
    def current(self) -> str:
        """The one that is looked at, "" for none."""
        row = self.view.currentIndex().data(ROW)
        return row.id if isinstance(row, MachineRow) else ""

    def select(self, instance_id: str) -> None:
        """Chooses one machine and brings it into view, as soon as it is there; a filter that hides it is cleared."""
        if self.model.row_of(instance_id) < 0 and self.search.text():
            self._on_clear()
        at = self.model.row_of(instance_id)
        self._awaited = instance_id if at < 0 else ""
        if at >= 0:
            self.view.setCurrentIndex(self.model.index(at))
            self.view.scrollTo(self.model.index(at))

    def focus_filter(self) -> None:
        """For Ctrl+F of the window."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def actions_by_name(self) -> dict[str, QAction]:
        """For the menu bar and the palette: run, open, test, edit, rename, duplicate, copy, remove."""
        return dict(self._actions)

    async def aclose(self) -> None:
        """Carries out removals that still could be undone. Call it before the bridge closes."""
        self._tasks.failed.disconnect(self._failure.show_error)
        self.undo.undone.disconnect(self._on_undone)
        self.undo.expired.disconnect(self._on_expired)
        left: list[tuple[str, ...]] = []
        self.undo.expired.connect(left.append)
        self.undo.expire()
        for ids in left:
            await self._remove(ids)

    # -- selection and filter ------------------------------------------------------------------------------------------

    def _chosen(self) -> list[MachineRow]:
        indexes = sorted(self.view.selectionModel().selectedIndexes(), key=QModelIndex.row)
        return [row for index in indexes if isinstance(row := index.data(ROW), MachineRow)]

    def _on_selection_changed(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        self._update_actions()
        self.selection_changed.emit(self.ids)

    def _on_current_changed(self, current: QModelIndex, previous: QModelIndex) -> None:
        if self.current != self._told:
            self._told = self.current
            self.selected.emit(self._told)

    def _on_searched(self, text: str) -> None:
        self.model.set_filter(text)
        self._on_rows_changed()

    def _on_clear(self) -> None:
        self.search.clear()
        self._on_searched("")

    def _on_rows_changed(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        filtered = bool(self.search.text().strip())
        page = self.view if shown else self._nothing if filtered and total else self._empty
        self._pages.setCurrentWidget(page)
        self.search.setVisible(total > 0)
        self.search.set_count(shown if filtered else None, total)
        self._header.set_note(str(total) if total else "")
        self._beat.set_wanted(any(row.is_active and row.percent is None for row in self.model.rows))
        self._update_actions()
        if self._awaited and self.model.row_of(self._awaited) >= 0:
            self.select(self._awaited)

    def _update_actions(self) -> None:
        chosen = self._chosen()
        for name, action in self._actions.items():
            action.setEnabled(len(chosen) == 1 or (bool(chosen) and name in ("run", "remove")))
        self._actions["open"].setEnabled(len(chosen) == 1 and bool(chosen[0].run))
        many = len(chosen) > 1
        run = self.tr("Run workflow on %n machine(s)…", "", len(chosen)) if many else self.tr("Run workflow…")
        self._actions["run"].setText(run)
        self._actions["remove"].setText(self.tr("Remove %n machine(s)", "", len(chosen)) if many else self.tr("Remove"))

    def _on_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for group in (("run", "open", "test"), ("edit", "rename", "duplicate", "copy"), ("remove",)):
            menu.addActions([self._actions[name] for name in group])
            menu.addSeparator()
        menu.popup(self.view.viewport().mapToGlobal(at))

    # -- commands ------------------------------------------------------------------------------------------------------

    def _on_activated(self, index: QModelIndex) -> None:
        row = index.data(ROW)
        if isinstance(row, MachineRow) and row.is_active:
            self.run_opened.emit(row.run)
        elif isinstance(row, MachineRow):
            self.run_requested.emit([row.id])

    def _on_run(self) -> None:
        self.run_requested.emit(self.ids)

    def _on_open_run(self) -> None:
        self.run_opened.emit(self._chosen()[0].run)

    def _on_test(self) -> None:
        self.test_requested.emit(self.ids[0])

    def _on_edit(self) -> None:
        self.edit_requested.emit(self.ids[0])

    def _on_rename(self) -> None:
        at = self.model.row_of(self.ids[0])
        self.view.edit(self.model.index(at))

    def _on_renamed(self, instance_id: str, name: str) -> None:
        self._failure.clear()
        self._tasks.spawn(self._rename(instance_id, name), "rename")

    async def _rename(self, instance_id: str, name: str) -> None:
        try:
            await self._bridge.call(lambda engine: desk.edit_machine(engine, instance_id, name=name))
        except VastDeskError:
            self.model.refused(instance_id)
            raise
        self.model.carried_out(instance_id)

    def _on_duplicate(self) -> None:
        if not self._tasks.is_running("duplicate"):
            self._failure.clear()
            self._tasks.spawn(self._duplicate(self.ids[0]), "duplicate")

    async def _duplicate(self, instance_id: str) -> None:
        copy = await self._bridge.call(lambda engine: desk.duplicate_machine(engine, instance_id))
        self.select(copy.id)

    def _on_copy(self) -> None:
        instance = self._state.instance(self.ids[0])
        if instance is not None:
            QGuiApplication.clipboard().setText(ssh_command(instance))

    def _on_remove(self) -> None:
        """At once, and for ten seconds it can be undone: so long nothing is really removed."""
        chosen = self._chosen()
        self._failure.clear()
        busy = [row for row in chosen if self._is_busy(row)]
        if busy:
            text = self.tr("A run is on at {machine}. Cancel it before you remove the machine.")
            name = display_text(busy[0].name)
            self._failure.show_message("warning", text.format(machine=name), (self.tr("Show the run"), self._show_busy))
            return
        at = self.model.row_of(chosen[0].id)
        text = (
            self.tr("Removed {machine}.").format(machine=display_text(chosen[0].name))
            if len(chosen) == 1
            else self.tr("Removed %n machine(s).", "", len(chosen))
        )
        ids = tuple(row.id for row in chosen)
        self.undo.offer(text, ids)  # ends an older offer before these are hidden
        self._hide(*ids)
        if self.model.rowCount():
            self._take_current(min(at, self.model.rowCount() - 1))

    def _hide(self, *ids: str) -> None:
        self._leaving |= set(ids)
        self.model.set_hidden(frozenset(self._leaving))
        self._on_rows_changed()

    def _unhide(self, *ids: str) -> None:
        self._leaving -= set(ids)
        self.model.set_hidden(frozenset(self._leaving))
        self._on_rows_changed()

    def _take_current(self, at: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.view.selectionModel().setCurrentIndex(self.model.index(at), flags)

    def _is_busy(self, row: MachineRow) -> bool:
        head = self._state.current_run(row.id)
        return head is not None and head.ended_ts is None

    def _show_busy(self) -> None:
        busy = next((row for row in self._chosen() if self._is_busy(row)), None)
        if busy is not None:
            self.run_opened.emit(busy.run)

    def _on_undone(self, ids: tuple[str, ...]) -> None:
        self._unhide(*ids)
        self.select(ids[0])

    def _on_expired(self, ids: tuple[str, ...]) -> None:
        self._tasks.spawn(self._remove(ids), "remove")

    async def _remove(self, ids: tuple[str, ...]) -> None:
        try:
            for instance_id in ids:
                await self._bridge.call(_removal(instance_id))
        except VastDeskError as error:
            self._unhide(*ids)
            if error.kind != "no_instance":  # somebody else was faster
                raise


def _removal(instance_id: str) -> Callable[[Engine], Awaitable[None]]:
    return lambda engine: desk.remove_machine(engine, instance_id)
