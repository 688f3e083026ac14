"""Dialogs that are awaited. `exec()` would start an event loop inside a coroutine, and every task that wakes up during
it is lost; `open()` and a future do the same without one."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import ButtonKind, IconLabel, push_button
from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.theme import ColourName, set_font, space


async def ask(dialog: QDialog) -> bool:
    """Shows a dialog, waits for its end, and says whether it was accepted. It is gone afterwards: read from it in a
    slot of `accepted`, or use a function of this module.

    Cancelled from outside, and when its window is closed, the dialog goes away too.
    """
    answer = _Answer(dialog)
    dialog.open()
    try:
        return await answer.future
    finally:
        answer.end()


class _Answer(QObject):
    """One end for the three ways a dialog can end: answered, destroyed with its parent, given up by who waits."""

    def __init__(self, dialog: QDialog) -> None:
        super().__init__()
        self.future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._dialog: QDialog | None = dialog
        dialog.finished.connect(self._on_finished)
        dialog.destroyed.connect(self._on_destroyed)

    def end(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.finished.disconnect(self._on_finished)
            dialog.destroyed.disconnect(self._on_destroyed)
            dialog.close()
            dialog.deleteLater()

    def _on_finished(self, result: int) -> None:
        self._set(result == QDialog.DialogCode.Accepted)

    def _on_destroyed(self) -> None:
        self._dialog = None
        self._set(False)

    def _set(self, accepted: bool) -> None:
        if not self.future.done():
            self.future.set_result(accepted)


class ConfirmDialog(QDialog):
    """A question before something that cannot be undone: what happens to what, and a button named by the verb.

    The safe answer is the default one and the one Esc gives. `details` are shown below, to be read and copied.
    """

    def __init__(
        self,
        title: str,
        sentence: str,
        verb: str,
        *,
        kind: ButtonKind = "danger",
        details: str = "",
        icon_name: str = "warning",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(sentence)
        colour: ColourName = "failed" if kind == "danger" else "accent_text"
        texts = QVBoxLayout()
        texts.setSpacing(space(2))
        for label in (TextLabel(title, "title"), TextLabel(sentence)):
            label.setMinimumWidth(space(90))
            texts.addWidget(label)
        if details:
            texts.addWidget(_details(details))
        top = QHBoxLayout()
        top.setSpacing(space(4))
        top.addWidget(IconLabel(icon_name, colour, units=7), 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(texts, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(space(2))
        if details:
            self._buttons.addWidget(CopyButton(self.tr("Copy details"), details))
        self._buttons.addStretch(1)
        refuse = push_button(self.tr("Cancel"))
        confirm = push_button(verb, kind)
        refuse.clicked.connect(self.reject)
        confirm.clicked.connect(self.accept)
        self._buttons.addWidget(refuse)
        self._buttons.addWidget(confirm)
        column = QVBoxLayout(self)
        column.setContentsMargins(space(5), space(5), space(5), space(4))
        column.setSpacing(space(5))
        column.addLayout(top)
        column.addLayout(self._buttons)
        refuse.setDefault(True)
        refuse.setFocus()


def _details(details: str) -> QPlainTextEdit:
    box = QPlainTextEdit(details[:100_000])
    box.setReadOnly(True)
    box.setTabChangesFocus(True)
    box.setProperty("kind", "field")
    box.setAccessibleName(QCoreApplication.translate("Dialogs", "Details"))
    set_font(box, "mono")
    lines = min(12, max(3, details.count("\n") + 1))
    box.setFixedHeight(QFontMetrics(box.font()).lineSpacing() * lines + space(6))
    return box


async def confirm(parent: QWidget | None, title: str, sentence: str, verb: str, *, details: str = "") -> bool:
    """`await confirm(self, "Destroy box-1?", "Its disk is deleted. …", "Destroy")`."""
    return await ask(ConfirmDialog(title, sentence, verb, details=details, parent=parent))


async def choose_file(
    parent: QWidget | None, title: str, filters: tuple[str, ...] = (), *, suggested: str = "", save: bool = False
) -> str | None:
    """The path of a file to open, or with `save` to write; None when the person changed their mind."""
    dialog = QFileDialog(parent, title)
    if save:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    else:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    if filters:
        dialog.setNameFilters(filters)
    if suggested:
        dialog.selectFile(suggested)
    chosen: list[str] = []
    dialog.fileSelected.connect(chosen.append)
    return chosen[0] if await ask(dialog) and chosen else None
