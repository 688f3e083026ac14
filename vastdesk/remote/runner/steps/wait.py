"""The pause between steps."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


STEP = Step(
    name="wait",
    title="Wait",
    description="Waits for a while: services settle, a person looks.",
    limit_s=None,
    params=(
        Param("seconds", "duration", "How long", default=5.0, help="Seconds, or like 90s, 5m, 1h. 0 is no pause."),
    ),
    undo="nothing to undo",
    example={"seconds": 0.2},
)


def run(ctx: Context) -> str:
    total = float(ctx.params["seconds"])
    ctx.plan([{"id": "wait", "label": "Wait"}])
    with ctx.task("wait") as task:
        pause = threading.Event()
        begin = time.monotonic()
        while True:
            gone = time.monotonic() - begin
            if gone >= total:
                break
            task.progress(int(gone), total, "s", eta_s=total - gone)
            pause.wait(min(1.0, total - gone))
    return "Waited %g s" % total
