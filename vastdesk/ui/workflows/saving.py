"""Under which name a workflow becomes one of the user's own."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import TextLabel, ask, push_button
from vastdesk.ui.theme import set_font, space

MAX_NAME = 100


class NameDialog(QDialog):
    """`await dialog.ask()`: (name, description), or None. A name that is taken replaces, and the button says so."""

    def __init__(self, name: str, description: str, taken: Collection[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._taken = {_folded(each) for each in taken}
        self._result: tuple[str, str] | None = None
        self.setWindowTitle(self.tr("Save as my workflow"))
        self.setModal(True)
        self.setMinimumWidth(space(110))
        self.name = QLineEdit(display_text(name, MAX_NAME))
        self.name.setMaxLength(MAX_NAME)
        self.description = QLineEdit(display_text(description, 300))
        self.description.setMaxLength(300)
        self._note = TextLabel(role="caption", kind="muted")
        self._save = push_button(self.tr("&Save"), "primary")
        cancel = push_button(self.tr("Cancel"))
        self._save.clicked.connect(self._on_save)
        cancel.clicked.connect(self.reject)
        self._save.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(space(2))
        buttons.addWidget(self._note, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self._save)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(4), space(5), space(4))
        column.setSpacing(space(1))
        column.addWidget(TextLabel(self.windowTitle(), "title"))
        column.addSpacing(space(2))
        for label, field in ((self.tr("&Name"), self.name), (self.tr("&Description"), self.description)):
            column.addWidget(_label(label, field))
            column.addWidget(field)
            column.addSpacing(space(2))
        column.addLayout(buttons)
        self.name.textChanged.connect(self._judge)
        self._judge()
        self.name.selectAll()

    async def ask(self) -> tuple[str, str] | None:
        await ask(self)
        return self._result

    def _judge(self) -> None:
        name = self.name.text().strip()
        replaces = _folded(name) in self._taken
        self._save.setEnabled(bool(name))
        self._save.setText(self.tr("&Replace") if replaces else self.tr("&Save"))
        self._note.setText(self.tr("You have a workflow of this name.") if replaces else "")

    def _on_save(self) -> None:
        self._result = (self.name.text().strip(), self.description.text().strip())
        self.accept()


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where somebody has it."""
    folded = {_folded(each) for each in taken}
    if _folded(name) not in folded:
        return name
    return next(each for n in range(2, len(folded) + 3) if _folded(each := f"{name[: MAX_NAME - 6]} {n}") not in folded)


def _folded(name: str) -> str:
    """Two names are the same when their files are (`desk.own_path`)."""
    return "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split())


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setBuddy(buddy)
    set_font(label, "strong")
    buddy.setAccessibleName(text.replace("&", ""))
    return label
