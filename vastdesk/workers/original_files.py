"""Files of the web tool that came before VastDesk: `templates_*.yml` and `config.yaml`. Read, never run.

A template becomes a workflow of our own steps; commands, repositories and packages that it names are not taken over as
commands. What has no counterpart is named, so that nobody believes it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vastdesk.domain.durations import parse_duration
from vastdesk.domain.sentences import display_text
from vastdesk.domain.stepinfo import check_given
from vastdesk.domain.workflow import (
    MAX_STEP_DELAY_S,
    MAX_STEPS,
    VERSION,
    BadWorkflow,
    Catalogue,
    StepUse,
    Workflow,
)
from vastdesk.domain.yamlnodes import Entry, Found, Items, Scalar, read_yaml

_TEMPLATE_KEYS = ("ui_config", "setup_steps")
_CONFIG_KEYS = ("workflow_step_delay", "ui_home_env", "column_headers", "template_hash_id", "model_discovery")

_TYPES = {
    "civitdl_install": "setup_civitdl",
    "civitdl_test": "test_civitdl",
    "set_ui_home": "set_ui_home",
    "browser_agent_install": "install_browser_agent",
}
"""Types of set-up steps, for templates that name no buttons, as the actions that do the same."""


@dataclass(frozen=True, slots=True)
class OriginalTemplate:
    """A template as a workflow. `left_out` are the labels of what VastDesk has no step for."""

    workflow: Workflow
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OriginalConfig:
    """What of a configuration means something here; None: it says nothing of it. `left_out` are the other keys."""

    step_delay_s: float | None
    comfyui: str | None
    left_out: tuple[str, ...]


def read_original(
    text: str | bytes, source: str, catalogue: Catalogue, step_delay_s: float
) -> OriginalTemplate | OriginalConfig | None:
    """None: it is no file of the original tool (or no YAML at all). Raises BadWorkflow with every problem."""
    found = Found(source)
    root = read_yaml(text, found)
    if not isinstance(root, Items) or not root.is_mapping or root.get("steps") is not None:
        return None
    read: Callable[[], OriginalTemplate | OriginalConfig]
    if any(root.get(key) is not None for key in _TEMPLATE_KEYS):
        read = _Template(root, catalogue, step_delay_s, found).read
    elif any(root.get(key) is not None for key in _CONFIG_KEYS):
        read = _Config(root, catalogue, found).read
    else:
        return None
    result = read()
    if found.problems:
        raise BadWorkflow(source, found.problems)
    return result


class _Template:
    """The buttons in their order are the steps; without buttons the set-up steps are."""

    def __init__(self, root: Items, catalogue: Catalogue, step_delay_s: float, found: Found) -> None:
        self._root = root
        self._catalogue = catalogue
        self._delay_s = step_delay_s
        self._found = found

    def read(self) -> OriginalTemplate:
        wanted = list(self._buttons()) or list(self._setup_steps())
        known = [(action, entry) for action, _, entry in wanted if action in self._catalogue]
        if not known:
            self._found.add(self._root.line, "it names no step that VastDesk has")
        if len(known) > MAX_STEPS:
            self._found.add(self._root.line, f"a workflow has at most {MAX_STEPS} steps, not {len(known)}")
            known = []
        workflow = Workflow(
            name=_text(self._root.get("name")) or "Imported",
            description=_text(self._root.get("description")),
            version=VERSION,
            step_delay_s=self._delay_s,
            steps=tuple(self._step(at, action, known) for at, (action, _) in enumerate(known)),
        )
        return OriginalTemplate(workflow, tuple(label for action, label, _ in wanted if action not in self._catalogue))

    def _buttons(self) -> Iterator[tuple[str, str, Entry]]:
        """(action, label, where)"""
        for entry in _mappings(_at(self._root, "ui_config", "setup_buttons")):
            action = _text(entry.get("action"))
            yield action, _label(entry.get("label")) or action, entry

    def _setup_steps(self) -> Iterator[tuple[str, str, Entry]]:
        for entry in _mappings(self._root.get("setup_steps")):
            kind = _text(entry.get("type"))
            label = _label(entry.get("name")) or kind
            action = "install_custom_nodes" if _auto_installer(entry) else _TYPES.get(kind, kind)
            yield action, label, entry

    def _step(self, at: int, action: str, known: list[tuple[str, Entry]]) -> StepUse:
        info = self._catalogue[action]
        earlier = sum(before == action for before, _ in known[:at])
        given, line = self._given(action)
        values, wrong = check_given(info, given)
        for problem in wrong:
            self._found.add(line, f"{problem.param} {problem.message}")
        id = action if not earlier else f"{action}-{earlier + 1}"
        return StepUse(id, action, info.title, info.where, MappingProxyType(values), limit_s=info.limit_s)

    def _given(self, action: str) -> tuple[dict[str, Any], int]:
        """What the template says elsewhere about this step, and in which line."""
        if action == "set_ui_home":
            entry = _at(self._root, "environment", "ui_home")
            path = _folder(entry)
            return ({"path": path} if path else {}), (entry or self._root).line
        if action == "install_custom_nodes":
            for entry in _mappings(self._root.get("setup_steps")):
                if _auto_installer(entry):
                    repository = entry["repository"]
                    return {"source": "repository", "repository": _text(repository)}, repository.line
        return {}, self._root.line


class _Config:
    """Columns, offers and keys of the web page have no meaning in a workflow; the pause and the folder do."""

    def __init__(self, root: Items, catalogue: Catalogue, found: Found) -> None:
        self._root = root
        self._catalogue = catalogue
        self._found = found

    def read(self) -> OriginalConfig:
        taken = ("workflow_step_delay", "ui_home_env")
        return OriginalConfig(
            step_delay_s=self._delay(),
            comfyui=self._comfyui(),
            left_out=tuple(display_text(key, 80) for key, _ in self._root.items if key not in taken),
        )

    def _delay(self) -> float | None:
        entry = self._root.get("workflow_step_delay")
        if entry is None:
            return None
        try:
            seconds = parse_duration(entry.text if isinstance(entry, Scalar) else None)
        except ValueError as error:
            self._found.add(entry.line, f"workflow_step_delay {error}")
            return None
        if seconds > MAX_STEP_DELAY_S:
            self._found.add(entry.line, f"workflow_step_delay is at most {MAX_STEP_DELAY_S:g} s")
        return seconds

    def _comfyui(self) -> str | None:
        entry = self._root.get("ui_home_env")
        path = _folder(entry)
        if entry is None or not path:
            return None
        info = self._catalogue.get("set_ui_home")
        for problem in check_given(info, {"path": path})[1] if info is not None else ():
            self._found.add(entry.line, f"ui_home_env {problem.message}")
        return path


def _at(root: Items, *keys: str) -> Entry | None:
    entry: Entry | None = root
    for key in keys:
        entry = entry.get(key) if isinstance(entry, Items) and entry.is_mapping else None
    return entry


def _mappings(entry: Entry | None) -> Iterator[Items]:
    if isinstance(entry, Items) and not entry.is_mapping:
        yield from (each for _, each in entry.items if isinstance(each, Items) and each.is_mapping)


def _text(entry: Entry | None) -> str:
    return entry.text.strip() if isinstance(entry, Scalar) and entry.value is not None else ""


def _label(entry: Entry | None) -> str:
    """Without the pictograms the original put before its words."""
    words = display_text(_text(entry), 80).split()
    while words and not any(char.isalnum() for char in words[0]):
        words.pop(0)
    return " ".join(words)


def _folder(entry: Entry | None) -> str:
    path = _text(entry)
    return path.rstrip("/") or path


def _auto_installer(step: Items) -> bool:
    """A step that clones the list of nodes the original installed from."""
    repository = _text(step.get("repository")).lower().replace("-", "_")
    return _text(step.get("type")) == "git_clone" and "auto_installer" in repository
