"""How the run stands, in plain words, with what can be done about it. Not there while it simply runs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from vastdesk.domain.sentences import display_text, run_sentence
from vastdesk.domain.views import RunView
from vastdesk.ui.kit import IconLabel, TextLabel, announce, push_button, state_look
from vastdesk.ui.run.actions import RunActions, action_button
from vastdesk.ui.run.hostkey import HostKeyPanel
from vastdesk.ui.run.words import has_failures, hint
from vastdesk.ui.theme import set_font, space

_KINDS = {"failed": "error", "lost": "error", "interrupted": "warning", "blocked": "warning", "reconnecting": "warning"}
TAIL_LINES = 20


class SituationCard(QFrame):
    """`show_view(view)`: the sentence, what it means, and buttons for this state, the likeliest first."""

    trusted = Signal(str)

    def __init__(self, actions: RunActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._said: tuple[str, str] = ("", "")
        self._put_off = ""
        self._icon = IconLabel("info", units=5)
        self._sentence = TextLabel(role="strong")
        self._hint = TextLabel(kind="muted")
        self._tail = _tail_box(self.tr("Last output of the lost work"))
        self._key = HostKeyPanel()
        self._key.trusted.connect(self.trusted)
        self._key.put_off.connect(self._on_put_off)
        self._look = push_button(self.tr("&Look at the key"), "normal", "key")
        self._look.clicked.connect(self._on_look)
        buttons = QHBoxLayout()
        buttons.setSpacing(space(2))
        self._buttons = {
            actions.resume: action_button(actions.resume, "primary", "resume"),
            actions.retry_failed: action_button(actions.retry_failed, "normal", "retry"),
            actions.retry_all: action_button(actions.retry_all),
            actions.copy: action_button(actions.copy, "quiet", "copy"),
        }
        buttons.addWidget(self._look)
        for button in self._buttons.values():
            buttons.addWidget(button)
        buttons.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(space(1))
        for widget in (self._sentence, self._hint):
            words.addWidget(widget)
        words.addWidget(self._key)
        words.addWidget(self._tail)
        words.addSpacing(space(1))
        words.addLayout(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(space(3), space(2.5), space(3), space(2.5))
        row.setSpacing(space(3))
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    def show_view(self, view: RunView) -> None:
        self.setVisible(view.state != "running")
        if view.state == "running":
            self._said = ("", "")
            return
        sentence = run_sentence(view)
        blocked = view.state == "blocked"
        key = str((view.block or {}).get("fingerprint", "")) if blocked else ""
        asks = blocked and bool(key) and key != self._put_off
        look = state_look(view.state)
        self._icon.set_icon(look.icon, look.colour)
        self._sentence.setText(sentence)
        self._set_hint(hint(view))
        self._key.setVisible(asks)
        if asks:
            self._key.show_block(view)
        self._look.setVisible(blocked and bool(key) and not asks)
        self._show_tail(view)
        for action, button in self._buttons.items():
            button.setVisible(action in self._wanted(view))
        self._set_kind(_KINDS.get(view.state, "card"))
        if (view.state, sentence) != self._said:
            self._said = (view.state, sentence)
            self.setAccessibleName(sentence)
            if self.isVisible():
                announce(self, sentence)

    def set_busy(self, busy: bool) -> None:
        """A decision is being carried out."""
        self._key.set_busy(busy)

    def _wanted(self, view: RunView) -> tuple[QAction, ...]:
        """The next actions of a state. Whatever else is possible is in the menu."""
        actions = self._actions
        match view.state:
            case "succeeded":
                return (actions.retry_failed,) if has_failures(view) else ()
            case "failed":
                return (actions.resume, actions.retry_failed, actions.copy)
            case "lost":
                return (actions.resume, actions.retry_all, actions.copy)
            case "interrupted" | "cancelled":
                return (actions.resume, actions.retry_all)
            case "blocked":
                return (actions.copy,) if not view.block else ()
        return ()

    def _set_hint(self, words: str) -> None:
        self._hint.setText(words)
        self._hint.setVisible(bool(words))

    def _show_tail(self, view: RunView) -> None:
        lines = [display_text(line, 500) for line in view.tail[-TAIL_LINES:]] if view.state == "lost" else []
        self._tail.setVisible(bool(lines))
        self._tail.setFixedHeight(self._tail.fontMetrics().lineSpacing() * min(len(lines), 6) + space(5))
        text = "\n".join(lines)
        if text != self._tail.toPlainText():
            self._tail.setPlainText(text)
            self._tail.verticalScrollBar().setValue(self._tail.verticalScrollBar().maximum())

    def _set_kind(self, kind: str) -> None:
        if self.property("kind") != kind:
            self.setProperty("kind", kind)
            self.style().unpolish(self)
            self.style().polish(self)

    def _on_put_off(self) -> None:
        self._put_off = self._key.fingerprint
        self._key.hide()
        self._look.show()
        self._look.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_look(self) -> None:
        self._put_off = ""
        self._look.hide()
        self._key.show()


def _tail_box(name: str) -> QPlainTextEdit:
    box = QPlainTextEdit()
    box.setReadOnly(True)
    box.setTabChangesFocus(True)
    box.setProperty("kind", "field")
    box.setAccessibleName(name)
    box.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    set_font(box, "mono")
    return box
