"""Every custom node imported for real, each failing one named with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes import params
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="verify_dependencies",
    title="Verify dependencies",
    description="Lets ComfyUI import every custom node and names those that fail, with the reason.",
    limit_s=300.0,
    params=(
        Param(
            "fix",
            "choice",
            "Repair",
            default="report",
            choices=("report", "auto"),
            help="auto installs what the failing nodes' own requirement files name, and nothing else.",
        ),
        Param("only", "list", "Only these nodes", default=[], help="Names of folders in custom_nodes; empty: all."),
        params.PATH,
        params.PYTHON,
        params.INDEX,
    ),
    undo="nothing to undo with report; with auto the packages before are kept in ~/.vastdesk/freezes",
    example={},
)


def run(ctx: Context) -> str:
    from ..nodes import verification

    return verification.run_step(ctx)
