"""The two questions about host keys: is this your machine (a new key), and why is it another one (a changed key)."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import HostKey, Instance
from vastdesk.domain.sentences import display_text
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import CopyButton, IconLabel, TextLabel, ask, push_button
from vastdesk.ui.machines.edit import fit_height
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import set_font, space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge

GROUP = 4
PER_LINE = 6
_KEY_FILES = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}


def groups(fingerprint: str) -> list[str]:
    """A fingerprint in pieces that eyes can compare: `SHA256:` alone, then four characters each."""
    name, colon, digest = fingerprint.partition(":")
    if not colon:
        name, digest = "", fingerprint
    pieces = [digest[at : at + GROUP] for at in range(0, len(digest), GROUP)]
    return [f"{name}:", *pieces] if name else pieces


def same_fingerprint(pasted: str, fingerprint: str) -> bool:
    """Whether a pasted text holds that fingerprint: the bare digest, `SHA256:…`, or a line of `ssh-keygen -l`."""
    digest = fingerprint.partition(":")[2] or fingerprint
    words = re.split(r"[\s,;()]+", pasted.strip().strip("\"'"))
    return digest in {word.removeprefix("SHA256:").rstrip("=.") for word in words} or (
        "".join(words).removeprefix("SHA256:").rstrip("=.") == digest  # copied in groups
    )


class Fingerprint(QFrame):
    """A fingerprint on a card: what it is of, in groups, to be selected and copied."""

    def __init__(self, title: str, key: HostKey, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"{key.algorithm} {key.fingerprint}")
        head = QHBoxLayout()
        head.addWidget(TextLabel(title, "strong"))
        head.addWidget(TextLabel(display_text(key.algorithm, 60), "caption", kind="muted"))
        head.addStretch(1)
        head.addWidget(CopyButton(self.tr("Copy: {what}").format(what=title), key.fingerprint))
        column = QVBoxLayout(self)
        column.setContentsMargins(space(3), space(1.5), space(2), space(2.5))
        column.setSpacing(space(1))
        column.addLayout(head)
        column.addLayout(self._grid(key.fingerprint))

    def _grid(self, fingerprint: str) -> QGridLayout:
        name, *pieces = groups(fingerprint) or [""]
        grid = QGridLayout()
        grid.setHorizontalSpacing(space(3))
        grid.setVerticalSpacing(space(0.5))
        for at, piece in enumerate([name, *pieces]):
            label = QLabel(piece)
            label.setTextFormat(Qt.TextFormat.PlainText)
            set_font(label, "mono")
            row, column = divmod(max(0, at - 1), PER_LINE)
            grid.addWidget(label, row, 0 if at == 0 else column + 1)
        grid.setColumnStretch(PER_LINE + 1, 1)
        return grid


class _KeyDialog(QDialog):
    """What both have: the words, the cards, a field that compares, the safe button as the default one."""

    def __init__(self, bridge: Bridge, instance: Instance, shown: desk.ShownKey, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._instance = instance
        self.shown = shown
        self.trusted = False
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(self._on_failed)
        self.failure = FailurePlace()
        self.setModal(True)
        self.setMinimumWidth(space(140))
        self.column = QVBoxLayout()
        self.column.setSpacing(space(2.5))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(space(5), space(5), space(5), space(4))
        outer.setSpacing(space(4))
        outer.addLayout(self.column)
        outer.addWidget(self.failure)
        outer.addStretch(1)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(space(2))
        self.buttons.addStretch(1)
        outer.addLayout(self.buttons)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fit_height(self)

    @property
    def machine(self) -> str:
        """Its name; for a key of its jump host, that."""
        name = display_text(self._instance.name, 80)
        return self.tr("the jump host of {machine}").format(machine=name) if self.shown.is_jump else name

    @property
    def address(self) -> str:
        if self.shown.is_jump:
            return display_text(self._instance.jump or "")
        return str(self._instance.endpoints[0]) if self._instance.endpoints else ""

    def _head(self, icon_name: str, colour: str, title: str, *sentences: str) -> None:
        self.setWindowTitle(title)
        self.setAccessibleDescription(" ".join(sentences))
        texts = QVBoxLayout()
        texts.setSpacing(space(1.5))
        texts.addWidget(TextLabel(title, "title"))
        for sentence in sentences:
            texts.addWidget(TextLabel(sentence))
        row = QHBoxLayout()
        row.setSpacing(space(4))
        sign = IconLabel(icon_name, "failed" if colour == "failed" else "accent_text", units=7)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(texts, 1)
        self.column.addLayout(row)

    def _compare(self) -> None:
        """A field into which one can paste what another source says."""
        self.pasted = QLineEdit()
        self.pasted.setMaxLength(2000)
        self.pasted.setPlaceholderText("SHA256:…")
        set_font(self.pasted, "mono")
        label = QLabel(self.tr("&Compare with a fingerprint from the machine's own console (optional)"))
        label.setBuddy(self.pasted)
        self.pasted.setAccessibleName(label.text().replace("&", ""))
        self._verdict_icon = IconLabel("check", "succeeded", units=4)
        self._verdict = TextLabel(role="caption")
        told = QHBoxLayout()
        told.setSpacing(space(1))
        told.addWidget(self._verdict_icon)
        told.addWidget(self._verdict, 1)
        how = QHBoxLayout()
        command = f"ssh-keygen -lf /etc/ssh/ssh_host_{_KEY_FILES.get(self.shown.key.algorithm, 'ecdsa')}_key.pub"
        text = TextLabel(self.tr("There it is shown by: {command}").format(command=command), "caption", kind="muted")
        how.addWidget(text, 1)
        how.addWidget(CopyButton(self.tr("Copy the command"), command))
        column = QVBoxLayout()
        column.setSpacing(space(1))
        column.addWidget(label)
        column.addWidget(self.pasted)
        column.addLayout(told)
        column.addLayout(how)
        self.column.addLayout(column)
        self.pasted.textChanged.connect(self._on_pasted)
        self._on_pasted("")

    def _on_pasted(self, text: str) -> None:
        asked = bool(text.strip())
        same = asked and same_fingerprint(text, self.shown.key.fingerprint)
        for widget in (self._verdict, self._verdict_icon):
            widget.setVisible(asked)
        self._verdict_icon.set_icon("check" if same else "error", "succeeded" if same else "failed")
        self._verdict.setText(
            self.tr("It is the same key.") if same else self.tr("This is not the key the machine showed.")
        )
        self.pasted.setAccessibleDescription(self._verdict.text() if asked else "")

    def _trust(self) -> None:
        if not self._tasks.is_running("trust"):
            self.failure.clear()
            self._tasks.spawn(self._pin(), "trust")

    async def _pin(self) -> None:
        """Exactly the key that is on the screen."""
        instance_id, fingerprint = self._instance.id, self.shown.key.fingerprint
        await self._bridge.call(lambda engine: desk.trust_key(engine, instance_id, fingerprint))
        self.trusted = True
        self.accept()

    def _on_failed(self, error: VastDeskError) -> None:
        self.failure.show_error(error)


class UnknownKeyDialog(_KeyDialog):
    """The first time a machine shows its key."""

    def __init__(self, bridge: Bridge, instance: Instance, shown: desk.ShownKey, parent: QWidget | None = None) -> None:
        super().__init__(bridge, instance, shown, parent)
        self._head(
            "key",
            "accent",
            self.tr("Is this {machine}?").format(machine=self.machine),
            self.tr("A key that VastDesk does not know yet is shown by {address}. Nothing was sent.").format(
                address=self.address
            ),
            self.tr("If you have just rented or set up this machine, that is expected."),
        )
        self.column.addWidget(Fingerprint(self.tr("Key shown"), shown.key))
        self._compare()
        cancel = push_button(self.tr("Cancel"))
        self.trust = push_button(self.tr("&Trust this key"), "normal", "trust")
        cancel.clicked.connect(self.reject)
        self.trust.clicked.connect(self._trust)
        cancel.setDefault(True)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.trust)
        cancel.setFocus()


class ChangedKeyDialog(_KeyDialog):
    """The key is not the one that is trusted. Replacing it takes a deliberate step: one types a piece of the new key,
    and so has looked at it."""

    def __init__(self, bridge: Bridge, instance: Instance, shown: desk.ShownKey, parent: QWidget | None = None) -> None:
        super().__init__(bridge, instance, shown, parent)
        self._head(
            "warning",
            "failed",
            self.tr("The host key of {machine} has changed").format(machine=self.machine),
            self.tr("VastDesk stopped before it logged in to {address}. Nothing has been sent.").format(
                address=self.address
            ),
            self.tr(
                "Either the machine was set up anew, or its address belongs to somebody else now, or somebody is"
                " listening in between. If you know of no reason, keep the old key."
            ),
        )
        assert shown.pinned is not None
        self.column.addWidget(Fingerprint(self.tr("Trusted until now"), shown.pinned))
        self.column.addWidget(Fingerprint(self.tr("Shown now"), shown.key))
        self._compare()
        self._ask_for_piece()
        keep = push_button(self.tr("Keep the old key"))
        self.replace = push_button(self.tr("&Replace the key"), "danger")
        self.replace.setEnabled(False)
        keep.clicked.connect(self.reject)
        self.replace.clicked.connect(self._trust)
        keep.setDefault(True)
        self.buttons.addWidget(keep)
        self.buttons.addWidget(self.replace)
        keep.setFocus()

    @property
    def piece(self) -> str:
        """What is to be typed: the first group of the new fingerprint."""
        return next(group for group in groups(self.shown.key.fingerprint) if not group.endswith(":"))

    def _ask_for_piece(self) -> None:
        self.typed = QLineEdit()
        self.typed.setMaxLength(20)
        self.typed.setMaximumWidth(space(30))
        set_font(self.typed, "mono")
        label = QLabel(self.tr("To replace it, &type the first four characters after SHA256: of the key shown now"))
        label.setBuddy(self.typed)
        self.typed.setAccessibleName(label.text().replace("&", ""))
        column = QVBoxLayout()
        column.setSpacing(space(1))
        column.addWidget(label)
        column.addWidget(self.typed)
        self.column.addLayout(column)
        self.typed.textChanged.connect(self._on_typed)

    def _on_typed(self, text: str) -> None:
        self.replace.setEnabled(text.strip() == self.piece)


def key_dialog(bridge: Bridge, instance: Instance, shown: desk.ShownKey, parent: QWidget | None = None) -> _KeyDialog:
    """The right one of the two."""
    kind = UnknownKeyDialog if shown.pinned is None else ChangedKeyDialog
    return kind(bridge, instance, shown, parent)


async def decide_host_key(parent: QWidget | None, bridge: Bridge, instance: Instance, fingerprint: str = "") -> bool:
    """Asks about the key the machine showed (the one with `fingerprint`, where a run or an error names it); True when
    it is trusted now. Runs that waited for it go on. Raises VastDeskError."""
    shown = await bridge.call(lambda engine: desk.shown_key(engine, instance.id, fingerprint))
    if shown is None:  # decided meanwhile, here or on the command line
        pinned, _ = await bridge.call(lambda engine: desk.host_key(engine, instance.id))
        return pinned is not None and fingerprint in ("", pinned.fingerprint)
    dialog = key_dialog(bridge, instance, shown, parent)
    await ask(dialog)
    return dialog.trusted
