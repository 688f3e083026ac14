"""Dialogs that are awaited: other tasks go on meanwhile, and every way out gives an answer."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QPushButton, QWidget

from vastdesk.ui.kit import ConfirmDialog, CopyButton, ask, choose_file, confirm

pytestmark = pytest.mark.usefixtures("theme")


async def opened(kind: type[QDialog]) -> QDialog:
    """The dialog, once it is there."""
    while True:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, kind) and widget.isVisible():
                return widget
        await asyncio.sleep(0.01)


def button(dialog: QDialog, text: str) -> QPushButton:
    return next(found for found in dialog.findChildren(QPushButton) if found.text() == text)


async def asked(parent: QWidget | None = None) -> asyncio.Task[bool]:
    return asyncio.get_running_loop().create_task(confirm(parent, "Destroy box-1?", "Its disk goes.", "Destroy"))


@pytest.mark.parametrize(("verb", "answer"), [("Destroy", True), ("Cancel", False)])
async def test_the_answer_is_awaited_and_others_go_on(verb, answer):
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.005)

    ticking = asyncio.get_running_loop().create_task(tick())
    asking = await asked()
    dialog = await opened(ConfirmDialog)
    before = len(ticks)
    await asyncio.sleep(0.1)
    assert len(ticks) > before + 3, "a dialog stops nobody else"
    button(dialog, verb).click()
    assert await asking is answer
    ticking.cancel()


async def test_the_safe_answer_is_the_easy_one():
    asking = await asked()
    dialog = await opened(ConfirmDialog)
    assert button(dialog, "Cancel").isDefault()
    assert not button(dialog, "Destroy").isDefault()
    assert dialog.accessibleName() == "Destroy box-1?"
    dialog.reject()  # what Esc does
    assert await asking is False


async def test_who_waits_may_give_up():
    asking = await asked()
    await opened(ConfirmDialog)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]


async def test_the_window_may_close_under_it():
    window = QWidget()
    window.show()
    asking = await asked(window)
    await opened(ConfirmDialog)
    window.deleteLater()
    del window
    assert await asking is False


async def test_details_can_be_copied():
    dialog = ConfirmDialog("Title", "Sentence", "Go", details="the <b>details</b>")
    asking = asyncio.get_running_loop().create_task(ask(dialog))
    await opened(ConfirmDialog)
    dialog.findChild(CopyButton).copy()
    assert QApplication.clipboard().text() == "the <b>details</b>"
    dialog.accept()
    assert await asking is True


@pytest.mark.parametrize("save", [True, False])
async def test_a_file_is_chosen_or_not(tmp_path, save):
    chosen = tmp_path / "workflow.yaml"
    chosen.write_text("x")
    loop = asyncio.get_running_loop()
    asking = loop.create_task(choose_file(None, "Choose", ("Workflows (*.yaml)",), suggested="a.yaml", save=save))
    dialog = await opened(QFileDialog)
    assert (dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave) is save
    dialog.fileSelected.emit(str(chosen))
    dialog.done(QDialog.DialogCode.Accepted)
    assert await asking == str(chosen)
    asking = loop.create_task(choose_file(None, "Choose"))
    dialog = await opened(QFileDialog)
    dialog.reject()
    assert await asking is None


async def test_a_dialog_is_modal_to_its_window_only():
    asking = await asked()
    dialog = await opened(ConfirmDialog)
    assert dialog.windowModality() != Qt.WindowModality.ApplicationModal or dialog.parent() is None
    dialog.reject()
    await asking
