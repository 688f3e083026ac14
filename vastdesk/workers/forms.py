"""What steps say of themselves, for the window: it makes forms of this and does not know the room below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vastdesk.remote.runner.step import Param, Step, check_value
from vastdesk.remote.runner.steps import all_steps
from vastdesk.workers.steps import desktop_steps

__all__ = ["Param", "Step", "check_value", "declarations"]


def declarations() -> Mapping[str, Step]:
    """The declarations of all steps by name. A step that exists on both sides says the same on both."""
    desktop = {step.name: step for step in desktop_steps()}
    return MappingProxyType(desktop | {step.name: step for step in all_steps()})
