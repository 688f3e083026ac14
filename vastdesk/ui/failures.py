"""A command was refused or failed: the sentence and the next action of the error, shown in the page it belongs to.

The domain's words are also the command line's. Where they name a command, the window says what to do in it instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

import vastdesk
from vastdesk.domain.errors import KINDS, VastDeskError
from vastdesk.ui.kit.banner import Banner, BannerKind

_ACTIONS: dict[str, object] = {
    "bad_workflow": QT_TRANSLATE_NOOP("Errors", "Correct the file; every problem is named with its line."),
    "bad_choice": "",
    "no_workflow": QT_TRANSLATE_NOOP("Errors", "Choose one from the list, or import a file."),
    "bad_setting": "",
    "no_setting": "",
    "run_ended": QT_TRANSLATE_NOOP("Errors", "There is nothing to cancel; run it again if you want to."),
    "nothing_to_resume": QT_TRANSLATE_NOOP("Errors", "Run its workflow again if you want to."),
    "nothing_failed": QT_TRANSLATE_NOOP("Errors", "Run its whole workflow again if you want to."),
    "instance_busy": QT_TRANSLATE_NOOP("Errors", "Follow it, cancel it, or run yours next."),
    "no_run": QT_TRANSLATE_NOOP("Errors", "It was removed from the history meanwhile."),
    "run_differs": QT_TRANSLATE_NOOP("Errors", "Start it again."),
    "no_instance": QT_TRANSLATE_NOOP("Errors", "It was removed meanwhile."),
    "no_identity": QT_TRANSLATE_NOOP("Errors", "Choose another key."),
    "store_readonly": QT_TRANSLATE_NOOP("Errors", "Make the folder writable, then try again."),
    "store_newer": QT_TRANSLATE_NOOP("Errors", "Install the newer version again, or choose another data folder."),
    "keyring_null": QT_TRANSLATE_NOOP("Errors", "Choose a real one in your desktop's settings."),
    "host_key_unknown": QT_TRANSLATE_NOOP("Errors", "If this is your machine, compare its key and trust it."),
    "host_key_changed": QT_TRANSLATE_NOOP(
        "Errors", "If you set the machine up anew, compare the new key. If not, somebody else may be answering: stop."
    ),
    "key_missing": QT_TRANSLATE_NOOP("Errors", "Choose another key for the machine, or import a key file."),
    "practice_unavailable": QT_TRANSLATE_NOOP("Errors", "Add a machine of your own instead."),
    "practice_busy": QT_TRANSLATE_NOOP("Errors", "Close the other one first."),
    "practice_folder": QT_TRANSLATE_NOOP("Errors", "Move them away, then try again."),
    "practice_failed": QT_TRANSLATE_NOOP("Errors", "Try again."),
}
"""By kind, where the domain's action is for a terminal."""


class Told(NamedTuple):
    """An error in the words of the window. `details` is for copying."""

    sentence: str
    action: str
    details: str

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.action}".strip()


def told(error: VastDeskError) -> Told:
    """Sentence and action, translated, each beginning with a capital and ending with a full stop."""
    sentence = _filled(KINDS[error.kind].sentence, error)
    action = _filled(str(_ACTIONS.get(error.kind, KINDS[error.kind].action)), error)
    details = "\n".join(
        (
            f"VastDesk {vastdesk.__version__}",
            f"{error.kind}: {error.sentence}",
            *(f"{name}: {value}" for name, value in sorted(error.facts.items())),
        )
    )
    return Told(_as_sentence(sentence), _as_sentence(action), details)


def _filled(template: str, error: VastDeskError) -> str:
    translated = QCoreApplication.translate("Errors", template) if template else ""
    return translated.format(**error.facts)


def _as_sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".:;!?" else ".")


class FailurePlace(QWidget):
    """Where a page tells what went wrong: takes no room until then. One message at a time, the newest."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._banner: Banner | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    @property
    def banner(self) -> Banner | None:
        """What is shown now."""
        return self._banner

    def show_error(self, error: VastDeskError, *actions: tuple[str, Callable[[], object]]) -> None:
        """`actions` are (button text, slot), the likeliest first; copying comes by itself."""
        words = told(error)
        banner = self.show_message("error", words.text, *actions)
        banner.add_action(self.tr("Copy details"), partial(_copy, words.details))

    def show_message(self, kind: BannerKind, text: str, *actions: tuple[str, Callable[[], object]]) -> Banner:
        """Another message in the same place."""
        self.clear()
        banner = Banner(kind, text, closable=True)
        for label, slot in actions:
            banner.add_action(label, slot)
        banner.dismissed.connect(self.clear)
        self._banner = banner
        self._column.addWidget(banner)
        self.show()
        return banner

    def clear(self) -> None:
        """What was told is over."""
        banner, self._banner = self._banner, None
        if banner is not None:
            banner.hide()
            self._column.removeWidget(banner)
            banner.deleteLater()
        self.hide()


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
