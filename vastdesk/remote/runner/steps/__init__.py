"""All steps that run on an instance: one module each, found by looking. Works from a folder and from inside a zip.

A step's module is imported on the desktop for its declaration, on Windows too: what only the instance has (processes,
users, the context) it imports when it runs.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Callable, List, Tuple

from ..errors import StepError
from ..step import Step


def _names() -> List[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def all_steps() -> Tuple[Step, ...]:
    """Their declarations, by name."""
    return tuple(load(name) for name in _names())


def load(name: str) -> Step:
    """The declaration of a step. Raises StepError("unknown_step")."""
    step = _module(name).STEP
    assert isinstance(step, Step)
    return step


def implementation(name: str) -> Callable[..., str]:
    """Its `run(ctx)`, which returns the closing note. Raises StepError("unknown_step")."""
    run: Callable[..., str] = _module(name).run
    return run


def _module(name: str) -> ModuleType:
    if name not in _names():
        raise StepError("unknown_step", step=name)
    return import_module("." + name, __name__)
