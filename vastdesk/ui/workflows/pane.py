"""What one step asks for: its own parameters, and what every step has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import cast

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from vastdesk.domain.durations import parse_duration, write_duration
from vastdesk.domain.workflow import MAX_LIMIT_S, OnFailure
from vastdesk.ui.kit import EmptyState, Field, FormView, SectionHeader, TextLabel, declared_text, param_fields
from vastdesk.ui.theme import space
from vastdesk.ui.workflows.steps import DraftStep
from vastdesk.workers.forms import Step, check_value

ON_FAILURE, LIMIT = "step:on_failure", "step:time_limit"
"""Names no parameter has."""
_NO_UNDO = ("none", "nothing")


class StepPane(QWidget):
    """`show_step(step)`; `edited(DraftStep)` brings it back changed, half-typed values and all."""

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._declarations: Mapping[str, Step] = {}
        self._step: DraftStep | None = None
        self.form: FormView | None = None
        self._nothing = EmptyState(
            "workflow", self.tr("No step chosen"), self.tr("Choose a step to see what it does and what it takes.")
        )
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._nothing)
        self._pages.addWidget(self._scroll)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)

    def set_declarations(self, declarations: Mapping[str, Step]) -> None:
        self._declarations = declarations

    def show_step(self, step: DraftStep | None) -> None:
        """The same step again changes nothing on the screen: a field one types in keeps its focus."""
        before, self._step = self._step, step
        if step is not None and before is not None and _same_fields(before, step):
            return
        if step is None:
            self._pages.setCurrentWidget(self._nothing)
            return
        self._build(step)
        self._pages.setCurrentWidget(self._scroll)

    def focus_first_problem(self) -> None:
        if self.form is not None:
            self.form.focus_first_problem()

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self, step: DraftStep) -> None:
        declaration = self._declarations.get(step.use.use)
        params = param_fields(declaration.params, check_value) if declaration else ()
        self.form = FormView((*params, *self._option_fields(declaration)))
        if not params:  # two narrow fields would stand far from their labels
            self.form.setMaximumWidth(space(100))
        given = {**step.use.params, ON_FAILURE: step.use.on_failure, LIMIT: step.use.limit_s}
        self.form.set_values({**given, **step.raw})
        self.form.changed.connect(self._on_changed)
        page = QWidget()
        page.setProperty("kind", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(space(5), space(4), space(5), space(6))
        column.setSpacing(space(3))
        column.addWidget(SectionHeader(declared_text(step.use.title)))
        if declaration is not None:
            column.addWidget(TextLabel(declared_text(declaration.description), kind="muted"))
        column.addSpacing(space(1))
        column.addWidget(self.form)
        if declaration is not None and not declaration.undo.startswith(_NO_UNDO):
            told = self.tr("To take it back: {how}").format(how=declared_text(declaration.undo))
            column.addWidget(TextLabel(told, "caption", kind="muted"))
        column.addStretch(1)
        self._scroll.setWidget(page)

    def _option_fields(self, declaration: Step | None) -> tuple[Field, ...]:
        limit = declaration.limit_s if declaration else None
        usual = self.tr("none") if limit is None else str(write_duration(limit))
        return (
            Field(
                ON_FAILURE,
                "choice",
                self.tr("If it fails"),
                _check_on_failure,
                default="stop",
                choices=("stop", "continue"),
                help=self.tr("stop: the run ends there. continue: the steps after it run all the same."),
            ),
            Field(
                LIMIT,
                "duration",
                self.tr("Time limit"),
                partial(_check_limit, limit),
                help=self.tr("Like 90s, 45m, 1h30m. Empty: the step's own limit ({limit}).").format(limit=usual),
            ),
        )

    def _on_changed(self, name: str) -> None:
        step, form = self._step, self.form
        if step is None or form is None:
            return
        problems = form.problems()
        if problems:
            changed = replace(step, raw={name: _raw(form, name) for name in form.names}, problem=problems.popitem()[1])
        else:
            values = form.values()
            on_failure = cast(OnFailure, values.pop(ON_FAILURE))
            limit_s = cast(float | None, values.pop(LIMIT))
            changed = DraftStep(replace(step.use, params=values, on_failure=on_failure, limit_s=limit_s))
        self._step = changed
        self.edited.emit(changed)


def _same_fields(one: DraftStep, other: DraftStep) -> bool:
    """Equal but for being switched on or off."""
    return one == replace(other, use=replace(other.use, enabled=one.use.enabled))


def _raw(form: FormView, name: str) -> object:
    return form.editor(name).raw()  # type: ignore[attr-defined]  # every editor of a form has it


def _check_on_failure(value: object) -> object:
    if value not in ("stop", "continue"):
        raise ValueError(QCoreApplication.translate("StepPane", "is stop or continue"))
    return value


def _check_limit(usual: float | None, value: object) -> object:
    if value is None or value == "":
        return usual
    seconds = parse_duration(value)
    if seconds < 1:
        raise ValueError(QCoreApplication.translate("StepPane", "is at least one second"))
    if seconds > MAX_LIMIT_S:
        most = str(write_duration(MAX_LIMIT_S))
        raise ValueError(QCoreApplication.translate("StepPane", "is at most {most}").format(most=most))
    return seconds
