"""Cuts a workflow into what the runner executes in one go and what needs the desktop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from vastdesk.domain.workflow import StepUse

Where = Literal["desktop", "instance"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive steps of one place. On the instance they are one job, so the desktop may sleep through them."""

    where: Where
    steps: tuple[StepUse, ...]


def cut(steps: Sequence[StepUse]) -> tuple[Segment, ...]:
    """Segments in order. Cuts only where the place changes."""
    placed = zip(_places(steps), steps, strict=True)
    return tuple(
        Segment(where, tuple(step for _, step in group)) for where, group in groupby(placed, key=lambda pair: pair[0])
    )


def _places(steps: Sequence[StepUse]) -> list[Where]:
    """Where each step runs. A step that can run on either side (`wait`) goes with a neighbour on the instance if it has
    one, because there it goes on while the desktop sleeps."""
    places: list[Where] = []
    for index, step in enumerate(steps):
        if step.where != "either":
            places.append("desktop" if step.where == "desktop" else "instance")
            continue
        after = next((other.where for other in steps[index + 1 :] if other.where != "either"), None)
        before = places[-1] if places else None
        places.append("instance" if "instance" in (before, after) else "desktop")
    return places
