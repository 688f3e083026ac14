"""All that is known of one machine, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import HostKey, Instance
from vastdesk.domain.sentences import display_text, format_duration
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import (
    ElidedLabel,
    EmptyState,
    Fact,
    KeyValueList,
    ProgressRing,
    SectionHeader,
    StateBadge,
    TextLabel,
    confirm,
    push_button,
)
from vastdesk.ui.machines.facts import found_paths, machine_facts
from vastdesk.ui.machines.ladder import LadderPanel
from vastdesk.ui.machines.paths import PathsCard
from vastdesk.ui.machines.target import ssh_command
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.observer import RunHead


class OverviewPage(QWidget):
    """`open(id)` shows a machine, `test()` tests its connection in the page."""

    run_requested = Signal(list)
    """Run a workflow on these machines."""
    run_opened = Signal(str)
    edit_requested = Signal(str)

    def __init__(self, state: State, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self._id = ""
        self._key: HostKey | None = None
        self._asking = False
        self._tasks = ViewTasks(self)
        self._probed: dict[str, Mapping[str, Any]] = {}
        self._build()
        self._connect()
        self._refresh()

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._badge = StateBadge()
        self.header = SectionHeader("", role="headline")
        self.edit = push_button(self.tr("&Edit…"), icon_name="edit")
        self.test_button = push_button(self.tr("&Test connection"), icon_name="connecting")
        self.run = push_button(self.tr("&Run workflow…"), "primary", "run")
        for widget in (self._badge, self.edit, self.test_button, self.run):
            self.header.add_widget(widget)
        self.failure = FailurePlace()
        self.ladder = LadderPanel(self._bridge)
        self.ladder.hide()
        self.paths = PathsCard(self._state, self._bridge)
        column = QVBoxLayout()
        column.setContentsMargins(space(6), space(5), space(6), space(6))
        column.setSpacing(space(4))
        column.addWidget(self.header)
        column.addWidget(self.failure)
        column.addWidget(self.ladder)
        columns = QHBoxLayout()
        columns.setSpacing(space(4))
        left, right = QVBoxLayout(), QVBoxLayout()
        for side, cards in (
            (left, (self._connection_card(), self._run_card())),
            (right, (self._facts_card(), self.paths)),
        ):
            side.setSpacing(space(4))
            for card in cards:
                side.addWidget(card)
            side.addStretch(1)
            columns.addLayout(side, 1)
        column.addLayout(columns)
        column.addStretch(1)
        page = QWidget()
        page.setProperty("kind", "page")
        page.setLayout(column)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        self._nothing = EmptyState(
            "machine", self.tr("No machine chosen"), self.tr("Choose one at the left, or add one.")
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(scroll)
        self._pages.addWidget(self._nothing)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _connection_card(self) -> QFrame:
        self.connection = KeyValueList()
        self.forget = push_button(self.tr("&Forget host key…"), "quiet")
        header = SectionHeader(self.tr("Connection"))
        header.add_widget(self.forget)
        return _card(header, self.connection)

    def _run_card(self) -> QFrame:
        self.last_badge = StateBadge()
        self.last_run = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.last_when = TextLabel(kind="muted")
        self.show_run = push_button(self.tr("&Show"), "quiet")
        header = SectionHeader(self.tr("Last run"))
        header.add_widget(self.show_run)
        row = QWidget()
        inner = QHBoxLayout(row)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(space(2))
        inner.addWidget(self.last_badge)
        inner.addWidget(self.last_run, 1)
        self._run_row = row
        return _card(header, row, self.last_when)

    def _facts_card(self) -> QFrame:
        self.look = push_button(self.tr("&Look"), "quiet", "retry")
        self._looking = ProgressRing(self.tr("Asking the machine"), units=4)
        self._looking.set_percent(None)
        self.facts = KeyValueList()
        self._facts_hint = TextLabel(
            self.tr("GPU, memory, disk, Python and ComfyUI, as the machine itself tells them."), kind="muted"
        )
        header = SectionHeader(self.tr("Machine"))
        header.add_widget(self._looking)
        header.add_widget(self.look)
        return _card(header, self._facts_hint, self.facts)

    def _connect(self) -> None:
        self._tasks.failed.connect(self._on_failed)
        self._state.instances_changed.connect(self._on_instances_changed)
        self._state.history_changed.connect(self._show_run_facts)
        self._state.runs_changed.connect(self._on_runs_changed)
        self.run.clicked.connect(self._on_run)
        self.test_button.clicked.connect(self.test)
        self.edit.clicked.connect(self._on_edit)
        self.forget.clicked.connect(self._on_forget)
        self.show_run.clicked.connect(self._on_show_run)
        self.look.clicked.connect(self.probe)
        self.ladder.passed.connect(self._on_passed)
        self.ladder.edit_requested.connect(self.edit_requested)
        self.ladder.closed.connect(self.ladder.hide)

    # -- what the window asks for --------------------------------------------------------------------------------------

    def open(self, instance_id: str) -> None:
        """Shows this machine; "" or one that is gone shows that none is chosen."""
        if instance_id == self._id:
            return
        self._id = instance_id
        self._key = None
        self._asking = False
        self._tasks.cancel_all()
        self.ladder.stop()
        self.ladder.hide()
        self.failure.clear()
        self._refresh()
        if self.instance is not None:
            self._tasks.restart(self._read_key(), "key")

    @property
    def instance(self) -> Instance | None:
        return self._state.instance(self._id)

    def test(self) -> None:
        """Tests the connection, rung by rung, at the top of the page."""
        instance = self.instance
        if instance is not None:
            self.failure.clear()
            self.ladder.show()
            self.ladder.test(instance)

    def probe(self) -> None:
        """Asks the machine what it is."""
        instance = self.instance
        if instance is not None and not self._asking:
            self.failure.clear()
            self._asking = True
            self._tasks.spawn(self._probe(instance), "probe")
            self._show_facts()

    # -- showing -------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        instance = self.instance
        self._pages.setCurrentIndex(1 if instance is None else 0)
        if instance is None:
            return
        self.header.set_title(display_text(instance.name))
        self._show_connection(instance)
        self._show_run_facts()
        self._show_facts()
        self.paths.open(instance, *found_paths(self._probed.get(instance.id, {})))

    def _show_connection(self, instance: Instance) -> None:
        facts = [Fact(self.tr("Address"), str(endpoint), True, True) for endpoint in instance.endpoints]
        facts.append(Fact(self.tr("SSH command"), ssh_command(instance), True, True))
        facts.append(Fact(self.tr("Key"), self._key_words(instance)))
        if instance.jump:
            facts.append(Fact(self.tr("Jump host"), instance.jump, True, True))
        if self._key is not None:
            facts.append(Fact(self.tr("Host key"), self._key.fingerprint, True, True))
        else:
            facts.append(Fact(self.tr("Host key"), self.tr("not trusted yet")))
        self.connection.set_facts(facts)
        self.forget.setVisible(self._key is not None)

    def _key_words(self, instance: Instance) -> str:
        if instance.identity is not None:
            return self.tr("identity {name}").format(name=display_text(instance.identity, 100))
        return instance.identity_file or self.tr("default SSH key of this computer")

    def _show_run_facts(self) -> None:
        head = self._state.current_run(self._id) if self._id else None
        self.show_run.setVisible(head is not None)
        self._run_row.setVisible(head is not None)
        self._badge.setVisible(head is not None and head.ended_ts is None)
        if head is None:
            self.last_when.setText(self.tr("None yet."))
            return
        view = self._state.views.get(head.id)
        state = head.state if view is None else view.state
        self.last_badge.set_state(state)
        self._badge.set_state(state)
        self.last_run.setText(head.workflow)
        self.last_when.setText(self._when(head))

    def _when(self, head: RunHead) -> str:
        text = QLocale().toString(QDateTime.fromSecsSinceEpoch(int(head.created_ts)), QLocale.FormatType.ShortFormat)
        if head.ended_ts is None:
            return self.tr("started {when}").format(when=text)
        duration = format_duration(head.ended_ts - head.created_ts)
        return self.tr("{when}, took {duration}").format(when=text, duration=duration)

    def _show_facts(self) -> None:
        facts = self._probed.get(self._id)
        self._looking.setVisible(self._asking)
        self.look.setVisible(not self._asking)
        self.look.setText(self.tr("&Look") if facts is None else self.tr("&Look again"))
        self._facts_hint.setVisible(facts is None)
        self.facts.setVisible(facts is not None)
        if facts is not None:
            self.facts.set_facts(machine_facts(facts))

    # -- commands ------------------------------------------------------------------------------------------------------

    async def _read_key(self) -> None:
        instance_id = self._id
        pinned, _ = await self._bridge.call(lambda engine: desk.host_key(engine, instance_id))
        self._key = pinned
        instance = self.instance
        if instance is not None:
            self._show_connection(instance)

    async def _probe(self, instance: Instance) -> None:
        try:
            facts = await self._bridge.call(lambda engine: engine.probe(instance))
        finally:
            self._asking = False
        self._take_facts(instance, facts)

    def _take_facts(self, instance: Instance, facts: Mapping[str, Any]) -> None:
        self._probed[instance.id] = facts
        self._refresh()

    def _on_passed(self, facts: object) -> None:
        instance = self.instance
        if instance is not None and isinstance(facts, Mapping):
            self._take_facts(instance, facts)
            self._tasks.restart(self._read_key(), "key")

    def _on_failed(self, error: VastDeskError) -> None:
        self.failure.show_error(error, (self.tr("Test connection"), self.test))
        self._show_facts()

    def _on_instances_changed(self) -> None:
        self._refresh()

    def _on_runs_changed(self, run_ids: frozenset[str]) -> None:
        head = self._state.current_run(self._id) if self._id else None
        if head is not None and head.id in run_ids:
            self._show_run_facts()

    def _on_run(self) -> None:
        self.run_requested.emit([self._id])

    def _on_edit(self) -> None:
        self.edit_requested.emit(self._id)

    def _on_show_run(self) -> None:
        head = self._state.current_run(self._id)
        if head is not None:
            self.run_opened.emit(head.id)

    def _on_forget(self) -> None:
        instance = self.instance
        if instance is not None and not self._tasks.is_running("forget"):
            self._tasks.spawn(self._forget(instance), "forget")

    async def _forget(self, instance: Instance) -> None:
        sure = await confirm(
            self.window(),
            self.tr("Forget the host key of {machine}?").format(machine=display_text(instance.name, 80)),
            self.tr("The next connection shows the machine's key again, and you compare it before anything is sent."),
            self.tr("Forget"),
        )
        if sure:
            await self._bridge.call(lambda engine: desk.forget_key(engine, instance.id))
            await self._read_key()


def _card(*widgets: QWidget) -> QFrame:
    card = QFrame()
    card.setProperty("kind", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(space(4), space(3), space(4), space(4))
    column.setSpacing(space(2.5))
    for widget in widgets:
        column.addWidget(widget)
    return card
