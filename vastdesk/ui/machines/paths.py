"""Where ComfyUI and its Python are on a machine: found by itself as a rule, and written down where it is not."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.ui.failures import FailurePlace
from vastdesk.ui.kit import Field, FormView, SectionHeader, TextLabel
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.forms import Param, check_value


class PathsCard(QFrame):
    """Saves a path when one leaves its field; empty: what is found on the machine."""

    def __init__(self, state: State, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self._state = state
        self._bridge = bridge
        self._instance: Instance | None = None
        self._tasks = ViewTasks(self)
        self._tasks.failed.connect(self._on_failed)
        self._failure = FailurePlace()
        self.header = SectionHeader(self.tr("Paths"))
        self.form = FormView(
            (
                _path("comfyui", self.tr("ComfyUI folder")),
                _path("python", self.tr("Python of ComfyUI")),
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(space(4), space(3), space(4), space(4))
        column.setSpacing(space(2.5))
        column.addWidget(self.header)
        hint = self.tr("Used by all workflows on this machine. Leave empty what VastDesk finds by itself.")
        column.addWidget(TextLabel(hint, kind="muted"))
        column.addWidget(self.form)
        column.addWidget(self._failure)
        for name in self.form.names:
            editor = self.form.editor(name)
            assert isinstance(editor, QLineEdit)
            editor.editingFinished.connect(self._on_edited)
        self.form.changed.connect(self._on_changed)

    def open(self, instance: Instance, comfyui: str = "", python: str = "") -> None:
        """Shows what is stored for this machine; the paths that were found on it stand behind empty fields."""
        same = self._instance is not None and self._instance.id == instance.id
        before = self._instance
        self._instance = instance
        for name, found in (("comfyui", comfyui), ("python", python)):
            editor = self.form.editor(name)
            assert isinstance(editor, QLineEdit)
            editor.setPlaceholderText(found or self.tr("found by itself"))
            stored = instance.profile.get(name)
            unchanged = same and before is not None and before.profile.get(name) == stored
            if not unchanged:  # what is being typed is not taken away by news of something else
                self.form.set_value(name, stored if isinstance(stored, str) else None)
        if not same:
            self.header.set_note("")
            self._failure.clear()

    def _on_changed(self, name: str) -> None:
        self.header.set_note("")

    def _on_edited(self) -> None:
        instance = self._instance
        if instance is None or not self.form.is_valid:
            return
        wished = {name: value for name, value in self.form.values().items() if value}
        known = {name: instance.profile[name] for name in self.form.names if instance.profile.get(name)}
        if wished != known:
            self._failure.clear()
            others = {name: value for name, value in instance.profile.items() if name not in self.form.names}
            self._tasks.restart(self._save(instance, {**others, **wished}), "save")

    async def _save(self, instance: Instance, profile: dict[str, object]) -> None:
        saved = await self._bridge.call(lambda engine: desk.edit_machine(engine, instance.id, profile=profile))
        if self._instance is not None and self._instance.id == saved.id:
            self._instance = saved
            self.header.set_note(self.tr("Saved"))

    def _on_failed(self, error: VastDeskError) -> None:
        self._failure.show_error(error)


def _path(name: str, label: str) -> Field:
    param = Param(name, "path", label)
    return Field(name, "path", label, lambda raw: check_value(param, raw))
