"""Turns what a workflow says about node lists (`default`, a CSV file, `git+URL`) into what the instance needs: CSV
text, or the repository to read it from. Done when a run is asked for: a bad list is refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.remote.runner.steps import all_steps
from vastdesk.store.resources import resource_path

MAX_LIST_BYTES = 1 << 20


def resolve_node_lists(workflow: Workflow) -> Workflow:
    """The workflow with every node list in place; already resolved ones stay as they are. Raises VastDeskError
    ("bad_node_list")."""
    kinds = {step.name: {param.name for param in step.params if param.type == "node_list"} for step in all_steps()}
    return replace(workflow, steps=tuple(_resolve(use, kinds.get(use.use, set())) for use in workflow.steps))


def _resolve(use: StepUse, names: set[str]) -> StepUse:
    if not use.enabled or use.params.get("source") == "repository":
        return use
    params: dict[str, Any] = dict(use.params)
    for name in names:
        value = str(params.get(name) or "default")
        if value.startswith("git+"):
            params |= {name: "default", "source": "repository", "repository": value.removeprefix("git+")}
        else:
            params[name] = node_list_text(value)
    return replace(use, params=params)


def node_list_text(value: str) -> str:
    """CSV text from `default`, the path of a file on this computer, or CSV text itself."""
    if "\n" in value or value.startswith("Name,"):
        return value
    path = resource_path("nodes", "default.csv") if value == "default" else Path(value).expanduser()
    # Not `splitlines`: that also ends a row at characters a hostile name may hold, and the line numbers would be wrong.
    text = _read(path).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise VastDeskError("bad_node_list", path=path, detail="it is empty")
    columns = [cell.strip().strip('"').lower() for cell in lines[0].split(",")]
    if columns[:2] != ["name", "repourl"]:
        raise VastDeskError(
            "bad_node_list", path=path, detail="its first line is not Name,RepoUrl,Subfolder,RequirementsFile"
        )
    return text if text.endswith("\n") else text + "\n"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise VastDeskError("bad_node_list", path=path, detail=error.strerror or str(error)) from error
    if len(data) > MAX_LIST_BYTES:
        raise VastDeskError("bad_node_list", path=path, detail="it is larger than 1 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VastDeskError("bad_node_list", path=path, detail="it is not UTF-8 text") from error
