"""About VastDesk: its version, where it keeps things, and what it is made of."""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from vastdesk import __version__
from vastdesk.ui.kit.buttons import push_button
from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.keyvalue import Fact, KeyValueList
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.shell.versions import components, details
from vastdesk.ui.theme import app_icon, space


class AboutDialog(QDialog):
    """`open()` it."""

    def __init__(self, data_dir: Path, log_folder: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("About VastDesk"))
        self.setAccessibleName(self.windowTitle())
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(space(14), space(14)))
        words = QVBoxLayout()
        words.setSpacing(space(1))
        words.addWidget(TextLabel("VastDesk", "headline"))
        words.addWidget(
            TextLabel(self.tr("Sets up rented GPU machines for ComfyUI and shows every step live."), kind="muted")
        )
        top = QHBoxLayout()
        top.setSpacing(space(4))
        top.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        facts = [
            Fact(self.tr("Version"), __version__, copyable=True),
            Fact(self.tr("Python and Qt"), f"{platform.python_version()}, {qVersion()}"),
            Fact(self.tr("Data folder"), str(data_dir), copyable=True, mono=True),
        ]
        if log_folder is not None:
            facts.append(Fact(self.tr("Log folder"), str(log_folder), copyable=True, mono=True))
        licences = QPlainTextEdit(self._licences())
        licences.setReadOnly(True)
        licences.setTabChangesFocus(True)
        licences.setProperty("kind", "log")
        licences.setAccessibleName(self.tr("Licences"))
        licences.setMinimumHeight(space(40))
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(5), space(5), space(4))
        column.setSpacing(space(4))
        column.addLayout(top)
        column.addWidget(KeyValueList(facts))
        column.addWidget(TextLabel(self.tr("Made with, under the licences named"), "strong"))
        column.addWidget(licences, 1)
        column.addLayout(self._buttons(data_dir, log_folder))
        self.resize(space(150), space(130))

    def _licences(self) -> str:
        own = self.tr("VastDesk itself: MIT. Qt: LGPL-3.0; its libraries lie beside the program and may be replaced.")
        lines = [f"{part.name} {part.version}   {part.licence}" for part in components()]
        return "\n".join([own, "", *lines])

    def _buttons(self, data_dir: Path, log_folder: Path | None) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(space(2))
        row.addWidget(CopyButton(self.tr("Copy versions"), partial(details, data_dir)))
        for text, folder in ((self.tr("Open the data folder"), data_dir), (self.tr("Open the log folder"), log_folder)):
            if folder is not None:
                button = push_button(text, icon_name="folder")
                button.clicked.connect(partial(open_folder, folder))
                row.addWidget(button)
        row.addStretch(1)
        close = push_button(self.tr("Close"))
        close.clicked.connect(self.accept)
        close.setDefault(True)
        row.addWidget(close)
        return row


def open_folder(folder: Path, *_: object) -> None:
    """In the file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
