"""What UI_HOME is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..discover import find_comfyui
from ..errors import StepError
from ..step import Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="get_ui_home",
    title="Read UI_HOME",
    description="Reads UI_HOME from /etc/environment as a new login would.",
    limit_s=30.0,
    undo="nothing to undo",
    example={},
)


def run(ctx: Context) -> str:
    from ..nodes import envfile

    ctx.plan([{"id": "get", "label": "Read UI_HOME"}])
    with ctx.task("get") as task:
        value = envfile.read_variable(ctx, "UI_HOME")
        if not value:
            found = find_comfyui(ctx.profile, ctx.path)
            raise StepError("ui_home_missing", suggestion="; ComfyUI was found in %s" % found if found else "")
        task.succeeded(value)
    return "UI_HOME is %s" % value
