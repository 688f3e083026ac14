"""All steps there are, as data: what workflow files are checked against and forms are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vastdesk.domain.workflow import ParamProblem, StepInfo, Where
from vastdesk.remote.runner.step import Step, check_params
from vastdesk.remote.runner.steps import all_steps
from vastdesk.workers.steps import desktop_steps


def catalogue() -> dict[str, StepInfo]:
    """Steps by name. A step that exists on both sides (`wait`) runs where its neighbours do."""
    on_instance = {step.name: step for step in all_steps()}
    on_desktop = {step.name: step for step in desktop_steps()}
    names = sorted({*on_instance, *on_desktop})
    return {name: _info(name, on_instance.get(name), on_desktop.get(name)) for name in names}


def _info(name: str, on_instance: Step | None, on_desktop: Step | None) -> StepInfo:
    step = on_instance or on_desktop
    assert step is not None
    where: Where = "either" if on_instance and on_desktop else "instance" if on_instance else "desktop"
    return StepInfo(
        name=name,
        title=step.title,
        where=where,
        limit_s=step.limit_s,
        params=tuple(param.name for param in step.params),
        check=lambda given: _check(step, given),
    )


def _check(step: Step, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[ParamProblem, ...]]:
    values, errors = check_params(step, given)
    return values, tuple(ParamProblem(error.param, error.message) for error in errors)
