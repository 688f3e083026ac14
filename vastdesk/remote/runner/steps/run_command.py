"""The user's own script, as it is."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, List

from ..errors import StepError
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="run_command",
    title="Run a command",
    description="Runs a script of your own on the instance with bash; it stops at the first command that fails.",
    limit_s=None,
    params=(
        Param("script", "script", "Script", required=True, help="What bash runs, shown as it is before it runs."),
        Param("folder", "path", "Folder", default="~", help="The folder it runs in."),
    ),
    undo="none: what the script does is its own affair",
    example={"script": "mkdir -p \"$HOME/example\"\necho 'hello from the instance'\n"},
)

_SHOWN_LINES = 50


def run(ctx: Context) -> str:
    from ..nodes.places import expand

    script = ctx.params["script"].replace("\r\n", "\n")
    folder = expand(ctx, ctx.params["folder"])
    first = next((line.strip() for line in script.split("\n") if line.strip() and not line.startswith("#")), "script")
    ctx.plan([{"id": "script", "label": first[:80]}])
    _show(ctx, script)
    path = os.path.join(ctx.work, "script.sh")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(script if script.endswith("\n") else script + "\n")
    with ctx.task("script") as task:
        if not os.path.isdir(folder):
            raise StepError("no_folder", path=folder)
        result = ctx.run(["bash", "-euo", "pipefail", path], lambda line: task.note(line[:200]), cwd=folder)
        if not result.ok:
            raise StepError("command_failed", how=_how(result.code), last=_last(result.tail))
    return "The script ended well" + _last(result.tail)


def _show(ctx: Context, script: str) -> None:
    lines = script.rstrip("\n").split("\n")
    for line in lines[:_SHOWN_LINES]:
        ctx.log("> " + line, task="script")
    if len(lines) > _SHOWN_LINES:
        ctx.log("> … and %d more lines" % (len(lines) - _SHOWN_LINES), task="script")


def _how(code: int) -> str:
    if code >= 0:
        return "exit code %d" % code
    try:
        return "signal %s" % signal.Signals(-code).name
    except ValueError:
        return "signal %d" % -code


def _last(tail: List[str]) -> str:
    return ": %s" % tail[-1][:200] if tail else ""
