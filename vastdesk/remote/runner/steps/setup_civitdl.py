"""CivitDL into ComfyUI's environment, with the CivitAI token in its configuration."""

from __future__ import annotations

from ..context import Context
from ..nodes import places
from ..step import Param, Step

STEP = Step(
    name="setup_civitdl",
    title="Set up CivitDL",
    description="Installs civitdl into ComfyUI's Python environment (no other package is moved), stores the CivitAI"
    " token in its configuration file and tests it.",
    limit_s=180.0,
    params=(
        places.PATH_PARAM,
        places.PYTHON_PARAM,
        places.INDEX_PARAM,
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
