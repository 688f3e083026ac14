"""What can be done with a run: the same actions for the page's buttons, its menu, and the window's menu bar."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QWidget

from vastdesk.domain.views import RunView
from vastdesk.ui.kit import ButtonKind, plain_tooltip, push_button
from vastdesk.ui.run.words import has_failures
from vastdesk.ui.theme import icon


class RunActions(QObject):
    """`update(view)` enables what makes sense; the others say why not, in their tooltips."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._told: object = None
        self.cancel = self._make(self.tr("&Cancel the run"), "stop", self.tr("End the run on the machine"))
        self.resume = self._make(self.tr("Re&sume"), "resume", self.tr("Go on at the first unfinished step"))
        self.retry_failed = self._make(
            self.tr("Retry &failed"), "retry", self.tr("A new run of only what failed or never ended")
        )
        self.retry_all = self._make(self.tr("Retry &all"), "retry", self.tr("A new run of the whole workflow"))
        self.copy = self._make(
            self.tr("Copy &details"), "copy", self.tr("The run, its steps and all that failed, as text")
        )

    def all(self) -> tuple[QAction, ...]:
        """In the order of a menu."""
        return (self.cancel, self.resume, self.retry_failed, self.retry_all, self.copy)

    def update(self, view: RunView | None, *, removed: bool = False, busy: bool = False) -> None:
        """`removed`: its machine is no longer saved; `busy`: a command is under way."""
        why = self._reasons(view, removed)
        of = (why, busy)
        if of == self._told:
            return
        self._told = of
        for action in self.all():
            reason = why.get(action, "")
            if busy and action is not self.copy:
                reason = reason or self.tr("One moment: the last command is being carried out.")
            action.setEnabled(not reason)
            told = reason or str(action.data())
            action.setToolTip(plain_tooltip(told))
            action.setStatusTip(told)
        self.changed.emit()

    def _reasons(self, view: RunView | None, removed: bool) -> dict[QAction, str]:
        """Why an action is not possible."""
        if view is None:
            return dict.fromkeys(self.all(), self.tr("No run is open."))
        again = (self.resume, self.retry_failed, self.retry_all)
        if not view.is_final:
            reasons = dict.fromkeys(again, self.tr("The run is still on: wait for its end, or cancel it."))
            if view.state == "cancelling":
                reasons[self.cancel] = self.tr("It is being cancelled already.")
            return reasons
        reasons = {self.cancel: self.tr("The run has ended.")}
        if removed:
            return reasons | dict.fromkeys(again, self.tr("Its machine was removed."))
        if view.state == "succeeded":
            reasons[self.resume] = self.tr("All steps are done: there is nothing to resume.")
        if not has_failures(view):
            reasons[self.retry_failed] = self.tr("Nothing failed.")
        return reasons

    def _make(self, text: str, icon_name: str, told: str) -> QAction:
        action = QAction(icon(icon_name, "muted"), text, self)
        action.setData(told)
        action.setEnabled(False)
        return action


def action_button(
    action: QAction, kind: ButtonKind = "normal", icon_name: str = "", parent: QWidget | None = None
) -> QPushButton:
    """A button for an action: enabled with it, with the same reason in its tooltip."""
    button = push_button(action.text(), kind, icon_name, parent)

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setToolTip(action.toolTip())
        button.setAccessibleDescription(action.statusTip())

    button.clicked.connect(action.trigger)
    action.changed.connect(follow)  # the action belongs to the page as the button does
    follow()
    return button
