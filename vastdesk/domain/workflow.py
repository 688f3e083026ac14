"""Workflows: an ordered list of steps with parameters, as loaded from a YAML file, stored with a run, and narrowed by
choices.

What steps there are comes in as data (`StepInfo` by name): this room knows no step. YAML itself, with its line numbers
and its traps, is yamlnodes.py's part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import yaml

from vastdesk.domain.durations import parse_duration, write_duration
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import display_text
from vastdesk.domain.stepinfo import Catalogue, ParamProblem, StepInfo, Where, check_given
from vastdesk.domain.suggestions import did_you_mean
from vastdesk.domain.yamlnodes import Entry, Found, Items, Problem, Scalar, read_yaml

__all__ = ["BadWorkflow", "Catalogue", "ParamProblem", "StepInfo", "StepUse", "Where", "Workflow"]
__all__ += ["dump_workflow", "load_workflow"]

OnFailure = Literal["stop", "continue"]

DEFAULT_STEP_DELAY_S = 5.0
MAX_STEP_DELAY_S = 3600.0
MAX_LIMIT_S = 7 * 24 * 3600.0
MAX_STEPS = 200
VERSION = 1

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TOP_KEYS = ("name", "description", "version", "step_delay", "steps")
_STEP_KEYS = ("use", "id", "with", "enabled", "on_failure", "time_limit")


@dataclass(frozen=True, slots=True)
class StepUse:
    """One step of a workflow. `params` are complete (defaults filled in); `limit_s` None: no time limit."""

    id: str
    use: str
    title: str
    where: Where
    params: Mapping[str, Any]
    enabled: bool = True
    on_failure: OnFailure = "stop"
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """An ordered list of steps, checked."""

    name: str
    description: str
    version: int
    step_delay_s: float
    steps: tuple[StepUse, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is stored with a run; `from_json` gives an equal workflow."""
        return {
            "name": self.name,
            "description": self.description,
            "version": self.version,
            "step_delay_s": self.step_delay_s,
            "steps": [
                {
                    "id": step.id,
                    "use": step.use,
                    "title": step.title,
                    "where": step.where,
                    "params": dict(step.params),
                    "enabled": step.enabled,
                    "on_failure": step.on_failure,
                    "limit_s": step.limit_s,
                }
                for step in self.steps
            ],
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Workflow:
        """Raises VastDeskError("bad_workflow") when it is not what `to_json` gave."""
        try:
            steps = tuple(StepUse(**step) for step in saved["steps"])
            return cls(saved["name"], saved["description"], saved["version"], float(saved["step_delay_s"]), steps)
        except (KeyError, TypeError, ValueError) as error:
            raise VastDeskError("bad_workflow", source="of the run", details=f"  it is damaged ({error})") from error

    @property
    def enabled_steps(self) -> tuple[StepUse, ...]:
        return tuple(step for step in self.steps if step.enabled)

    def with_choices(
        self,
        catalogue: Catalogue,
        *,
        only: Iterable[str] = (),
        skip: Iterable[str] = (),
        sets: Iterable[str] = (),
        step_delay: float | str | None = None,
    ) -> Workflow:
        """The workflow as the command line asks for it. `only` and `skip` name steps by id, or by use (then all of
        them); `only` switches exactly those on. `sets` are `step.param=value`. Raises VastDeskError("bad_choice") with
        every problem at once, each naming what exists."""
        problems: list[str] = []
        wanted = self._named(only, problems)
        left_out = self._named(skip, problems)
        if wanted and wanted <= left_out:
            problems.append("no step is left to run")
        given = self._given(sets, problems)
        steps = []
        for step in self.steps:
            enabled = (step.id in wanted if wanted else step.enabled) and step.id not in left_out
            changed = _with_params(step, given.get(step.id, {}), catalogue, problems)
            steps.append(replace(changed, enabled=enabled))
        delay = self.step_delay_s if step_delay is None else _chosen_delay(step_delay, problems)
        if problems:
            raise VastDeskError("bad_choice", details="\n".join(problems))
        return replace(self, steps=tuple(steps), step_delay_s=delay)

    def _named(self, names: Iterable[str], problems: list[str]) -> set[str]:
        found: set[str] = set()
        for name in names:
            ids = {step.id for step in self.steps if step.id == name} or {s.id for s in self.steps if s.use == name}
            if not ids:
                problems.append(self._no_step(name))
            found |= ids
        return found

    def _no_step(self, name: str) -> str:
        ids = [step.id for step in self.steps]
        hint = did_you_mean(name, ids)
        return f"the workflow has no step '{display_text(name, 80)}'{hint}; its steps: {', '.join(ids) or 'none'}"

    def _given(self, sets: Iterable[str], problems: list[str]) -> dict[str, dict[str, str]]:
        """`step.param=value` by step id. Ids may hold dots: the longest that exists counts."""
        given: dict[str, dict[str, str]] = {}
        for text in sets:
            target, equals, value = text.partition("=")
            name, dot, param = target.strip().rpartition(".")
            if not equals or not dot or not name or not param:
                problems.append(f"'{display_text(text, 80)}' is not like step.param=value")
                continue
            for id in self._named([name], problems):
                given.setdefault(id, {})[param] = value
        return given


def _with_params(step: StepUse, given: Mapping[str, str], catalogue: Catalogue, problems: list[str]) -> StepUse:
    if not given:
        return step
    info = catalogue.get(step.use)
    if info is None:
        problems.append(f"{step.id}: the step {step.use} is not known to this version")
        return step
    values, wrong = check_given(info, {**step.params, **given})
    problems += [f"{step.id}.{each.param} {each.message}" for each in wrong]
    return replace(step, params=values)


def _chosen_delay(value: float | str, problems: list[str]) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        problems.append(f"the step delay {error}")
        return 0.0
    if seconds > MAX_STEP_DELAY_S:
        problems.append(f"the step delay is at most {write_duration(MAX_STEP_DELAY_S)}")
    return seconds


class BadWorkflow(VastDeskError):
    """A workflow file that cannot be used: `problems` are all of them, in the order of their lines."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        details = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__("bad_workflow", source=display_text(source, 300), details=details)


def load_workflow(
    text: str | bytes, source: str, catalogue: Catalogue, *, step_delay_s: float = DEFAULT_STEP_DELAY_S
) -> Workflow:
    """The workflow of a YAML file; `source` is its name for messages, `step_delay_s` counts where the file says
    nothing.

    Raises BadWorkflow (a VastDeskError "bad_workflow") with every problem at once: file, line, and what is allowed.
    """
    found = Found(source)
    root = read_yaml(text, found)
    if root is None:
        raise BadWorkflow(source, found.problems)
    workflow = _Loader(catalogue, found).workflow(root, step_delay_s)
    if found.problems:
        raise BadWorkflow(source, found.problems)
    return workflow


class _Loader:
    """Turns YAML nodes into a workflow and collects what is wrong on the way."""

    def __init__(self, catalogue: Catalogue, found: Found) -> None:
        self._catalogue = catalogue
        self._found = found

    def workflow(self, root: Entry, step_delay_s: float) -> Workflow:
        if not isinstance(root, Items) or not root.is_mapping:
            self._found.add(root.line, f"a workflow is a mapping with {', '.join(_TOP_KEYS)}")
            return Workflow("", "", VERSION, step_delay_s, ())
        self._known_keys(root, _TOP_KEYS, "of a workflow")
        name = self._text(root, "name", "", needed=True)
        version = root.get("version")
        if version is not None and not (isinstance(version, Scalar) and version.value == VERSION):
            self._found.add(version.line, f"version is {VERSION}: a newer file needs a newer VastDesk")
        return Workflow(
            name=name,
            description=self._text(root, "description", ""),
            version=VERSION,
            step_delay_s=self._duration(root, "step_delay", step_delay_s, MAX_STEP_DELAY_S, "0s"),
            steps=self._steps(root),
        )

    def _steps(self, root: Items) -> tuple[StepUse, ...]:
        entry = root.get("steps")
        if entry is None:
            self._found.add(root.line, "steps is missing: a list like '- use: test_ssh'")
            return ()
        if not isinstance(entry, Items) or entry.is_mapping or not entry.items:
            self._found.add(entry.line, "steps is a list with at least one step, like '- use: test_ssh'")
            return ()
        if len(entry.items) > MAX_STEPS:
            self._found.add(entry.line, f"a workflow has at most {MAX_STEPS} steps, not {len(entry.items)}")
            return ()
        uses = [(step, use) for _, step in entry.items if (use := self._step(step)) is not None]
        self._unique_ids(uses)
        return tuple(use for _, use in uses)

    def _step(self, entry: Entry) -> StepUse | None:
        if not isinstance(entry, Items) or not entry.is_mapping:
            self._found.add(entry.line, "a step is a mapping, like '- use: test_ssh'")
            return None
        self._known_keys(entry, _STEP_KEYS, "of a step")
        use = self._text(entry, "use", "", needed=True)
        info = self._catalogue.get(use)
        if info is None:
            if use:
                known = ", ".join(sorted(self._catalogue))
                hint = did_you_mean(use, self._catalogue)
                line = entry["use"].line
                self._found.add(line, f"there is no step '{display_text(use, 80)}'{hint}; there are: {known}")
            info = StepInfo(use, use, "instance", None, (), lambda given: (dict(given), ()))
        return StepUse(
            id=self._id(entry, use),
            use=use,
            title=info.title,
            where=info.where,
            params=self._params(entry, info, check=use in self._catalogue),
            enabled=self._enabled(entry),
            on_failure=self._on_failure(entry),
            limit_s=self._limit(entry, info.limit_s),
        )

    def _id(self, entry: Items, use: str) -> str:
        given = entry.get("id")
        if given is None:
            return use
        text = self._text(entry, "id", use)
        if not _ID.fullmatch(text):
            self._found.add(given.line, "id is 1 to 64 letters, digits, dots, dashes and underscores")
        return text

    def _unique_ids(self, uses: list[tuple[Entry, StepUse]]) -> None:
        # File systems on instances may not tell letters by case, and output is kept in `<id>.log`.
        count = Counter(use.id.casefold() for _, use in uses)
        seen: set[str] = set()
        for entry, use in uses:
            folded = use.id.casefold()
            if count[folded] > 1 and folded in seen and use.id:
                self._found.add(
                    entry.line, f"the id '{use.id}' is taken: give this step another one, like 'id: {use.id}-2'"
                )
            seen.add(folded)

    def _params(self, entry: Items, info: StepInfo, *, check: bool) -> Mapping[str, Any]:
        given = entry.get("with")
        if given is not None and not (isinstance(given, Items) and given.is_mapping) and not _is_empty(given):
            self._found.add(given.line, "with is a mapping of parameters, like {path: /workspace/ComfyUI}")
            return {}
        entries = dict(given.items) if isinstance(given, Items) else {}
        if not check:
            return {}
        values, wrong = check_given(info, {name: value.plain() for name, value in entries.items()})
        for each in wrong:
            line = entries[each.param].line if each.param in entries else entry.line
            self._found.add(line, f"{display_text(each.param, 80)} {each.message}")
        return values

    def _enabled(self, entry: Items) -> bool:
        given = entry.get("enabled")
        if given is None:
            return True
        if isinstance(given, Scalar) and isinstance(given.value, bool):
            return given.value
        self._found.add(given.line, "enabled is true or false")
        return True

    def _on_failure(self, entry: Items) -> OnFailure:
        given = entry.get("on_failure")
        value = given.value if isinstance(given, Scalar) else "stop" if given is None else None
        if value == "continue":
            return "continue"
        if value != "stop" and given is not None:
            self._found.add(given.line, "on_failure is stop or continue")
        return "stop"

    def _limit(self, entry: Items, default: float | None) -> float | None:
        given = entry.get("time_limit")
        if given is None:
            return default
        seconds = self._duration(entry, "time_limit", 1.0, MAX_LIMIT_S, "45m")
        if seconds < 1:
            self._found.add(given.line, "time_limit is at least one second")
        return seconds

    def _duration(self, entry: Items, name: str, default: float, maximum: float, example: str) -> float:
        given = entry.get(name)
        if given is None:
            return default
        try:
            seconds = parse_duration(given.text if isinstance(given, Scalar) else None)
        except ValueError as error:
            self._found.add(given.line, f"{name} {error}")
            return default
        if seconds > maximum:
            self._found.add(given.line, f"{name} is at most {write_duration(maximum)}")
        return seconds

    def _text(self, entry: Items, name: str, default: str, *, needed: bool = False) -> str:
        given = entry.get(name)
        if given is None or _is_empty(given):
            if needed:
                self._found.add(entry.line if given is None else given.line, f"{name} is missing")
            return default
        if not isinstance(given, Scalar):
            self._found.add(given.line, f"{name} is a text")
            return default
        if needed and not given.text.strip():
            self._found.add(given.line, f"{name} must not be empty")
        return given.text

    def _known_keys(self, entry: Items, known: tuple[str, ...], of_what: str) -> None:
        for key, value in entry.items:
            if key not in known:
                hint = did_you_mean(key, known)
                shown = display_text(key, 80)
                self._found.add(value.key_line, f"'{shown}' is not a key {of_what}{hint}; allowed: {', '.join(known)}")


def _is_empty(entry: Entry) -> bool:
    return isinstance(entry, Scalar) and entry.value is None


def dump_workflow(workflow: Workflow, catalogue: Catalogue) -> str:
    """The workflow as a YAML file that `load_workflow` reads back; what a step has by default is left out."""
    steps = [_dumped_step(step, catalogue.get(step.use)) for step in workflow.steps]
    top = {
        "name": workflow.name,
        **({"description": workflow.description} if workflow.description else {}),
        "version": workflow.version,
        "step_delay": write_duration(workflow.step_delay_s),
        "steps": steps,
    }
    return yaml.safe_dump(top, sort_keys=False, allow_unicode=True, width=120)


def _dumped_step(step: StepUse, info: StepInfo | None) -> dict[str, Any]:
    defaults = info.check({})[0] if info is not None else {}
    params = {name: value for name, value in step.params.items() if name not in defaults or defaults[name] != value}
    dumped: dict[str, Any] = {"use": step.use}
    if step.id != step.use:
        dumped["id"] = step.id
    if params:
        dumped["with"] = params
    if not step.enabled:
        dumped["enabled"] = False
    if step.on_failure != "stop":
        dumped["on_failure"] = step.on_failure
    if step.limit_s is not None and (info is None or step.limit_s != info.limit_s):
        dumped["time_limit"] = write_duration(step.limit_s)
    return dumped
