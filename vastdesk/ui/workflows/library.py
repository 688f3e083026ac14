"""The workflows there are, and the changes not saved yet: those of each file are kept while the page lives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.workflow import Catalogue, Workflow
from vastdesk.ui.workflows.saving import free_name
from vastdesk.ui.workflows.steps import DraftStep
from vastdesk.workers import desk
from vastdesk.workers.bridge import Bridge
from vastdesk.workers.desk import ListedWorkflow
from vastdesk.workers.original_files import OriginalConfig, OriginalTemplate


@dataclass(frozen=True, slots=True)
class Draft:
    """A workflow while it is edited. `delay` as it stands in its field."""

    steps: tuple[DraftStep, ...]
    delay: object


def draft_of(workflow: Workflow) -> Draft:
    return Draft(tuple(DraftStep(use) for use in workflow.steps), workflow.step_delay_s)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: a saved workflow, or (of the original tool's configuration) values that were taken over."""

    path: str | None
    name: str = ""
    left_out: tuple[str, ...] = ()
    config: OriginalConfig | None = None


class Library(QObject):
    """`changed`: the list, or which one is chosen, or that it is edited."""

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._drafts: dict[str, Draft] = {}
        self.catalogue: Catalogue = {}
        self.listed: tuple[ListedWorkflow, ...] = ()
        self.path = ""
        """Of the chosen one."""

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def current(self) -> ListedWorkflow | None:
        return next((each for each in self.listed if str(each.file.path) == self.path), None)

    @property
    def edited(self) -> frozenset[str]:
        return frozenset(self._drafts)

    @property
    def own_names(self) -> tuple[str, ...]:
        """Of the user's own, and of their files: neither may be overwritten unasked."""
        own = [each for each in self.listed if not each.file.shipped]
        return (*(each.name for each in own), *(each.file.stem for each in own))

    async def refresh(self, choose: str = "") -> None:
        """Reads all files. `choose` is the path to choose; the choice stays otherwise, else the first usable one."""
        self.listed = tuple(await self._bridge.call(desk.survey_workflows))
        paths = [str(each.file.path) for each in self.listed]
        if choose in paths:
            self.path = choose
        if self.path not in paths:
            usable = [str(each.file.path) for each in self.listed if each.workflow is not None]
            self.path = next(iter(usable or paths), "")
        for gone in self._drafts.keys() - set(paths):
            del self._drafts[gone]
        self.changed.emit()

    def choose(self, path: str) -> None:
        self.path = path
        self.changed.emit()

    # -- the draft -----------------------------------------------------------------------------------------------------

    def draft(self) -> Draft | None:
        """Of the chosen workflow: as edited, else as saved. None: it cannot be used."""
        current = self.current
        if current is None or current.workflow is None:
            return None
        return self._drafts.get(self.path) or draft_of(current.workflow)

    def edit(self, draft: Draft) -> None:
        """Remembers it; the draft that equals the file is no change."""
        current = self.current
        if current is None or current.workflow is None:
            return
        was = self.path in self._drafts
        if draft == draft_of(current.workflow):
            self._drafts.pop(self.path, None)
        else:
            self._drafts[self.path] = draft
        if was != (self.path in self._drafts):
            self.changed.emit()

    def revert(self) -> None:
        """Back to what is saved."""
        self._drafts.pop(self.path, None)
        self.changed.emit()

    def workflow_of(self, draft: Draft, delay_s: float) -> Workflow | None:
        """What runs and what is saved."""
        current = self.current
        if current is None or current.workflow is None:
            return None
        return replace(current.workflow, steps=tuple(step.use for step in draft.steps), step_delay_s=delay_s)

    # -- files ---------------------------------------------------------------------------------------------------------

    async def save(self, workflow: Workflow) -> None:
        """Over the user's own file that is chosen."""
        path = self.path
        await self._bridge.call(lambda engine: desk.save_workflow(engine, workflow, Path(path)))
        self._drafts.pop(path, None)
        await self.refresh(path)

    async def save_as(self, workflow: Workflow, name: str, description: str) -> None:
        """Among the user's own; one of that name is replaced. The changes go with it: the file they were made on is as
        it was."""
        before = self.path
        named = replace(workflow, name=name, description=description)
        same = next((each.file.path for each in self._own() if each.name == name), None)
        saved = await self._bridge.call(lambda engine: desk.save_workflow(engine, named, same))
        self._drafts.pop(before, None)
        self._drafts.pop(str(saved), None)
        await self.refresh(str(saved))

    async def duplicate(self, workflow: Workflow) -> None:
        """As one of the user's own, under a name nobody has."""
        await self._add(replace(workflow, name=free_name(workflow.name, self.own_names)))

    async def delete(self) -> tuple[ListedWorkflow, bytes] | None:
        """Removes the chosen one, if it is the user's own; what `restore` needs."""
        current = self.current
        if current is None or current.file.shipped:
            return None
        held = await self._bridge.call(lambda engine: desk.delete_workflow(engine, current.file))
        await self.refresh()
        return current, held

    async def restore(self, removed: ListedWorkflow, held: bytes) -> None:
        await self._bridge.call(lambda engine: desk.restore_workflow(engine, removed.file, held))
        await self.refresh(str(removed.file.path))

    async def import_file(self, path: str) -> Imported:
        """Raises BadWorkflow with every problem, and what reading and writing raise."""
        read = await self._bridge.call(lambda engine: desk.load_workflow_file(engine, Path(path)))
        if isinstance(read, OriginalConfig):
            await self._take_over(read)
            return Imported(None, config=read, left_out=read.left_out)
        workflow, left_out = (read.workflow, read.left_out) if isinstance(read, OriginalTemplate) else (read, ())
        named = replace(workflow, name=free_name(workflow.name, self.own_names))
        return Imported(await self._add(named), named.name, left_out)

    async def export(self, workflow: Workflow, path: str) -> None:
        await self._bridge.call(lambda engine: desk.save_workflow(engine, workflow, Path(path)))

    async def _add(self, workflow: Workflow) -> str:
        saved = str(await self._bridge.call(lambda engine: desk.save_workflow(engine, workflow)))
        await self.refresh(saved)
        return saved

    async def _take_over(self, config: OriginalConfig) -> None:
        """The pause becomes the setting, and that of the chosen workflow; the folder goes to its `set_ui_home`."""
        delay = config.step_delay_s
        if delay is not None:
            await self._bridge.call(lambda engine: desk.change_setting(engine, "step_delay", f"{delay:g}"))
        draft = self.draft()
        if draft is not None:
            steps = tuple(_with_folder(step, config.comfyui, self.catalogue) for step in draft.steps)
            self.edit(Draft(steps, draft.delay if delay is None else delay))
            self.changed.emit()

    def _own(self) -> Iterable[ListedWorkflow]:
        return (each for each in self.listed if not each.file.shipped)


def _with_folder(step: DraftStep, folder: str | None, catalogue: Catalogue) -> DraftStep:
    if folder is None or step.use.use != "set_ui_home" or step.problem:
        return step
    values, wrong = catalogue[step.use.use].check({**step.use.params, "path": folder})
    return step if wrong else DraftStep(replace(step.use, params=values))
