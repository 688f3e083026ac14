"""Telling a person who looks elsewhere that a run is done, has failed, or needs them. Nothing else is worth it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from PySide6.QtCore import QObject, Signal

from vastdesk.domain.sentences import display_text, run_sentence
from vastdesk.domain.settings import values_of
from vastdesk.ui.state import State
from vastdesk.ui.tasks import ViewTasks

log = logging.getLogger(__name__)

NoticeKind = Literal["done", "failed", "blocked"]

_KINDS: Mapping[str, NoticeKind] = {
    "succeeded": "done",
    "failed": "failed",
    "lost": "failed",
    "interrupted": "failed",
    "blocked": "blocked",
}
"""By the state a run gets into. Whoever cancels one knows it already."""

_SIGNS = str.maketrans({"<": "‹", ">": "›", "&": "＆"})
"""Some notification services read markup in a text and others show it as it is, and none says which to Qt. These signs
look alike and are markup to nobody."""


@dataclass(frozen=True)
class Notice:
    """What is told. A click opens the run."""

    run_id: str
    kind: NoticeKind
    title: str
    text: str


class Notifier(Protocol):
    """A way to tell. `show` says whether it could; `on_click` is called with the run id."""

    async def show(self, notice: Notice, on_click: Callable[[str], object]) -> bool: ...


class DesktopNotifier:
    """The notification service of the desktop."""

    def __init__(self, icon_path: str = "") -> None:
        self._icon_path = icon_path
        self._service: Any = None
        self._is_missing = False

    async def show(self, notice: Notice, on_click: Callable[[str], object]) -> bool:
        if self._is_missing:
            return False
        try:
            service = self._service or await self._connected()
            from desktop_notifier import Urgency

            urgency = Urgency.Normal if notice.kind == "done" else Urgency.Critical  # a failure stays

            def clicked() -> None:
                on_click(notice.run_id)

            await service.send(notice.title, notice.text, urgency=urgency, on_clicked=clicked, thread=notice.run_id)
        except Exception:  # whatever a foreign service or its library breaks on: there is another way
            log.info("no notification service", exc_info=True)
            self._is_missing = True
            return False
        return True

    async def close(self) -> None:
        """Gives the connection back."""
        bus = getattr(getattr(self._service, "_backend", None), "bus", None)
        self._service, self._is_missing = None, True
        if bus is not None:
            bus.disconnect()
            await bus.wait_for_disconnect()

    async def _connected(self) -> Any:
        """Raises where no service answers: `send` itself would only log that."""
        from pathlib import Path

        import desktop_notifier

        icon = desktop_notifier.Icon(path=Path(self._icon_path)) if self._icon_path else None
        service = desktop_notifier.DesktopNotifier("VastDesk", icon)
        backend: Any = service._backend
        if hasattr(backend, "_init_dbus"):
            backend.interface = await backend._init_dbus()
        self._service = service
        return service


class Announcer(QObject):
    """Watches the history. Tells what happened while nobody looks; `opened(run_id)` comes for a click."""

    opened = Signal(str)

    def __init__(
        self,
        state: State,
        notifiers: tuple[Notifier, ...],
        *,
        settings: Callable[[], Awaitable[Mapping[str, str]]],
        is_watched: Callable[[], bool],
        now: Callable[[], float] = time.time,
        parent: QObject | None = None,
    ) -> None:
        """`notifiers` are tried in order. `is_watched`: a person has the window before them."""
        super().__init__(parent)
        self._state = state
        self._notifiers = notifiers
        self._settings = settings
        self._is_watched = is_watched
        self._began_ts = now()
        self._known: dict[str, str] | None = None
        self._is_paused = False
        self._tasks = ViewTasks(self)
        state.history_changed.connect(self._on_history_changed)

    def set_paused(self, paused: bool) -> None:
        """Until the end of this session."""
        self._is_paused = paused

    def _on_history_changed(self) -> None:
        before = self._known
        self._known = {head.id: head.state for head in self._state.history}
        if before is None:
            return  # what was there when the window opened is no news
        for head in self._state.history:
            kind = _KINDS.get(head.state)
            is_news = before.get(head.id) != head.state and (head.id in before or head.created_ts >= self._began_ts)
            if kind is not None and is_news and not self._is_paused and not self._is_watched():
                notice = self._notice(head.id, head.instance_id, head.workflow, kind)
                self._tasks.spawn(self._tell(notice), f"tell {head.id}")

    async def _tell(self, notice: Notice) -> None:
        if not values_of(await self._settings())[f"notify_{notice.kind}"]:
            return
        for notifier in self._notifiers:
            if await notifier.show(notice, self.opened.emit):
                return

    def _notice(self, run_id: str, instance_id: str, workflow: str, kind: NoticeKind) -> Notice:
        instance = self._state.instance(instance_id)
        view = self._state.views.get(run_id)
        name = display_text(instance.name if instance is not None else view.instance if view else "", 60)
        titles = {
            "done": self.tr("{machine}: done"),
            "failed": self.tr("{machine}: failed"),
            "blocked": self.tr("{machine} needs you"),
        }
        text = display_text(workflow, 80) if view is None else run_sentence(view, name)
        return Notice(
            run_id,
            kind,
            titles[kind].format(machine=name or self.tr("A machine")).translate(_SIGNS),
            display_text(text, 300).translate(_SIGNS),
        )
