"""Asking for the passphrase of a key: masked, shown while one holds the button, never kept."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import IconLabel, icon_button, push_button
from vastdesk.ui.kit.dialogs import ask
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import space


class PassphraseDialog(QDialog):
    """`question` says for what. `answer` is what was typed, None when the person gave up."""

    def __init__(self, question: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answer: str | None = None
        self.setWindowTitle(self.tr("Passphrase"))
        self.setAccessibleName(self.windowTitle())
        self.setAccessibleDescription(question)
        label = TextLabel(question)
        label.setMinimumWidth(space(90))
        self._field = QLineEdit()
        self._field.setEchoMode(QLineEdit.EchoMode.Password)
        self._field.setAccessibleName(self.windowTitle())
        self._field.setMaxLength(10_000)
        self._reveal = icon_button("unlock", self.tr("Show while held"))
        self._reveal.pressed.connect(self._on_held)
        self._reveal.released.connect(self._on_let_go)
        row = QHBoxLayout()
        row.setSpacing(space(1))
        row.addWidget(self._field, 1)
        row.addWidget(self._reveal)
        texts = QVBoxLayout()
        texts.setSpacing(space(3))
        texts.addWidget(label)
        texts.addLayout(row)
        texts.addWidget(
            TextLabel(self.tr("Used to open the key now; it is not written anywhere."), "caption", kind="muted")
        )
        top = QHBoxLayout()
        top.setSpacing(space(4))
        top.addWidget(IconLabel("key", "accent_text", units=7))
        top.addLayout(texts, 1)
        cancel = push_button(self.tr("Cancel"))
        unlock = push_button(self.tr("Unlock"), "primary")
        cancel.clicked.connect(self.reject)
        unlock.clicked.connect(self._on_unlock)
        unlock.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(unlock)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(5), space(5), space(4))
        column.setSpacing(space(5))
        column.addLayout(top)
        column.addLayout(buttons)
        self._field.setFocus()

    def _on_held(self) -> None:
        self._field.setEchoMode(QLineEdit.EchoMode.Normal)

    def _on_let_go(self) -> None:
        self._field.setEchoMode(QLineEdit.EchoMode.Password)

    def _on_unlock(self) -> None:
        self.answer = self._field.text()
        self._field.clear()
        self.accept()


async def ask_passphrase(question: str, parent: QWidget | None) -> str | None:
    """None: the person gave up, or the window is closing."""
    dialog = PassphraseDialog(question, parent)
    return dialog.answer if await ask(dialog) and dialog.answer else None
