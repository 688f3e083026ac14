"""Workflows by name: shipped ones, the user's own in the data folder, or any YAML file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.suggestions import did_you_mean
from vastdesk.domain.workflow import Catalogue, Workflow, load_workflow
from vastdesk.store.resources import resource_path

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1 << 20
_NAME_LINE = re.compile(r"^name:[ \t]*(.+?)[ \t]*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A file that may hold a workflow; `shipped`: it came with VastDesk."""

    path: Path
    shipped: bool

    @property
    def stem(self) -> str:
        return self.path.stem

    def read(self) -> bytes:
        """Raises VastDeskError("unreadable_workflow")."""
        try:
            if self.path.stat().st_size > MAX_BYTES:
                raise VastDeskError("unreadable_workflow", path=self.path, detail="it is larger than 1 MiB")
            return self.path.read_bytes()
        except OSError as error:
            detail = error.strerror or str(error)
            raise VastDeskError("unreadable_workflow", path=self.path, detail=detail) from error

    def name(self) -> str:
        """The name written in the file, its stem when there is none: also of files that are not right otherwise."""
        try:
            text = self.read().decode("utf-8", "replace")
        except VastDeskError:
            return self.stem
        found = _NAME_LINE.search(text)
        return found.group(1).strip("'\"") if found else self.stem

    def load(self, catalogue: Catalogue, step_delay_s: float) -> Workflow:
        """Raises BadWorkflow with every problem."""
        return load_workflow(self.read(), str(self.path), catalogue, step_delay_s=step_delay_s)


def workflow_files(data_dir: Path) -> list[WorkflowFile]:
    """The user's own first, then the shipped ones, each by name of the file."""
    return [*_listed(data_dir / "workflows", shipped=False), *_listed(resource_path("workflows"), shipped=True)]


def _listed(folder: Path, *, shipped: bool) -> Iterator[WorkflowFile]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:
        return
    for path in paths:
        yield WorkflowFile(path, shipped)


def find_workflow(text: str, data_dir: Path) -> WorkflowFile:
    """By file when it looks like one, else by the file's stem or the workflow's name, whatever the case, blanks and
    dashes; one's own before a shipped one. Raises VastDeskError("no_workflow")."""
    path = Path(text).expanduser()
    looks_like_file = path.suffix.lower() in SUFFIXES or "/" in text or "\\" in text
    if looks_like_file and path.is_file():
        return WorkflowFile(path, shipped=False)
    files = workflow_files(data_dir)
    wanted = _folded(text)
    by_stem = (file for file in files if wanted in (_folded(file.stem), _folded(file.path.name)))
    by_name = (file for file in files if wanted == _folded(file.name()))
    found = next(by_stem, None) or next(by_name, None)
    if found is not None:
        return found
    if path.is_file():
        return WorkflowFile(path, shipped=False)
    known = [name for file in files for name in (file.stem, file.name())]
    raise VastDeskError("no_workflow", workflow=text, hint=did_you_mean(text, known))


def _folded(text: str) -> str:
    return re.sub(r"[-_\s]+", "", text.casefold())
