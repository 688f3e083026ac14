"""The window's loop: asyncio on Qt, without leaks, overflows and wedges."""

from __future__ import annotations

import asyncio
import time

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from vastdesk.ui.loop import WindowLoop


def run(app: QApplication, main: object) -> object:
    app.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: WindowLoop(app)) as runner:
        return runner.run(main)  # type: ignore[arg-type]


def test_callbacks_come_in_order(qapp: QApplication) -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, seen.append, 4)
        loop.call_later(0.01, seen.append, 3)
        loop.call_soon(seen.append, 1)
        loop.call_soon(seen.append, 2)
        await asyncio.sleep(0.03)

    run(qapp, main())
    assert seen == [1, 2, 3, 4]


def test_nothing_comes_early(qapp: QApplication) -> None:
    async def main() -> list[float]:
        waits = []
        for delay in (0.0011, 0.0049, 0.0123):
            begin = time.monotonic()
            await asyncio.sleep(delay)
            waits.append(time.monotonic() - begin - delay)
        return waits

    assert min(run(qapp, main())) >= 0  # type: ignore[call-overload]


def test_finished_timeouts_leave_nothing(qapp: QApplication) -> None:
    async def main() -> int:
        for _ in range(1000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WindowLoop)
        return len(loop._later)

    left = run(qapp, main())
    assert isinstance(left, int) and left <= 200


def test_a_wait_of_a_hundred_days_may_be_asked_for(qapp: QApplication) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(100 * 86400, print)
        await asyncio.sleep(0.001)

    run(qapp, main())


def test_a_nested_loop_inside_a_task_pauses_the_others_and_they_go_on(qapp: QApplication) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.001)

    async def main() -> int:
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(tick())
            await asyncio.sleep(0.01)
            nested = QEventLoop()
            QTimer.singleShot(20, nested.quit)
            nested.exec()  # what a native menu does
            before = len(ticks)
            await asyncio.sleep(0.02)
            ticking.cancel()
        return len(ticks) - before

    assert run(qapp, main()) != 0


def test_other_threads_are_heard_and_threads_do_work(qapp: QApplication) -> None:
    async def main() -> int:
        return await asyncio.to_thread(lambda: 7)

    assert run(qapp, main()) == 7


def test_a_flood_of_callbacks_leaves_qt_its_turn(qapp: QApplication) -> None:
    gaps: list[float] = []
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        now = time.monotonic()
        gaps.append(now - last)
        last = now

    async def main() -> None:
        timer = QTimer()
        timer.timeout.connect(beat)
        timer.start(1)
        loop = asyncio.get_running_loop()
        for _ in range(20_000):
            loop.call_soon(int)
        for _ in range(400):
            loop.call_soon(time.sleep, 0.0005)
        await asyncio.sleep(0.3)
        timer.stop()

    run(qapp, main())
    assert len(gaps) > 10


def test_what_breaks_is_told_to_the_handler(qapp: QApplication) -> None:
    seen: list[object] = []

    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: seen.append(type(context["exception"])))
        loop.call_soon(fail)
        await asyncio.sleep(0.01)

    run(qapp, main())
    assert seen == [ZeroDivisionError]


def test_finally_blocks_run_at_the_end(qapp: QApplication) -> None:
    ended: list[str] = []

    async def guest() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("guest")

    async def main() -> None:
        _task = asyncio.get_running_loop().create_task(guest())  # left over on purpose
        await asyncio.sleep(0)

    run(qapp, main())
    assert ended == ["guest"]
