"""`vastdesk run`, `attach`, `cancel`, `retry`, `resume`: what starts, shows and steers runs."""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections.abc import Awaitable, Callable

from vastdesk.cli.choose import chosen_instance, chosen_workflow
from vastdesk.cli.following import Signals
from vastdesk.cli.jsonout import write_text
from vastdesk.cli.report import say, wrong_use
from vastdesk.cli.serving import served
from vastdesk.cli.sessions import Asker, open_session
from vastdesk.cli.text import short_id
from vastdesk.cli.watch import presenter_for, watch
from vastdesk.domain.sentences import run_sentence
from vastdesk.store import RunRow
from vastdesk.workers.engine import Engine
from vastdesk.workers.requests import RunRequest


def run(args: argparse.Namespace) -> int:
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    run_id = _checked_id(args.id)
    async with open_session(args) as (engine, asker):
        # The workflow first: it needs nothing but files, and a mistake in it must not leave a saved instance behind.
        workflow = await chosen_workflow(args, engine.catalogue, engine.store)
        instance = await chosen_instance(args, engine.store)
        async with served(engine.store, instance.id):
            instance = await engine.store.find_instance(instance.id)  # where it is served now
            request = RunRequest(workflow, instance, run_id=run_id, queue=args.queue)
            return await _start_and_watch(args, engine, asker, lambda: engine.start(request))


def _checked_id(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise wrong_use(f"--id is a UUID, not {text!r}", "Leave it out, or make one with: uuidgen") from None


async def _start_and_watch(
    args: argparse.Namespace,
    engine: Engine,
    asker: Asker | None,
    start: Callable[[], Awaitable[RunRow]],
    since: int = 0,
) -> int:
    signals = Signals()
    with signals.caught():
        row = await start()
        presenter = await presenter_for(args, row, engine.store, asker)
        if args.detach and row.place == "waiting":
            # It begins when the run ahead of it has ended: whoever drives that one, or watches this one, starts it.
            view = await engine.store.view(row.id)
            presenter.close(view, left=True)
            return 0
        return await watch(engine, row, presenter, signals, since=since, until_started=args.detach)


def attach(args: argparse.Namespace) -> int:
    return asyncio.run(_attach(args))


async def _attach(args: argparse.Namespace) -> int:
    async with open_session(args) as (engine, asker):
        row = await engine.store.find_run(args.run)
        signals = Signals()
        async with served(engine.store, row.instance_id):
            with signals.caught():
                if row.state != "blocked":  # a blocked one waits for a decision: `trust`, then `resume`
                    await engine.drive(row.id)
                presenter = await presenter_for(args, row, engine.store, asker)
                return await watch(engine, row, presenter, signals, since=args.since)


def retry(args: argparse.Namespace) -> int:
    return asyncio.run(_retry(args))


async def _retry(args: argparse.Namespace) -> int:
    async with open_session(args) as (engine, asker):
        row = await engine.store.find_run(args.run)
        async with served(engine.store, row.instance_id):
            return await _start_and_watch(args, engine, asker, lambda: engine.retry(row.id, args.failed_only))


def resume(args: argparse.Namespace) -> int:
    return asyncio.run(_resume(args))


async def _resume(args: argparse.Namespace) -> int:
    async with open_session(args) as (engine, asker):
        row = await engine.store.find_run(args.run)
        async with served(engine.store, row.instance_id):
            return await _start_and_watch(args, engine, asker, lambda: engine.resume(row.id), since=row.last_rseq)


def cancel(args: argparse.Namespace) -> int:
    return asyncio.run(_cancel(args))


async def _cancel(args: argparse.Namespace) -> int:
    """Waits until the run has ended: only then is it true that it was cancelled."""
    async with open_session(args) as (engine, _):
        row = await engine.store.find_run(args.run)
        async with served(engine.store, row.instance_id):
            await engine.cancel(row.id)
            say(f"Cancelling run {short_id(row.id)} …")
            async for _events in engine.follow(row.id, row.last_rseq):
                pass
        view = await engine.store.view(row.id)
    write_text(f"{run_sentence(view)} (run {short_id(row.id)})\n")
    return 0 if view.state == "cancelled" else 1
