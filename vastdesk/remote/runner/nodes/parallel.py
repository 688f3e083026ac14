"""A few workers on an ordered list, where some things must wait for others."""

from __future__ import annotations

import threading
from typing import Callable, List, Optional, Sequence, TypeVar

Item = TypeVar("Item")


def run_parallel(
    items: Sequence[Item],
    workers: int,
    ready: Callable[[Item], bool],
    work: Callable[[Item], None],
    stop: Callable[[], None],
) -> None:
    """`work` on every item, at most `workers` at once, in list order among those that are `ready`.

    The first exception is raised here after `stop` was called and all workers have ended; nothing new begins after it.
    """
    pending: List[Item] = list(items)
    changed = threading.Condition()
    failure: List[BaseException] = []
    busy = [0]

    def next_item() -> Optional[Item]:
        with changed:
            while pending and not failure:
                found = next((item for item in pending if ready(item)), None)
                if found is None and not busy[0]:
                    found = pending[0]  # nobody is left who could make anything ready: better late than never
                if found is not None:
                    pending.remove(found)
                    busy[0] += 1
                    return found
                changed.wait()
            return None

    def worker() -> None:
        while True:
            item = next_item()
            if item is None:
                return
            try:
                work(item)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                with changed:
                    failure.append(error)
                stop()
            finally:
                with changed:
                    busy[0] -= 1
                    changed.notify_all()

    threads = [
        threading.Thread(target=worker, name="vastdesk-worker-%d" % number, daemon=True) for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failure:
        raise failure[0]
