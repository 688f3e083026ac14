"""The choice of the key a machine is logged in to with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vastdesk.domain.instances import Identity
from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import TextLabel, icon_button
from vastdesk.ui.theme import space


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """A saved identity by name, or a key file, or neither: the default key."""

    identity: str | None = None
    file: str | None = None


_DEFAULT, _FILE, _SAVED = "default", "file", "saved"


class KeyPicker(QWidget):
    """A list of what there is; a key file shows a field for its path. `changed` comes when a person chooses."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._touched = False
        self._proposed: str | None = None
        self.box = QComboBox()
        self.box.setAccessibleName(self.tr("Key to log in with"))
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.addItem(self.tr("Default SSH key of this computer"), (_DEFAULT, ""))
        self.box.addItem(self.tr("A key file…"), (_FILE, ""))
        self.path = QLineEdit()
        self.path.setMaxLength(4096)
        self.path.setPlaceholderText(self.tr("~/.ssh/id_ed25519"))
        self.path.setAccessibleName(self.tr("Path of the key file"))
        self._choose = icon_button("folder", self.tr("Choose a key file"))
        self._note = TextLabel(role="caption", kind="muted")
        row = QHBoxLayout()
        row.setSpacing(space(1))
        row.addWidget(self.path, 1)
        row.addWidget(self._choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space(1))
        column.addWidget(self.box)
        column.addLayout(row)
        column.addWidget(self._note)
        self.setFocusProxy(self.box)
        self.box.currentIndexChanged.connect(self._on_shown)
        self.box.activated.connect(self._on_touched)
        self.path.textEdited.connect(self._on_touched)
        self._choose.clicked.connect(self._on_choose)
        self._on_shown()

    def set_identities(self, identities: Iterable[Identity]) -> None:
        """The saved ones, between the default and a file; the choice stays."""
        chosen = self.choice()
        while self.box.count() > 2:
            self.box.removeItem(1)
        for at, identity in enumerate(identities, start=1):
            self.box.insertItem(at, display_text(identity.name, 80), (_SAVED, identity.name))
            self.box.setItemData(at, identity.fingerprint, Qt.ItemDataRole.ToolTipRole)
        self.set_choice(chosen)

    def begin_with(self, choice: KeyChoice) -> None:
        """The choice of a saved machine."""
        self.set_choice(choice)
        self._touched = True
        self._proposed = choice.file

    def choice(self) -> KeyChoice:
        kind, name = self._chosen()
        if kind == _FILE:
            return KeyChoice(file=self.path.text().strip() or None)
        return KeyChoice(identity=name if kind == _SAVED else None)

    def set_choice(self, choice: KeyChoice) -> None:
        """An identity that is not listed (yet) is added, so that editing a machine changes nothing by itself."""
        if choice.identity is not None:
            at = self._find(_SAVED, choice.identity)
            if at < 0:
                self.box.insertItem(1, display_text(choice.identity, 80), (_SAVED, choice.identity))
                at = 1
        else:
            at = self._find(_FILE if choice.file else _DEFAULT, "")
        self.box.setCurrentIndex(at)
        if choice.file:
            self.path.setText(choice.file)

    def propose_file(self, path: str | None) -> None:
        """What a pasted SSH string says, each time it says something else; a person's own choice stays otherwise."""
        before, self._proposed = self._proposed, path
        if path != before and (path is not None or not self._touched):
            self.set_choice(KeyChoice(file=path))

    @property
    def problem(self) -> str:
        """What is missing, "" when nothing is."""
        kind, _ = self._chosen()
        return self.tr("Choose a key file.") if kind == _FILE and not self.path.text().strip() else ""

    def _chosen(self) -> tuple[str, str]:
        kind, name = self.box.currentData()
        return str(kind), str(name)

    def _find(self, kind: str, name: str) -> int:
        return next((at for at in range(self.box.count()) if tuple(self.box.itemData(at)) == (kind, name)), -1)

    def _on_shown(self) -> None:
        kind, _ = self._chosen()
        self.path.setVisible(kind == _FILE)
        self._choose.setVisible(kind == _FILE)
        notes = {
            _DEFAULT: self.tr("The first key in ~/.ssh, as ssh itself would choose it."),
            _FILE: self.tr("The private key. It stays where it is; VastDesk reads it to log in."),
            _SAVED: "",
        }
        self._note.setText(notes[kind])
        self._note.setVisible(bool(notes[kind]))

    def _on_touched(self) -> None:
        self._touched = True
        self.changed.emit()

    def _on_choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a private key"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    def _on_chosen(self, path: str) -> None:
        self.path.setText(path)
        self._on_touched()
