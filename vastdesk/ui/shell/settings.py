"""The settings page: what the table declares, and what the window keeps for itself. Everything is applied at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import TABLE, Setting, values_of, write_setting
from vastdesk.ui.failures import FailurePlace, told
from vastdesk.ui.kit.buttons import push_button
from vastdesk.ui.kit.fields import Field, declared_text, setting_fields
from vastdesk.ui.kit.form import FormView
from vastdesk.ui.kit.header import SectionHeader
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.kit.search import SearchField
from vastdesk.ui.shell.matching import fit, folded
from vastdesk.ui.shell.memory import LANGUAGES, MODES, WindowMemory
from vastdesk.ui.tasks import ViewTasks
from vastdesk.ui.theme import space

if TYPE_CHECKING:
    from vastdesk.workers.bridge import Bridge

_WHEN = {"Connection": QT_TRANSLATE_NOOP("Settings", "Connections that are open keep the values they began with.")}
"""What is to be known of a whole section."""


class SettingsPage(QWidget):
    """`mode_chosen` is for the window itself; all that is in the table is stored through the engine."""

    mode_chosen = Signal(str)

    def __init__(self, bridge: Bridge, memory: WindowMemory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._memory = memory
        self._tasks = ViewTasks(self)
        self._failure = FailurePlace()
        self._tasks.failed.connect(self._failure.show_error)
        self._forms: dict[str, FormView] = {}
        self._cards: list[tuple[str, QWidget]] = []
        self._build()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._tasks.restart(self._load(), "load")

    def form(self, section: str) -> FormView:
        """For tests."""
        return self._forms[section]

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._header = SectionHeader(self.tr("Settings"), self.tr("Changes count at once."), role="headline")
        self.search = SearchField(self.tr("Find a setting"))
        self.search.setMaximumWidth(space(60))
        self.search.searched.connect(self._on_searched)
        self._header.add_widget(self.search)
        top = QVBoxLayout()
        top.setContentsMargins(space(5), space(4), space(5), space(3))
        top.setSpacing(space(3))
        top.addWidget(self._header)
        top.addWidget(self._failure)
        page = QWidget()
        page.setProperty("kind", "page")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(space(5), space(1), space(5), space(5))
        self._column.setSpacing(space(3))
        self._add_card(self.tr("Look"), FormView(self._look_fields()), self._on_look_changed)
        for section in _sections(TABLE):
            settings = [setting for setting in TABLE if setting.section == section]
            self._add_card(section, FormView(setting_fields(settings)), self._on_changed, settings)
        self._nothing = TextLabel(self.tr("No setting is named like that."), kind="muted")
        self._nothing.hide()
        self._column.addWidget(self._nothing)
        self._column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        area.setAccessibleName(self.tr("Settings"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(area, 1)
        self.show_look()

    def _add_card(self, section: str, form: FormView, slot: object, settings: Iterable[Setting] = ()) -> None:
        self._forms[section] = form
        form.changed.connect(slot)
        card = QFrame()
        card.setProperty("kind", "card")
        inner = QVBoxLayout(card)
        inner.setContentsMargins(space(4), space(3), space(4), space(4))
        inner.setSpacing(space(3))
        title = SectionHeader(declared_text(section))
        inner.addWidget(title)
        if settings:
            reset = push_button(self.tr("Back to the defaults"), "quiet")
            reset.setObjectName(section)
            reset.clicked.connect(self._on_reset)
            title.add_widget(reset)
        if section in _WHEN:
            inner.addWidget(TextLabel(QCoreApplication.translate("Settings", str(_WHEN[section])), kind="muted"))
        inner.addWidget(form)
        row = QHBoxLayout()
        row.addWidget(card, 100)
        row.addStretch(1)
        card.setMaximumWidth(space(200))
        self._column.addLayout(row)
        words = [section, *(f"{setting.label} {setting.help} {setting.name}" for setting in settings)]
        self._cards.append((folded(" ".join([*words, *(declared_text(word) for word in words)])), card))

    def _look_fields(self) -> tuple[Field, ...]:
        self._modes: dict[str, str] = dict(
            zip(MODES, (self.tr("As the desktop"), self.tr("Light"), self.tr("Dark")), strict=True)
        )
        self._languages = dict(
            zip(("system", *LANGUAGES), (self.tr("As the desktop"), "English", "Deutsch"), strict=True)
        )
        return (
            _choice("appearance", self.tr("Colours"), self._modes),
            _choice("language", self.tr("Language"), self._languages, self.tr("Counts from the next start on.")),
        )

    # -- values --------------------------------------------------------------------------------------------------------

    async def _load(self) -> None:
        from vastdesk.workers import desk

        stored = await self._bridge.call(desk.settings)
        self._show(stored)

    def _show(self, stored: Mapping[str, str]) -> None:
        values = {name: write_setting(name, value) for name, value in values_of(stored).items()}
        for form in self._forms.values():
            editing = form.problems()  # what a person is just typing stays
            form.set_values({name: text for name, text in values.items() if name not in editing})

    def show_look(self) -> None:
        """It was changed in the menu."""
        self._forms[self.tr("Look")].set_values(
            {
                "appearance": self._modes[self._memory.mode],
                "language": self._languages[self._memory.language or "system"],
            }
        )

    def _on_changed(self, name: str) -> None:
        form = next(form for form in self._forms.values() if name in form.names)
        if name not in form.problems():
            text = write_setting(name, form.value(name))  # type: ignore[arg-type]
            self._tasks.restart(self._store(form, name, text), f"store {name}")

    async def _store(self, form: FormView, name: str, text: str | None) -> None:
        from vastdesk.workers import desk

        try:
            await self._bridge.call(lambda engine: desk.change_setting(engine, name, text))
        except VastDeskError as error:
            if error.kind != "bad_setting":
                raise
            form.show_problem(name, told(error).sentence)

    def _on_reset(self) -> None:
        section = self.sender().objectName()
        self._tasks.restart(self._reset(section), f"reset {section}")

    async def _reset(self, section: str) -> None:
        form = self._forms[section]
        for name in form.names:
            form.reset(name)
            await self._store(form, name, None)

    def _on_look_changed(self, name: str) -> None:
        chosen = self._forms[self.tr("Look")].value(name)
        if name == "appearance":
            self.mode_chosen.emit(next(mode for mode, label in self._modes.items() if label == chosen))
        else:
            language = next(language for language, label in self._languages.items() if label == chosen)
            self._memory.write("language", "" if language == "system" else language)

    def _on_searched(self, text: str) -> None:
        shown = 0
        for words, card in self._cards:
            fits = not text or fit(folded(text), words) is not None
            card.setVisible(fits)
            shown += fits
        self._nothing.setVisible(not shown)
        self.search.set_count(shown if text else None, len(self._cards))


def _sections(table: Iterable[Setting]) -> list[str]:
    return list(dict.fromkeys(setting.section for setting in table))


def _choice(name: str, label: str, labels: Mapping[str, str], help: str = "") -> Field:
    return Field(name, "choice", label, _same, default=labels["system"], choices=tuple(labels.values()), help=help)


def _same(raw: object) -> object:
    return raw
