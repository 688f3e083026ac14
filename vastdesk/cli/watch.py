"""Show a run until it ends or is left, in the form that fits where stdout goes, and give its exit code."""

from __future__ import annotations

import argparse
import contextlib

from vastdesk.cli.closing import program
from vastdesk.cli.following import Follower, Follows, Presenter, Signals
from vastdesk.cli.jsonout import OutputClosed, abandon_stdout
from vastdesk.cli.report import on_terminal, stdout_is_live
from vastdesk.cli.sessions import Asker
from vastdesk.domain.errors import VastDeskError
from vastdesk.store import RunRow, Store
from vastdesk.workers.outcome import exit_code


async def presenter_for(args: argparse.Namespace, row: RunRow, store: Store, asker: Asker | None) -> Presenter:
    """JSON when asked for, the live list on a terminal, else plain lines."""
    if args.json:
        from vastdesk.cli.jsonrun import JsonPresenter

        return JsonPresenter(row, await _instance_name(store, row))
    # What --verbose says on stderr would tear the picture apart.
    if stdout_is_live() and not args.verbose and not getattr(args, "detach", False):
        from vastdesk.cli.live import LivePresenter

        live = LivePresenter(can_ask=on_terminal(), call=program(args))
        if asker is not None:
            asker.aside = live.aside
        return live
    from vastdesk.cli.plain import PlainPresenter

    return PlainPresenter(row.id, program(args))


async def _instance_name(store: Store, row: RunRow) -> str:
    """The name of the run's instance, its id when it has been removed."""
    try:
        return (await store.find_instance(row.instance_id)).name
    except VastDeskError:
        return row.instance_id


async def watch(
    engine: Follows,
    row: RunRow,
    presenter: Presenter,
    signals: Signals,
    *,
    since: int = 0,
    until_started: bool = False,
) -> int:
    """The run's exit code, 0 when it was left. The caller catches `signals` from before the run was started."""
    follower = Follower(engine, row.id, presenter, signals, until_started=until_started)
    async with presenter.shown():
        followed = await follower.follow(since)
    if follower.output_closed:
        abandon_stdout()
    else:
        with contextlib.suppress(OutputClosed):
            presenter.close(followed.view, followed.left)
    return 0 if followed.left else exit_code(followed.view)
