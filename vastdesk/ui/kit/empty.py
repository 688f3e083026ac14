"""What stands where nothing is yet: what this place is for, and the one thing to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import ButtonKind, IconLabel, push_button
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import space


class EmptyState(QWidget):
    """An icon, a title, a sentence, and buttons: `add_action(text, slot, kind="primary")`."""

    def __init__(self, icon_name: str, title: str, sentence: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel(icon_name, "muted", units=10)
        self._title = TextLabel(role="title")
        self._sentence = TextLabel(kind="muted")
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(space(2))
        column = QVBoxLayout(self)
        column.setContentsMargins(space(4), space(4), space(4), space(4))
        column.setSpacing(space(2))
        column.addStretch(1)
        column.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (self._title, self._sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setMaximumWidth(space(110))
            row = QHBoxLayout()  # centred, yet as wide as it may be: a wrapped label asks for far too little by itself
            row.addStretch(1)
            row.addWidget(label, 100)
            row.addStretch(1)
            column.addLayout(row)
        column.addSpacing(space(1))
        column.addLayout(self._buttons)
        column.addStretch(2)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        self.set_message(title, sentence, icon_name)

    def set_message(self, title: str, sentence: str = "", icon_name: str = "") -> None:
        """Empty for another reason, like a search without hits."""
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        if icon_name:
            self._icon.set_icon(icon_name, "muted")
        self.setAccessibleName(self._title.text())
        self.setAccessibleDescription(self._sentence.text())

    def add_action(
        self, text: str, slot: Callable[[], object], kind: ButtonKind = "normal", icon_name: str = ""
    ) -> QPushButton:
        button = push_button(text, kind, icon_name)
        button.clicked.connect(slot)
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button
