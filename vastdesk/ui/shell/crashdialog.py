"""What a person sees of a bug: an apology, what is safe, and what to report."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import IconLabel, push_button
from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import set_font, space

MAX_SHOWN = 200_000


class CrashDialog(QDialog):
    """Not modal, and one for all: what happens while it is open is added to it."""

    def __init__(self, versions: str, log_folder: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._versions = versions
        self._log_folder = log_folder
        self._reports: list[str] = []
        self.setWindowTitle(self.tr("Something went wrong in VastDesk"))
        self.setAccessibleName(self.windowTitle())
        title = TextLabel(self.tr("Something went wrong in VastDesk"), "title")
        sentence = TextLabel(
            self.tr(
                "Sorry: this is a fault of ours. Nothing stored is lost, and what runs on your machines goes on. You "
                "can work on; if something looks wrong, start VastDesk again. Please report the details below: secrets "
                "have been taken out, and nothing is sent by itself."
            )
        )
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setProperty("kind", "log")
        self._text.setAccessibleName(self.tr("Details of the fault"))
        self._text.setTabChangesFocus(True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        set_font(self._text, "mono")
        top = QHBoxLayout()
        top.setSpacing(space(4))
        texts = QVBoxLayout()
        texts.setSpacing(space(2))
        texts.addWidget(title)
        texts.addWidget(sentence)
        top.addWidget(IconLabel("error", "failed", units=7), 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(texts, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(5), space(5), space(4))
        column.setSpacing(space(4))
        column.addLayout(top)
        column.addWidget(self._text, 1)
        column.addLayout(self._make_buttons())
        self.resize(space(170), space(110))

    @property
    def details(self) -> str:
        """What is copied."""
        return "\n\n".join([self._versions, *self._reports])[:MAX_SHOWN]

    def add(self, report: str) -> None:
        """Another one; shows the dialog."""
        self._reports.append(report)
        self._text.setPlainText(self.details)
        if not self.isVisible():
            self.show()

    def closeEvent(self, event: object) -> None:
        self._reports.clear()
        super().closeEvent(event)  # type: ignore[arg-type]

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(space(2))
        copy = push_button(self.tr("&Copy details"), "primary", "copy")
        copy.clicked.connect(self._on_copy)
        close = push_button(self.tr("Close"))
        close.clicked.connect(self.close)
        self._copier = CopyButton(self.tr("Copy details"), self._current, self)
        self._copier.hide()
        row.addWidget(copy)
        if self._log_folder is not None:
            folder = push_button(self.tr("Open the log &folder"), icon_name="folder")
            folder.clicked.connect(self._on_folder)
            row.addWidget(folder)
        row.addStretch(1)
        row.addWidget(close)
        close.setDefault(True)
        return row

    def _current(self) -> str:
        return self.details

    def _on_copy(self) -> None:
        self._copier.copy()

    def _on_folder(self) -> None:
        if self._log_folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_folder)))
