"""The head of the page: what runs where, how far it is, and what can be done with it."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QToolButton, QVBoxLayout, QWidget

from vastdesk.domain.sentences import display_text, format_duration
from vastdesk.domain.views import RunView
from vastdesk.ui.kit import ElidedLabel, StateBadge, TextLabel, icon_button
from vastdesk.ui.run.actions import RunActions, action_button
from vastdesk.ui.run.words import position, remaining
from vastdesk.ui.theme import space

_DOT = "  ·  "


class RunHeader(QWidget):
    """`show_view(view, now_ts, step_elapsed_s)`; again each second, for the clocks."""

    def __init__(self, actions: RunActions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ElidedLabel(mode=Qt.TextElideMode.ElideRight, role="headline")
        self._badge = StateBadge()
        self._facts = TextLabel(kind="muted")
        self._facts.setWordWrap(False)
        self._bar = QProgressBar()
        self._bar.setProperty("kind", "bar")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress of the run"))
        self._cancel = action_button(actions.cancel, icon_name="stop")
        self._cancel.setText(self.tr("&Cancel"))
        top = QHBoxLayout()
        top.setSpacing(space(3))
        top.addWidget(self._title)
        top.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addStretch(1)
        top.addWidget(self._cancel)
        top.addWidget(self._make_menu(actions))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space(1))
        column.addLayout(top)
        column.addWidget(self._facts)
        column.addSpacing(space(1))
        column.addWidget(self._bar)

    def show_view(self, view: RunView, instance: str, now_ts: float, step_elapsed_s: float | None) -> None:
        """`instance`: the name it has now; `now_ts`: this computer's clock, which also wrote `started_ts`."""
        self._title.setText(view.workflow or self.tr("Run"))
        self._badge.set_state(view.state)
        self._facts.setText(_DOT.join(self._fact_words(view, instance, now_ts, step_elapsed_s)))
        percent = 100.0 if view.state == "succeeded" else view.progress_percent
        self._bar.setValue(round(percent * 10))
        self._bar.setVisible(view.state != "succeeded")
        self._cancel.setVisible(not view.is_final)
        self.setAccessibleName(self._title.text())

    def _fact_words(self, view: RunView, instance: str, now_ts: float, step_elapsed_s: float | None) -> list[str]:
        elapsed = view.elapsed_s
        if view.is_running and view.started_ts is not None:
            elapsed = max(0.0, now_ts - view.started_ts)
        words = [self.tr("on {instance}").format(instance=display_text(instance, 80) or "–"), position(view)]
        if view.started_ts is not None:
            when = datetime.fromtimestamp(view.started_ts).astimezone()
            words.append(self.tr("started {time}").format(time=when.strftime("%Y-%m-%d %H:%M")))
        if elapsed is not None:
            word = self.tr("took {time}") if view.is_final else self.tr("{time} so far")
            words.append(word.format(time=format_duration(elapsed)))
        words.append(remaining(view, step_elapsed_s))
        return [word for word in words if word]

    def _make_menu(self, actions: RunActions) -> QToolButton:
        button = icon_button("more", self.tr("All that can be done with this run"))
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.addActions(actions.all())
        menu.insertSeparator(actions.copy)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button
