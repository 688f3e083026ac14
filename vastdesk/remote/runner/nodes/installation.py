"""The step install_custom_nodes from its first row to its closing note."""

from __future__ import annotations

import os
from typing import List, Mapping, Sequence

from ..context import Context
from ..errors import StepError
from . import git, nodelist, places, verification, verify
from .cloning import Cloning
from .entries import Entry
from .nodelist import Node
from .packaging import Packages
from .places import Python
from .verify import Problem

_LISTS = (os.path.join("scripts", "custom_nodes.csv"), "custom_nodes.csv")
_VERIFY_TIMEOUT_S = 300.0


def run_step(ctx: Context, first_row: Mapping[str, str]) -> str:
    """Clone, resolve once, install once, run the scripts, import everything. The closing note."""
    ctx.plan([first_row, {"id": "venv", "label": "Configure venv path", "kind": "setup"}])
    with ctx.task(first_row["id"]) as task:
        text = _clone_source(ctx) if ctx.params["source"] == "repository" else ctx.params["nodes"]
        nodes = _chosen(ctx, nodelist.parse(text))
        task.succeeded("%d nodes" % len(nodes))
    # Entries have no place on disk yet, but their rows are known: counts are right from here on.
    rows = [Entry(ctx, node, number, "") for number, node in enumerate(nodes, 1)]
    ctx.plan([row for entry in rows for row in entry.rows()])
    with ctx.task("venv") as task:
        comfy = places.comfyui(ctx)
        python = places.python(ctx, comfy)
        git.require_git(ctx)
        task.succeeded(python.path)
    custom_nodes = os.path.join(comfy, "custom_nodes")
    os.makedirs(custom_nodes, exist_ok=True)
    entries = [Entry(ctx, node, number, custom_nodes) for number, node in enumerate(nodes, 1)]
    Cloning(ctx, entries, custom_nodes).run()
    Packages(ctx, entries, python, comfy).run()
    return _close(ctx, entries, _verify(ctx, comfy, python, entries))


def _clone_source(ctx: Context) -> str:
    """The list of the Auto-installer's repository. Nothing of it is executed."""
    repository = ctx.params["repository"].strip()
    repository = repository[len("git+") :] if repository.startswith("git+") else repository
    problem = nodelist.url_problem(repository)
    if problem:
        raise StepError("bad_params", problem="repository: %s" % problem)
    params = ctx.params
    cloner = git.Cloner(ctx, params["tries"], params["retry_wait"], params["stall"])
    target = os.path.join(ctx.work, "source")
    git.remove_tree(target)
    try:
        cloner.clone(repository, target, "", ctx.task("source"))
    except git.CloneFailed as failure:
        raise StepError("source_failed", repository=repository, detail=failure.sentence) from failure
    for name in _LISTS:
        path = os.path.join(target, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
                return file.read()
    raise StepError("bad_node_list", detail="%s has no scripts/custom_nodes.csv" % repository)


def _chosen(ctx: Context, nodes: List[Node]) -> List[Node]:
    only = ctx.params["only"]
    if not only:
        return nodes
    for name in sorted(set(only) - {node.name for node in nodes}):
        ctx.log("The list has no node %s" % nodelist.shown(name))
    return [node for node in nodes if node.name in only]


def _verify(ctx: Context, comfy: str, python: Python, entries: Sequence[Entry]) -> List[Problem]:
    """Import what is on disk. A node inside another one is imported by that one."""
    verification.announce(ctx)
    task = ctx.task("verify")
    task.running()
    folders = list(
        dict.fromkeys(e.node.folder.split("/")[0] for e in entries if e.node.folder and os.path.isdir(e.target))
    )
    problems: List[Problem] = []
    if folders:
        try:
            problems = verify.check(ctx, comfy, python, folders, _VERIFY_TIMEOUT_S)
        except StepError as error:
            if error.kind != "cannot_verify":
                task.failed(error.sentence)
                raise
            problems = [Problem("ComfyUI", error.sentence)]
    verification.show(ctx, problems)
    return problems


def _close(ctx: Context, entries: Sequence[Entry], problems: Sequence[Problem]) -> str:
    total = len(entries)
    failed = sum(entry.outcome == "failed" for entry in entries)
    there = sum(entry.outcome == "skipped" for entry in entries)
    note = closing_note(total, failed, there, len(problems))
    if failed and ctx.params["on_node_failure"] == "fail":
        raise StepError("nodes_failed", note=note)
    return note


def closing_note(total: int, failed: int, there: int, problems: int) -> str:
    """Word for word as the task list's specification has it."""
    good = total - failed
    note = "Successfully installed %d/%d custom nodes" % (good, total)
    if failed:
        note = "Installed %d/%d custom nodes (%d failed)" % (good, total, failed)
    if there:
        note += " · %d already there" % there
    return note + (" · %d dependency problems" % problems if problems else " · all dependencies verified")
