"""A run as JSON lines: the run, every event, the result."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

from vastdesk.cli import shapes
from vastdesk.cli.following import Choice, Event
from vastdesk.cli.jsonout import emit
from vastdesk.cli.report import say
from vastdesk.domain.views import RunView
from vastdesk.store import RunRow


class JsonPresenter:
    """Events as they are stored. Nobody can be asked here."""

    can_ask = False

    def __init__(self, row: RunRow, instance: str, stream: TextIO | None = None) -> None:
        self._row = row
        self._instance = instance
        self._stream = stream or sys.stdout
        self._begun = False

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        yield

    def update(self, events: Sequence[Event], view: RunView) -> None:
        self._begin()
        for event in events:
            emit(event, self._stream)

    def tell(self, text: str) -> None:
        say(text)

    async def ask(self) -> Choice:
        return "cancel"

    def close(self, view: RunView, left: bool) -> None:
        from vastdesk.workers.outcome import exit_code

        self._begin()
        emit(shapes.result(view, self._row.id, 0 if left else exit_code(view), left), self._stream)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            emit(shapes.first_line(self._row, self._instance), self._stream)
