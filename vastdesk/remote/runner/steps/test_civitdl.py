"""Whether CivitDL works, and whether CivitAI takes the token."""

from __future__ import annotations

from ..context import Context
from ..nodes import places
from ..step import Param, Step

STEP = Step(
    name="test_civitdl",
    title="Test CivitDL",
    description="Runs civitdl, shows its version, and asks CivitAI whether the token is good; it is never shown.",
    limit_s=60.0,
    params=(
        places.PATH_PARAM,
        places.PYTHON_PARAM,
        Param(
            "civitai_url", "text", "CivitAI address", default="https://civitai.com", help="Where the token is checked."
        ),
    ),
    secrets=("civitai_token",),
    undo="nothing to undo",
    example={},
)


def run(ctx: Context) -> str:
    from ..nodes import civitdl

    return civitdl.test(ctx)
