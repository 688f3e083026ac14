"""Notifications: what is told, what is not, and by which way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from tests.ui.fakes import HOSTILE_NAMES, instance, state_of, until
from tests.ui.shell.conftest import changes, head, view
from vastdesk.ui.shell.closing import QuitDialog
from vastdesk.ui.shell.notices import Announcer, Notice
from vastdesk.ui.shell.summary import OpenRun, attention, open_runs
from vastdesk.ui.shell.tray import Tray, tray_icon
from vastdesk.ui.state import State


class Heard:
    """A notifier that remembers, and can be clicked."""

    def __init__(self, works: bool = True) -> None:
        self.works = works
        self.notices: list[Notice] = []
        self.clicks: list[Callable[[], object]] = []

    async def show(self, notice: Notice, on_click: Callable[[str], object]) -> bool:
        if self.works:
            self.notices.append(notice)
            self.clicks.append(lambda: on_click(notice.run_id))
        return self.works


class World:
    def __init__(self, *notifiers: Heard) -> None:
        self.state: State = state_of((instance("m1", "box-1"),))
        self.settings: dict[str, str] = {}
        self.watched = False
        self.announcer = Announcer(
            self.state, notifiers, settings=self._settings, is_watched=lambda: self.watched, now=lambda: 1e9
        )
        self.announcer.opened.connect(self._on_opened)
        self.opened: list[str] = []
        changes(self.state, history=())

    def _on_opened(self, run_id: str) -> None:
        self.opened.append(run_id)

    async def _settings(self) -> dict[str, str]:
        return self.settings

    def becomes(self, state: str, run_id: str = "r1", ended: bool = True) -> None:
        changes(
            self.state, history=(head(run_id, "m1", state, ended, created=2e9),), views={run_id: view(run_id, state)}
        )


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("succeeded", "done"),
        ("failed", "failed"),
        ("lost", "failed"),
        ("interrupted", "failed"),
        ("blocked", "blocked"),
    ],
)
async def test_what_is_worth_telling(qapp: QApplication, state: str, kind: str) -> None:
    heard = Heard()
    world = World(heard)
    world.becomes("running", ended=False)
    world.becomes(state)
    await until(lambda: heard.notices)
    (notice,) = heard.notices
    assert (notice.run_id, notice.kind) == ("r1", kind)
    assert "box-1" in notice.title
    heard.clicks[0]()
    assert world.opened == ["r1"]
    world.becomes(state)
    assert len(heard.notices) == 1


async def test_a_run_too_short_to_be_seen_running_is_told_too(qapp: QApplication) -> None:
    heard = Heard()
    World(heard).becomes("failed")
    await until(lambda: heard.notices)


@pytest.mark.parametrize("state", ["cancelled", "running", "queued", "reconnecting", "something new"])
async def test_what_is_not(qapp: QApplication, state: str) -> None:
    heard = Heard()
    world = World(heard)
    world.becomes("connecting", ended=False)
    world.becomes(state)
    world.becomes("succeeded", "r2")
    await until(lambda: heard.notices)
    assert [notice.run_id for notice in heard.notices] == ["r2"]


async def test_nothing_is_told_to_who_looks_who_pauses_and_who_switched_it_off(qapp: QApplication) -> None:
    heard = Heard()
    world = World(heard)
    world.watched = True
    world.becomes("succeeded", "seen")
    world.watched = False
    world.announcer.set_paused(True)
    world.becomes("succeeded", "paused")
    world.announcer.set_paused(False)
    world.settings["notify_done"] = "no"
    world.becomes("succeeded", "off")
    world.becomes("failed", "told")
    await until(lambda: heard.notices)
    assert [notice.run_id for notice in heard.notices] == ["told"]


async def test_history_from_before_is_no_news(qapp: QApplication) -> None:
    heard = Heard()
    world = World(heard)
    changes(world.state, history=(head("old", "m1", "failed", True, created=5e8),))
    world.becomes("failed", "new")
    await until(lambda: heard.notices)
    assert [notice.run_id for notice in heard.notices] == ["new"]


async def test_where_one_way_fails_the_next_is_taken(qapp: QApplication) -> None:
    broken, works = Heard(works=False), Heard()
    World(broken, works).becomes("succeeded")
    await until(lambda: works.notices)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_names_are_markup_to_nobody(qapp: QApplication, name: str) -> None:
    heard = Heard()
    world = World(heard)
    changes(world.state, instances=(instance("m1", name),))
    world.becomes("succeeded")
    await until(lambda: heard.notices)
    told = heard.notices[0].title + heard.notices[0].text
    assert not set("<>&") & set(told)
    assert told.replace("\u200d", "").isprintable() and len(told) < 500


async def test_without_a_tray_nothing_pretends(qapp: QApplication) -> None:
    assert not QSystemTrayIcon.isSystemTrayAvailable(), "offscreen there is none"
    tray = Tray()
    tray.watch(state_of((instance("m1"),), (head("r1"),), {"r1": view("r1")}))
    assert not tray.ensure() and not tray.is_there
    assert not tray.tell("title", "text")
    tray.hide()


def test_the_icon_differs_in_shape(qapp: QApplication) -> None:
    pictures = [tray_icon(shown).pixmap(32, 32).toImage() for shown in ("idle", "running", "attention")]
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]


def run_of(state: str, here: str = "") -> OpenRun:
    return OpenRun("r", "m", "box", "set-up", state, here)


def test_what_needs_a_person_comes_first(qapp: QApplication) -> None:
    assert attention([]) == "idle"
    assert attention([run_of("running")]) == "running"
    assert attention([run_of("running"), run_of("blocked")]) == "attention"


def test_a_step_on_this_computer_is_known(qapp: QApplication) -> None:
    state = state_of((instance("m1", "box"),), (head("r1"), head("r2")), {"r1": view("r1"), "r2": view("r2", job="j")})
    assert [run.here for run in open_runs(state)] == ["Test SSH", ""]


async def test_the_question_before_the_end(theme: object, qapp: QApplication) -> None:
    """Who quits during a step of this computer is asked; who leaves runs behind is told, and may switch that off."""
    told = QuitDialog([run_of("running")])
    asked = QuitDialog([run_of("running"), run_of("running", "Test SSH")])
    assert told.skip.parent() is told
    assert asked.skip.parent() is None
    assert "this computer" in asked.accessibleName()
    for dialog in (told, asked):
        dialog.deleteLater()
