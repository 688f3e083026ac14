"""A workflow file that cannot be used: each problem with its line, a way to correct it, and a way to look again."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import BadWorkflow
from vastdesk.ui.failures import told
from vastdesk.ui.kit import CopyButton, ElidedLabel, IconLabel, TextLabel, push_button
from vastdesk.ui.theme import set_font, space


class ProblemsView(QWidget):
    """`show_error(error, path)`; `check_again` asks to read the file anew."""

    check_again = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = ""
        self._title = TextLabel(self.tr("This file cannot be used as it is"), "title")
        self._where = ElidedLabel(role="mono", colour="muted")
        self._copy = CopyButton(self.tr("Copy the problems"), "")
        self._open = push_button(self.tr("&Open the file"), icon_name="external")
        again = push_button(self.tr("&Check again"), "primary", "retry")
        self._open.clicked.connect(self._on_open)
        again.clicked.connect(self.check_again)
        head = QHBoxLayout()
        head.setSpacing(space(2))
        head.addWidget(IconLabel("warning", "waiting", units=6))
        head.addWidget(self._title, 1)
        for widget in (self._copy, self._open, again):
            head.addWidget(widget)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(4), space(5), space(4))
        column.setSpacing(space(2))
        column.addLayout(head)
        column.addWidget(self._where)
        column.addWidget(self._scroll, 1)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """(line, what is wrong), as shown."""
        return self._lines

    def show_error(self, error: VastDeskError, path: str) -> None:
        self._path = path
        self._where.setText(path)
        if isinstance(error, BadWorkflow):
            self._lines = tuple((str(problem.line), problem.message) for problem in error.problems)
        else:
            self._lines = (("", told(error).text),)
        self._copy.set_text("\n".join(f"{path}:{line}: {message}" for line, message in self._lines))
        self._scroll.setWidget(self._grid())

    def _grid(self) -> QWidget:
        page = QWidget()
        page.setProperty("kind", "page")
        grid = QGridLayout(page)
        grid.setContentsMargins(0, space(2), 0, 0)
        grid.setHorizontalSpacing(space(3))
        grid.setVerticalSpacing(space(1.5))
        grid.setColumnStretch(1, 1)
        for row, (line, message) in enumerate(self._lines):  # 50 at most: the loader stops there
            number = QLabel(self.tr("line {number}").format(number=line) if line else "")
            number.setTextFormat(Qt.TextFormat.PlainText)
            number.setProperty("kind", "muted")
            set_font(number, "mono")
            grid.addWidget(number, row, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(TextLabel(message), row, 1)
        grid.setRowStretch(len(self._lines), 1)
        return page

    def _on_open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._path))
