"""What a window asks of runs that are over: how they ended, in numbers; comparing, exporting, forgetting them.

Functions of an engine, as in `desk.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from vastdesk.domain.counts import RunCounts, counts_of
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.views import RunView
from vastdesk.workers.engine import Engine
from vastdesk.workers.exporting import VERSION, Json, run_as_json, run_as_text


async def run_counts(engine: Engine, run_ids: Iterable[str]) -> dict[str, RunCounts]:
    """Of each; those that were forgotten meanwhile are left out."""
    return {run_id: counts_of(view) for run_id, view in (await run_views(engine, run_ids)).items()}


async def run_views(engine: Engine, run_ids: Iterable[str]) -> dict[str, RunView]:
    """The pictures of some runs; those that were forgotten meanwhile are left out."""
    views = {}
    for run_id in run_ids:
        try:
            views[run_id] = await engine.store.view(run_id)
        except VastDeskError as error:
            if error.kind != "no_run":
                raise
    return views


async def export_runs(engine: Engine, run_ids: Sequence[str], path: Path, *, as_json: bool) -> int:
    """Writes runs to a file, as JSON or as text; how many. Raises `unwritable_file`."""
    shapes: list[Json] = []
    texts: list[str] = []
    for run_id in run_ids:  # one after another: ten thousand pictures at once would fill the memory
        for view in (await run_views(engine, (run_id,))).values():
            if as_json:
                shapes.append(run_as_json(await engine.store.find_run(run_id), view))
            else:
                texts.append(run_as_text(view))
    text = "\n\n".join(texts)
    if as_json:
        text = json.dumps({"type": "runs", "v": VERSION, "runs": shapes}, indent=2) + "\n"
    try:
        await asyncio.to_thread(path.write_text, text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise VastDeskError("unwritable_file", path=path, detail=error.strerror or str(error)) from error
    return len(shapes) if as_json else len(texts)


async def forget_runs(engine: Engine, run_ids: Iterable[str]) -> int:
    """Removes those that have ended from the history; how many."""
    return await engine.store.forget_runs(run_ids)
