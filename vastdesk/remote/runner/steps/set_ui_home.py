"""UI_HOME in /etc/environment, once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import StepError
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="set_ui_home",
    title="Set UI_HOME",
    description="Writes UI_HOME, the folder of ComfyUI, to /etc/environment and reads it back as a new login would.",
    limit_s=30.0,
    params=(
        Param(
            "path", "path", "ComfyUI folder", help="What UI_HOME is set to; empty: the ComfyUI found on the instance."
        ),
    ),
    undo="remove the line UI_HOME=… from /etc/environment",
    example={},
)

_NOT_IN_A_SHELL = "\"'`$\\\n"  # the file is also sourced by shells, which would act on these


def run(ctx: Context) -> str:
    from ..nodes import envfile

    ctx.plan([{"id": "set", "label": "Set UI_HOME"}, {"id": "verify", "label": "Verify UI_HOME"}])
    with ctx.task("set") as task:
        folder = _folder(ctx)
        if envfile.set_variable(ctx, "UI_HOME", folder):
            task.succeeded(folder)
        else:
            task.succeeded("already %s" % folder)
    with ctx.task("verify") as task:
        found = envfile.read_variable(ctx, "UI_HOME")
        if found != folder:
            raise StepError("not_written", path=envfile.FILE, detail="UI_HOME reads as %s" % (found or "nothing"))
        task.succeeded(found)
    return "UI_HOME is %s" % folder


def _folder(ctx: Context) -> str:
    from ..nodes import places

    given = ctx.params.get("path")
    folder = places.expand(ctx, given).rstrip("/") or "/" if given else places.comfyui(ctx)
    if any(char in folder for char in _NOT_IN_A_SHELL):
        raise StepError("bad_params", problem="path: must not contain quotes, $, ` or \\")
    if not os.path.isdir(folder):
        raise StepError("no_folder", path=folder)
    return folder
