"""How a workflow is cut: as few jobs as possible, and a pause never keeps the desktop awake when it need not."""

from __future__ import annotations

import pytest

from vastdesk.domain.workflow import StepUse
from vastdesk.workers.segments import cut

PLACES = {"d": "desktop", "i": "instance", "w": "either"}


def use(kind: str, number: int) -> StepUse:
    return StepUse(f"{kind}{number}", kind, kind, PLACES[kind], {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "segments"),
    [
        ("", []),
        ("iii", ["instance iii"]),
        ("dd", ["desktop dd"]),
        ("dii", ["desktop d", "instance ii"]),
        ("idi", ["instance i", "desktop d", "instance i"]),
        ("iwi", ["instance iwi"]),
        ("iwd", ["instance iw", "desktop d"]),
        ("dwi", ["desktop d", "instance wi"]),
        ("dwwi", ["desktop d", "instance wwi"]),
        ("dwd", ["desktop dwd"]),
        ("w", ["desktop w"]),
    ],
)
def test_it_cuts_only_where_the_place_changes(steps: str, segments: list[str]) -> None:
    found = cut([use(kind, number) for number, kind in enumerate(steps)])
    assert [f"{segment.where} {''.join(step.use for step in segment.steps)}" for segment in found] == segments
    assert [step.id for segment in found for step in segment.steps] == [f"{k}{n}" for n, k in enumerate(steps)]
