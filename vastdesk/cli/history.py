"""`vastdesk runs`, `runs clear`, `show`: what is stored about runs."""

from __future__ import annotations

import argparse
import asyncio

from vastdesk.cli import shapes
from vastdesk.cli.closing import closing_lines, program
from vastdesk.cli.jsonout import emit, write_text
from vastdesk.cli.sessions import open_store
from vastdesk.cli.text import clean, columns, facts, local_time, short_id
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import format_duration
from vastdesk.domain.views import RunView, StepView, summary
from vastdesk.store import RunRow


def runs(args: argparse.Namespace) -> int:
    return asyncio.run(_runs(args))


async def _runs(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        rows = await store.runs()
        names = {instance.id: instance.name for instance in await store.instances()}
    if args.json:
        for row in rows:
            emit(shapes.listed_run(row, names.get(row.instance_id, row.instance_id)))
        return 0
    if not rows:
        write_text(f"No runs yet. Try: {program(args)} demo\n")
        return 0
    ids = [row.id for row in rows]
    table = [
        (
            short_id(row.id, ids),
            row.state,
            row.workflow.get("name", ""),
            names.get(row.instance_id, "(removed)"),
            local_time(row.created_ts),
            format_duration(None if row.ended_ts is None else row.ended_ts - row.created_ts),
        )
        for row in rows
    ]
    write_text(columns(("RUN", "STATE", "WORKFLOW", "INSTANCE", "STARTED", "TOOK"), table) + "\n")
    return 0


def clear(args: argparse.Namespace) -> int:
    return asyncio.run(_clear(args))


async def _clear(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        named = [await store.find_run(run) for run in args.runs]
        going_on = [row for row in named if row.place != "ended"]
        if going_on:
            row = going_on[0]
            raise VastDeskError("run_goes_on", run=short_id(row.id), state=row.state)
        rows = named or [row for row in await store.runs() if row.place == "ended"]
        count = await store.forget_runs(row.id for row in rows)
    write_text(f"{count} {'run' if count == 1 else 'runs'} forgotten\n")
    return 0


def show(args: argparse.Namespace) -> int:
    return asyncio.run(_show(args))


async def _show(args: argparse.Namespace) -> int:
    async with open_store(args) as store:
        row = await store.find_run(args.run)
        view = await store.view(row.id)
    if args.summary:
        brief = summary(view)
        if args.json:
            emit(shapes.shown_summary(brief))
        else:
            write_text("".join(f"{name}: {_plain(value)}\n" for name, value in brief.items()))
    elif args.json:
        emit(shapes.shown_run(row, view))
    else:
        write_text(_as_text(row, view, program(args)))
    return 0


def _plain(value: object) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else clean(value)


def _as_text(row: RunRow, view: RunView, call: str) -> str:
    head = facts(
        [
            ("run", row.id),
            ("workflow", view.workflow),
            ("instance", view.instance),
            ("state", view.state),
            ("started", local_time(view.started_ts or row.created_ts)),
            ("ended", local_time(view.finished_ts) if view.finished_ts else None),
            ("took", format_duration(view.elapsed_s)),
            ("retry of", view.retry_of),
        ]
    )
    steps = [line for step in view.steps for line in _step_lines(step)]
    return "\n".join([head, "", *steps, "", *closing_lines(view, False, call)]) + "\n"


def _step_lines(step: StepView) -> list[str]:
    """Every task, none hidden: this is the place to look something up."""
    note = f"  {clean(step.note)}" if step.note else ""
    lines = [f"{clean(step.title or step.id)}: {step.state}{note}"]
    for task in step.tasks:
        lines.append(f"  {clean(task.label)}: {task.state}" + (f"  {clean(task.note)}" if task.note else ""))
        lines += [
            f"    {clean(sub.label)}: {sub.state}" + (f"  {clean(sub.note)}" if sub.note else "")
            for sub in task.subtasks
        ]
    return lines
