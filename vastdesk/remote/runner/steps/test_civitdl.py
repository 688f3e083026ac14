"""Whether CivitDL works, and whether CivitAI takes the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes import params
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="test_civitdl",
    title="Test CivitDL",
    description="Runs civitdl, shows its version, and asks CivitAI whether the token is good; it is never shown.",
    limit_s=60.0,
    params=(
        params.PATH,
        params.PYTHON,
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
