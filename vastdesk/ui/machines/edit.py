"""Adding a machine by pasting its SSH command, and editing it the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.ssh_string import SshTarget
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import Fact, IconLabel, KeyValueList, TextLabel, ask, push_button
from vastdesk.ui.machines.identity import KeyChoice, KeyPicker
from vastdesk.ui.machines.target import Understood, proposed_name, ssh_command, understand
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import set_font, space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge

MAX_NAME = 200


class Added(NamedTuple):
    """What a dialog ended with."""

    instance: Instance
    test: bool
    """The person asked for a test of the connection."""


class AddMachineDialog(QDialog):
    """`await dialog.ask()`: the machine as it is saved, or None. With `instance` it edits that one."""

    def __init__(
        self, state: State, bridge: Bridge, instance: Instance | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._bridge = bridge
        self._instance = instance
        self._result: Added | None = None
        self._named = instance is not None
        self._understood = Understood(None)
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(self._on_failed)
        self.setWindowTitle(self.tr("Add a machine") if instance is None else self.tr("Edit machine"))
        self.setModal(True)
        self.setMinimumWidth(space(120))
        self._build()
        if instance is not None:
            self.string.setText(ssh_command(instance))
            self.name.setText(instance.name)
            self.key.begin_with(KeyChoice(instance.identity, instance.identity_file))
        self._on_string_changed()
        self.string.textChanged.connect(self._on_string_changed)
        self.name.textEdited.connect(self._on_name_edited)
        self.key.changed.connect(self._judge)

    async def ask(self) -> Added | None:
        """Shows the dialog and waits for its end."""
        await ask(self)
        return self._result

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.string = QLineEdit()
        self.string.setMaxLength(8192)
        self.string.setPlaceholderText("ssh -p 12345 root@203.0.113.7")
        self.string.setClearButtonEnabled(True)
        set_font(self.string, "mono")
        self._problem = _Problem()
        self.facts = KeyValueList()
        card = QFrame()
        card.setProperty("kind", "card")
        inner = QVBoxLayout(card)
        inner.setContentsMargins(space(3), space(2.5), space(3), space(2.5))
        forms = self.tr("ssh -p 12345 root@203.0.113.7\nroot@203.0.113.7:12345\nssh://root@203.0.113.7:12345")
        self._hint = TextLabel(self.tr("For example:\n{forms}").format(forms=forms), kind="muted")
        inner.addWidget(self._hint)
        inner.addWidget(self.facts)
        self.name = QLineEdit()
        self.name.setMaxLength(MAX_NAME)
        self._name_problem = _Problem()
        self.key = KeyPicker()
        self._note = TextLabel(role="caption", kind="muted")
        self.failure = FailurePlace()
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(4), space(5), space(4))
        column.setSpacing(space(1))
        column.addWidget(TextLabel(self.windowTitle(), "title"))
        sentence = self.tr("Paste the SSH command that your provider shows. Any usual form works.")
        column.addWidget(TextLabel(sentence, kind="muted"))
        column.addSpacing(space(2))
        for label, field, below in (
            (self.tr("&SSH command"), self.string, (self._problem, card)),
            (self.tr("&Name"), self.name, (self._name_problem,)),
            (self.tr("&Key"), self.key, ()),
        ):
            column.addWidget(_label(label, field))
            column.addWidget(field)
            for widget in below:
                column.addWidget(widget)
            column.addSpacing(space(2))
        column.addWidget(self._note)
        column.addWidget(self.failure)
        column.addStretch(1)
        column.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(space(2))
        row.addStretch(1)
        cancel = push_button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        adding = self._instance is None
        self.save = push_button(self.tr("&Add") if adding else self.tr("&Save"))
        self.save_and_test = push_button(self.tr("Add and &test") if adding else self.tr("Save and &test"), "primary")
        self.save.clicked.connect(self._on_save)
        self.save_and_test.clicked.connect(self._on_save_and_test)
        self.save_and_test.setDefault(True)
        for button in (cancel, self.save, self.save_and_test):
            row.addWidget(button)
        return row

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fit_height(self)
        if not event.spontaneous():
            self._tasks.restart(self._list_identities(), "identities")

    async def _list_identities(self) -> None:
        self.key.set_identities(await self._bridge.call(desk.identities))

    # -- while it is typed ---------------------------------------------------------------------------------------------

    def _on_string_changed(self) -> None:
        self._understood = understand(self.string.text())
        target = self._understood.target
        self._problem.tell(self._sentence(self._understood.problem), self.string)
        self.facts.setVisible(target is not None)
        self._hint.setVisible(target is None)
        if target is not None:
            self.facts.set_facts(self._facts(target))
            self.key.propose_file(target.identity_file)
            if not self._named:
                self.name.setText(proposed_name(target, self._taken()))
        elif not self._named:
            self.name.clear()
        self._judge()

    def _facts(self, target: SshTarget) -> list[Fact]:
        facts = [
            Fact(self.tr("Host"), target.host, mono=True),
            Fact(self.tr("Port"), str(target.port), mono=True),
            Fact(self.tr("User"), target.user, mono=True),
        ]
        if target.identity_file:
            facts.append(Fact(self.tr("Key"), target.identity_file, mono=True))
        if target.jump:
            facts.append(Fact(self.tr("Jump host"), target.jump, mono=True))
        if target.forwards:
            facts.append(Fact(self.tr("Forwards"), self.tr("not needed: VastDesk opens tunnels itself")))
        return facts

    def _sentence(self, problem: str) -> str:
        return problem[:1].upper() + problem[1:] + "." if problem else ""

    def _on_name_edited(self, text: str) -> None:
        self._named = bool(text.strip())
        self._judge()

    def _taken(self) -> set[str]:
        own = self._instance.id if self._instance is not None else ""
        return {instance.name for instance in self._state.instances if instance.id != own}

    def _judge(self) -> None:
        name = self.name.text().strip()
        taken = name in self._taken()
        told = self.tr("There is a machine with this name already.") if taken else ""
        self._name_problem.tell(told, self.name)
        self._note.setText(self._moved() or "")
        self._note.setVisible(bool(self._note.text()))
        usable = self._understood.target is not None and bool(name) and not taken and not self.key.problem
        busy = self._tasks.is_running("save")
        for button in (self.save, self.save_and_test):
            button.setEnabled(usable and not busy)

    def _moved(self) -> str:
        target, old = self._understood.target, self._instance
        if old is None or target is None or not old.endpoints:
            return ""
        before = (old.endpoints[0].host, old.endpoints[0].port)
        if (target.host, target.port) == before:
            return ""
        return self.tr(
            "The trusted host key stays. If this is another machine now, VastDesk will say that the key has changed."
        )

    # -- saving --------------------------------------------------------------------------------------------------------

    def _on_save(self) -> None:
        self._begin(test=False)

    def _on_save_and_test(self) -> None:
        self._begin(test=True)

    def _begin(self, *, test: bool) -> None:
        target = self._understood.target
        if target is None or self._tasks.is_running("save"):
            return
        self.failure.clear()
        self._tasks.spawn(self._save(target, self.name.text().strip(), self.key.choice(), test), "save")
        self._judge()

    async def _save(self, target: SshTarget, name: str, key: KeyChoice, test: bool) -> None:
        old = self._instance
        if old is None:
            chosen = replace(target, identity_file=key.file)
            saved = await self._bridge.call(
                lambda engine: desk.add_machine(engine, name, chosen, identity=key.identity)
            )
        else:
            # The first address is what is edited; others (a proxy) stay behind it.
            first = replace(target.endpoint(), kind=old.endpoints[0].kind) if old.endpoints else target.endpoint()
            fields = {
                "name": name,
                "endpoints": (first, *old.endpoints[1:]),
                "identity": key.identity,
                "identity_file": str(Path(key.file).expanduser()) if key.file else None,
                "jump": target.jump,
            }
            saved = await self._bridge.call(lambda engine: desk.edit_machine(engine, old.id, **fields))
        self._result = Added(saved, test)
        self.accept()

    def _on_failed(self, error: VastDeskError) -> None:
        self.failure.show_error(error)
        self._judge()


class _Problem(QWidget):
    """What is wrong with the field above, with its icon; takes no room while nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self._text = TextLabel(role="caption", kind="problem")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(space(1))
        row.addWidget(IconLabel("error", "failed", units=3.5), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def tell(self, sentence: str, field: QWidget) -> None:
        self._text.setText(sentence)
        self.setVisible(bool(sentence))
        field.setAccessibleDescription(sentence)
        if bool(field.property("invalid")) is not bool(sentence):
            field.setProperty("invalid", bool(sentence))
            field.style().unpolish(field)  # a property is read again only then
            field.style().polish(field)


def fit_height(dialog: QDialog) -> None:
    """As high as its texts need at this width; a dialog asks for too much by itself where texts wrap."""
    layout = dialog.layout()
    if layout is not None and layout.hasHeightForWidth():
        dialog.resize(dialog.width(), layout.totalHeightForWidth(dialog.width()))


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setBuddy(buddy)
    set_font(label, "strong")
    name = text.replace("&", "")
    (buddy.focusProxy() or buddy).setAccessibleName(name)
    return label
