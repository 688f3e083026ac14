"""The head of a section: its title, what is to say of it, and its buttons at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from vastdesk.ui.kit.elided import ElidedLabel
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import FontRole, space


class SectionHeader(QWidget):
    """`role` "title" for a section, "headline" for a page. `add_widget` puts buttons, badges or a search field at the
    right."""

    def __init__(self, title: str, note: str = "", role: FontRole = "title", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ElidedLabel(title, Qt.TextElideMode.ElideRight, role)
        self._note = TextLabel(note, kind="muted")
        self._note.setWordWrap(False)
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(space(2))
        self._row.addWidget(self._title)
        self._row.addWidget(self._note, 1)
        self.setAccessibleName(self._title.text())

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self.setAccessibleName(self._title.text())

    def set_note(self, note: str) -> None:
        """A short fact in muted words, like a count."""
        self._note.setText(note)

    def add_widget(self, widget: QWidget) -> None:
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
