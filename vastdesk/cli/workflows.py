"""`vastdesk workflows`: list, show, check."""

from __future__ import annotations

import argparse
from pathlib import Path

from vastdesk.cli import shapes
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.text import columns
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import DEFAULT_STEP_DELAY_S, BadWorkflow, Catalogue, Workflow
from vastdesk.store.resources import data_dir
from vastdesk.workers.workflow_files import WorkflowFile, find_workflow, workflow_files


def list_all(args: argparse.Namespace) -> int:
    catalogue = _catalogue()
    listed = [(file, _loaded(file, catalogue)) for file in workflow_files(data_dir(args.data_dir))]
    if args.json:
        for file, workflow in listed:
            emit(shapes.listed_workflow(file, workflow))
        return 0
    rows = [
        (
            file.stem,
            workflow.name if workflow else file.name(),
            "shipped" if file.shipped else "yours",
            len(workflow.enabled_steps) if workflow else "",
            workflow.description if workflow else f"cannot be used: vastdesk workflows check {file.path}",
        )
        for file, workflow in listed
    ]
    write_text(columns(("FILE", "NAME", "FROM", "STEPS", "DESCRIPTION"), rows) + "\n")
    return 0


def _catalogue() -> Catalogue:
    from vastdesk.workers.catalogue import catalogue

    return catalogue()


def _loaded(file: WorkflowFile, catalogue: Catalogue) -> Workflow | None:
    try:
        return file.load(catalogue, DEFAULT_STEP_DELAY_S)
    except VastDeskError:
        return None


def show(args: argparse.Namespace) -> int:
    file = find_workflow(args.name, data_dir(args.data_dir))
    text = file.read().decode("utf-8", "replace")
    write_text(text if text.endswith("\n") else text + "\n")
    return 0


def check(args: argparse.Namespace) -> int:
    """Every problem on stdout as `file:line: message`, so that editors can jump there."""
    path = Path(args.file).expanduser()
    file = WorkflowFile(path, shipped=False) if path.exists() else find_workflow(args.file, data_dir(args.data_dir))
    try:
        workflow = file.load(_catalogue(), DEFAULT_STEP_DELAY_S)
    except BadWorkflow as error:
        if args.json:
            emit(shapes.checked_workflow(file, error.problems))
        else:
            write_text("".join(f"{problem}\n" for problem in error.problems))
        return 2
    if args.json:
        emit(shapes.checked_workflow(file, ()))
    else:
        write_text(f"{file.path}: {workflow.name} is right, {len(workflow.enabled_steps)} steps\n")
    return 0
