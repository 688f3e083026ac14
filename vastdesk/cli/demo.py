"""`vastdesk demo`: the practice machine inside this program, set up for real."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from vastdesk.cli.following import Signals
from vastdesk.cli.report import on_terminal, say, wrong_use
from vastdesk.cli.sessions import Asker, open_session
from vastdesk.cli.watch import presenter_for, watch
from vastdesk.domain.workflow import load_workflow
from vastdesk.store import RunRow
from vastdesk.store.resources import resource_path
from vastdesk.workers.requests import RunRequest
from vastdesk.workers.workflow_files import WorkflowFile

if TYPE_CHECKING:
    from vastdesk.workers.engine import Engine
    from vastdesk.workers.practice import Practice

WORKFLOW = "comfyui-setup.yaml"


def demo(args: argparse.Namespace) -> int:
    if args.window:
        from vastdesk.cli.window import show_window

        if args.fresh or args.json:
            raise wrong_use("--fresh and --json are for the demo in the terminal", "Leave them out, or --window.")
        return show_window(args, practice=True, exit_after=args.exit)
    return asyncio.run(_demo(args))


async def _demo(args: argparse.Namespace) -> int:
    from vastdesk.workers.practice import run_practice

    async with open_session(args) as (engine, asker):
        progress = Preparing()
        async with run_practice(
            engine.store, engine.store.data_dir, fresh=args.fresh, on_progress=progress.told
        ) as practice:
            progress.done()
            return await _run(args, engine, asker, practice)


class Preparing:
    """Says on stderr what is being made: one line that changes on a terminal, one line in all elsewhere."""

    def __init__(self) -> None:
        self._said = False

    def told(self, part: str, done: int, total: int) -> None:
        if on_terminal():
            sys.stderr.write(f"\r\x1b[KPreparing the practice machine: {part} ({done}/{total})")
            sys.stderr.flush()
        elif not self._said:
            say("Preparing the practice machine …")
        self._said = True

    def done(self) -> None:
        if self._said and on_terminal():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


async def _run(args: argparse.Namespace, engine: Engine, asker: Asker | None, practice: Practice) -> int:
    from vastdesk.workers.practice import practice_workflow

    signals = Signals()
    with signals.caught():
        row = await _unfinished(engine, practice.instance.id)
        if row is not None and args.fresh:
            await _to_its_end(engine, row)  # its machine has been made anew: nothing of it can be left
            row = None
        if row is None:
            shipped = WorkflowFile(resource_path("workflows", WORKFLOW), shipped=True)
            text = practice_workflow(shipped.read().decode("utf-8"), practice.facts)
            workflow = load_workflow(text, str(shipped.path), engine.catalogue)
            row = await engine.start(RunRequest(workflow, practice.instance))
        presenter = await presenter_for(args, row, engine.store, asker)
        return await watch(engine, row, presenter, signals)


async def _unfinished(engine: Engine, instance_id: str) -> RunRow | None:
    """A run that was left on the practice machine: its job went on, so show that one."""
    rows = await engine.store.runs()
    row = next((row for row in rows if row.instance_id == instance_id and row.place == "active"), None)
    if row is not None:
        await engine.drive(row.id)
    return row


async def _to_its_end(engine: Engine, row: RunRow) -> None:
    async for _ in engine.follow(row.id, row.last_rseq):
        pass
