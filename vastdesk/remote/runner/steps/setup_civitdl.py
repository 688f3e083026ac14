"""CivitDL into ComfyUI's environment, with the CivitAI token in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes import params
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="setup_civitdl",
    title="Set up CivitDL",
    description="Installs civitdl into ComfyUI's Python environment (no other package is moved), stores the CivitAI"
    " token in its configuration file and tests it.",
    limit_s=180.0,
    params=(
        params.PATH,
        params.PYTHON,
        params.INDEX,
        Param(
            "civitai_url", "text", "CivitAI address", default="https://civitai.com", help="Where the token is checked."
        ),
    ),
    secrets=("civitai_token",),
    undo="python -m pip uninstall civitdl; remove ~/.config/civitdl",
    example={},
)


def run(ctx: Context) -> str:
    from ..nodes import civitdl

    return civitdl.set_up(ctx)
