"""The step verify_dependencies, and the `Verify Dependencies` row of an installation."""

from __future__ import annotations

import os
from typing import List, Optional, Sequence

from ..context import Context
from ..errors import StepError
from . import places, requirements, verify
from .guard import Guard
from .installers import Wanted
from .places import Python
from .verify import Problem

_STEP_TIMEOUT_S = 240.0  # within the five minutes of the step
_TASK = "verify"


def run_step(ctx: Context) -> str:
    """`fix: report` names the failing nodes; `auto` installs what their own files name, and looks again."""
    ctx.plan([{"id": "venv", "label": "Configure venv path", "kind": "setup"}])
    with ctx.task("venv") as task:
        comfy = places.comfyui(ctx)
        python = places.python(ctx, comfy)
        task.succeeded(python.path)
    announce(ctx)
    ctx.task(_TASK).running()
    folders = [part.split("/")[0] for part in ctx.params["only"]] or None
    problems = _checked(ctx, comfy, python, folders)
    if problems and ctx.params["fix"] == "auto" and _repair(ctx, comfy, python, problems):
        ctx.task(_TASK).running("looking again")
        problems = _checked(ctx, comfy, python, folders)
    show(ctx, problems)
    if problems:
        names = ", ".join(problem.node for problem in problems[:5])
        more = ", …" if len(problems) > 5 else ""
        raise StepError("nodes_not_loading", note="%d dependency problems: %s%s" % (len(problems), names, more))
    return "All custom nodes load · all dependencies verified"


def announce(ctx: Context) -> None:
    ctx.plan([{"id": _TASK, "label": "Verify Dependencies", "kind": "verify"}])


def show(ctx: Context, problems: Sequence[Problem]) -> None:
    """The end of the row: good, or failed with one sub-row per problem."""
    if not problems:
        ctx.task(_TASK).succeeded("all dependencies verified")
        return
    rows = {"%s:%d" % (_TASK, number): problem for number, problem in enumerate(problems, 1)}
    ctx.plan([{"id": id, "label": problem.node, "parent": _TASK} for id, problem in rows.items()])
    for id, problem in rows.items():
        ctx.task(id).failed(problem.reason)
    ctx.task(_TASK).failed("%d dependency problems" % len(problems))


def _checked(ctx: Context, comfy: str, python: Python, folders: Optional[Sequence[str]]) -> List[Problem]:
    try:
        return verify.check(ctx, comfy, python, folders, _STEP_TIMEOUT_S)
    except StepError as error:
        ctx.task(_TASK).failed(error.sentence)
        raise


def _repair(ctx: Context, comfy: str, python: Python, problems: Sequence[Problem]) -> bool:
    """Whether anything was installed. Only what the nodes' own files name: a name in a log line may be anybody's."""
    wanted = []
    for problem in problems:
        try:
            found = requirements.read(os.path.join(comfy, "custom_nodes", problem.node), "requirements.txt")
        except requirements.Refused as refused:
            ctx.log("%s: %s" % (problem.node, refused))
            continue
        if found and found.lines:
            wanted.append(Wanted(problem.node, found))
    if not wanted:
        return False
    ctx.plan([{"id": "resolve", "label": "Install dependencies", "kind": "resolve"}])
    with ctx.task("resolve") as task:
        guard = Guard(ctx, python, ctx.params["index_url"], tries=3, wait_s=2.0)
        plan = guard.resolve(wanted)
        failures = {**plan.failures, **(guard.install(plan, task.note) if plan.packages else {})}
        moved = guard.check()
        for name, sentence in failures.items():
            ctx.log("%s: %s" % (name, sentence), task="resolve")
        if failures or moved:
            task.failed("; ".join(failures.values())[:500] or "moved and put back: %s" % moved)
        else:
            task.succeeded("%d packages" % len(plan.packages))
    return bool(plan.packages)
