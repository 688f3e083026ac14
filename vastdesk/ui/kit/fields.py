"""What a form asks for: declarations of steps and settings in one shape, each with its own check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from PySide6.QtCore import QCoreApplication

from vastdesk.domain.durations import write_duration
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import display_text
from vastdesk.domain.settings import Setting, parse_setting

FieldType = Literal["text", "path", "int", "bool", "choice", "list", "duration", "script", "node_list"]

FIELD_TYPES: tuple[FieldType, ...] = (
    "text",
    "path",
    "int",
    "bool",
    "choice",
    "list",
    "duration",
    "script",
    "node_list",
)


@dataclass(frozen=True)
class Field:
    """One thing a form asks for. `check` makes the value of what was typed (a text, a bool, a list of texts), or raises
    a ValueError or VastDeskError that says what would be right; it takes its own result again."""

    name: str
    type: FieldType
    label: str
    check: Callable[[object], object]
    default: object = None
    help: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False

    def problem(self, raw: object) -> str:
        """What is wrong with what was typed, as a sentence that begins with the label; "" when nothing is."""
        try:
            self.check(raw)
        except VastDeskError as error:
            detail = str(error.facts.get("detail", error.sentence))
        except ValueError as error:
            detail = str(getattr(error, "message", error))
        else:
            return ""
        return f"{self.label} {display_text(detail, 300)}"

    def write(self, value: object) -> str:
        """A value as the text one edits; `check` reads it back. Not for bool."""
        if value is None:
            return ""
        if self.type == "duration" and isinstance(value, int | float):
            return str(write_duration(float(value)))
        if self.type == "list" and not isinstance(value, str) and isinstance(value, Sequence):
            return "\n".join(str(item) for item in value)
        return str(value)


class Declaration(Protocol):
    """What a step says of a parameter (`remote.runner.step.Param` is one). The window does not know that room."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def default(self) -> Any: ...
    @property
    def help(self) -> str: ...
    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def minimum(self) -> float | None: ...
    @property
    def maximum(self) -> float | None: ...
    @property
    def required(self) -> bool: ...


Declared = TypeVar("Declared", bound=Declaration)


def param_fields(params: Iterable[Declared], check: Callable[[Declared, Any], object]) -> tuple[Field, ...]:
    """The fields of a step's parameters. `check` is the step's own, `check_value(param, value)`."""
    return tuple(
        Field(
            param.name,
            _type_of(param),
            declared_text(param.label),
            partial(check, param),
            default=param.default,
            help=declared_text(param.help),
            choices=param.choices,
            minimum=param.minimum,
            maximum=param.maximum,
            required=param.required,
        )
        for param in params
    )


def _type_of(param: Declaration) -> FieldType:
    """A type this window does not know yet is edited as text."""
    return next((known for known in FIELD_TYPES if known == param.type), "text")


def setting_fields(settings: Iterable[Setting]) -> tuple[Field, ...]:
    """The fields of settings, as the table declares them."""
    return tuple(
        Field(
            setting.name,
            setting.type,
            declared_text(setting.label),
            partial(_check_setting, setting),
            default=setting.default,
            help=declared_text(setting.help),
            minimum=setting.minimum,
            maximum=setting.maximum,
        )
        for setting in settings
    )


def _check_setting(setting: Setting, raw: object) -> object:
    if raw == "" and setting.type != "text":
        return setting.default
    return parse_setting(setting.name, ("yes" if raw else "no") if isinstance(raw, bool) else str(raw))


def declared_text(text: str) -> str:
    """A label or help text of a declaration, in the language of the window (context `Declarations`)."""
    known = text.encode("utf-8", "replace").decode()
    return QCoreApplication.translate("Declarations", known) if known else ""
