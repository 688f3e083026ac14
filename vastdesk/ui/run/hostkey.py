"""The host key a blocked run waits for: what was shown, what was trusted, and the decision. Nothing is trusted by
accident: a changed key asks for a tick first, and the safe button has the focus."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from vastdesk.domain.views import RunView
from vastdesk.ui.kit import Fact, KeyValueList, TextLabel, push_button
from vastdesk.ui.theme import space


class HostKeyPanel(QWidget):
    """`trusted(fingerprint)` brings exactly the one that is on the screen."""

    trusted = Signal(str)
    put_off = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fingerprint = ""
        self._explained = TextLabel()
        self._facts = KeyValueList()
        self._sure = QCheckBox(self.tr("I set this machine up anew: its key had to change"))
        self._sure.toggled.connect(self._on_sure)
        self._later = push_button(self.tr("&Not now"))
        self._trust = push_button(self.tr("&Trust and go on"), "primary", "trust")
        self._later.clicked.connect(self.put_off)
        self._trust.clicked.connect(self._on_trust)
        buttons = QHBoxLayout()
        buttons.setSpacing(space(2))
        buttons.addWidget(self._trust)
        buttons.addWidget(self._later)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space(2))
        for widget in (self._explained, self._facts, self._sure):
            column.addWidget(widget)
        column.addLayout(buttons)

    @property
    def is_changed(self) -> bool:
        return not self._sure.isHidden()

    @property
    def fingerprint(self) -> str:
        """Of the key on the screen."""
        return self._fingerprint

    def show_block(self, view: RunView) -> None:
        """The same key again changes nothing: a tick that was set stays."""
        block = view.block or {}
        shown, pinned = str(block.get("fingerprint", "")), str(block.get("pinned", ""))
        if shown != self._fingerprint:
            self._sure.setChecked(False)
        self._fingerprint = shown
        where = "{host}:{port}".format(host=block.get("host", ""), port=block.get("port", ""))
        facts = [Fact(self.tr("Shown now"), f"{block.get('algorithm', '')} {shown}".strip(), True, True)]
        if pinned:
            facts.append(Fact(self.tr("Trusted so far"), pinned, True, True))
            explained = self.tr(
                "If you did not set the machine up anew, somebody else may be answering in its place: stop here. "
                "Nothing was sent."
            )
        else:
            explained = self.tr(
                "Compare it with what the machine's own console or its provider shows. Nothing was sent yet."
            )
        facts.append(Fact(self.tr("Address"), where if block.get("host") else ""))
        self._explained.setText(explained)
        self._facts.set_facts(facts)
        self._sure.setVisible(bool(pinned))
        self._trust.setProperty("kind", "danger" if pinned else "primary")
        self._trust.setText(self.tr("&Trust the new key and go on") if pinned else self.tr("&Trust and go on"))
        self._trust.style().unpolish(self._trust)
        self._trust.style().polish(self._trust)
        self._on_sure(self._sure.isChecked())

    def set_busy(self, busy: bool) -> None:
        """While the decision is carried out."""
        self.setEnabled(not busy)

    def _on_sure(self, sure: bool) -> None:
        waits = self.is_changed and not sure
        self._trust.setEnabled(bool(self._fingerprint) and not waits)
        reason = self.tr("Say first that the key had to change.") if waits else ""
        self._trust.setToolTip(reason)
        self._trust.setAccessibleDescription(reason)

    def _on_trust(self) -> None:
        self.trusted.emit(self._fingerprint)
