"""What the catalogue says of a step: the shape in which steps come into this room, which knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vastdesk.domain.suggestions import did_you_mean

Where = Literal["instance", "desktop", "either"]


@dataclass(frozen=True, slots=True)
class ParamProblem:
    """What is wrong with one parameter: `message` says what would be right."""

    param: str
    message: str


@dataclass(frozen=True, slots=True)
class StepInfo:
    """What the catalogue knows of a step. `check` gives all parameters with defaults filled in, and every problem at
    once; it takes its own result again. `limit_s` None: no time limit."""

    name: str
    title: str
    where: Where
    limit_s: float | None
    params: tuple[str, ...]
    check: Callable[[Mapping[str, Any]], tuple[dict[str, Any], tuple[ParamProblem, ...]]]


Catalogue = Mapping[str, StepInfo]


def check_given(info: StepInfo, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[ParamProblem, ...]]:
    """Checks the parameters; unknown ones are named here, with the closest name."""
    unknown = tuple(
        ParamProblem(
            name,
            f"is not a parameter of {info.name}{did_you_mean(name, info.params)}; "
            f"it has: {', '.join(info.params) or 'none'}",
        )
        for name in given
        if name not in info.params
    )
    values, wrong = info.check({name: value for name, value in given.items() if name in info.params})
    return values, (*unknown, *wrong)
