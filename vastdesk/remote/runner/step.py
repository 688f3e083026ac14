"""What a step says of itself. Importable on both sides: the desktop makes forms from it, the instance runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

PARAM_TYPES = ("text", "path", "int", "bool", "choice", "list", "duration", "script", "node_list")
"""`list` is a list of texts; `duration` is seconds (the form also takes `90s`, `5m`, `1h`); `script` is text shown
before it runs; `node_list` is what the desktop turns into CSV text before the job is sent (`default`, a file, or
`git+URL`)."""


@dataclass(frozen=True)
class Param:
    """One parameter of a step.

    `default` None means: no value, the step decides (for paths: what `probe` finds).
    """

    name: str
    type: str
    label: str
    default: Any = None
    help: str = ""
    choices: Tuple[str, ...] = ()
    minimum: Optional[float] = None
    maximum: Optional[float] = None
    required: bool = False


@dataclass(frozen=True)
class Step:
    """The declaration of a step.

    `limit_s` None means no limit. `undo` says how its effect is taken back, or that it has no undo.
    `secrets` names the secrets the desktop may hand over (never part of the parameters).
    `example` are parameters for which the step must run, be idempotent and be cancellable on a practice machine.
    `first_row` gives, for its parameters, the task ({id, label, kind?}) that is shown as running in the moment the step
    starts, before its process says anything; the step plans the same id first.
    """

    name: str
    title: str
    description: str
    limit_s: Optional[float]
    params: Tuple[Param, ...] = ()
    secrets: Tuple[str, ...] = ()
    undo: str = "none"
    example: Mapping[str, Any] = field(default_factory=dict)
    first_row: Optional[Callable[[Mapping[str, Any]], Mapping[str, str]]] = None

    def defaults(self) -> Dict[str, Any]:
        """Every parameter with its default."""
        return {param.name: param.default for param in self.params}


class ParamError(ValueError):
    """A parameter that cannot be used: names it and says what would be right."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__("%s: %s" % (param, message))
        self.param = param
        self.message = message


def _text_problem(value: Any, type_: str = "text") -> str:
    if not isinstance(value, str):
        return "must be a text, not %s" % type(value).__name__
    if type_ == "node_list":
        return ""  # its reader judges it row by row: a bad one must not stop the others
    if type_ == "script":
        return "must not contain NUL characters" if "\0" in value else ""
    if any(ord(char) < 32 and char not in "\n\t" for char in value) or "\x7f" in value:
        return "must not contain control characters"
    return ""


def parse_duration(value: Any) -> float:
    """Seconds from a number or from `90s`, `5m`, `1h`, `250ms`. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("a duration is a number of seconds, or like 90s, 5m, 1h")
    if isinstance(value, (int, float)):
        seconds = float(value)
    else:
        text = str(value).strip().lower()
        units = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0))
        for suffix, factor in units:
            if text.endswith(suffix) and text[: -len(suffix)].replace(".", "", 1).isdigit():
                seconds = float(text[: -len(suffix)]) * factor
                break
        else:
            if not text.replace(".", "", 1).isdigit():
                raise ValueError("%r is not a duration: use seconds, or like 90s, 5m, 1h" % (value,))
            seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError("a duration is not negative")
    return seconds


def check_value(param: Param, value: Any) -> Any:
    """The value in the parameter's type, or ParamError. Strings (from `--set`) are converted."""
    if value is None or (value == "" and not param.required and param.type != "text"):
        if param.required:
            raise ParamError(param.name, "is needed: %s" % (param.help or param.label))
        return param.default
    if param.type == "int":
        return _check_int(param, value)
    if param.type == "bool":
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0"):
            return False
        raise ParamError(param.name, "is yes or no, not %r" % (value,))
    if param.type == "duration":
        try:
            return parse_duration(value)
        except ValueError as error:
            raise ParamError(param.name, str(error)) from None
    if param.type == "list":
        items = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(items, Sequence) or any(_text_problem(item) for item in items):
            raise ParamError(param.name, "is a list of texts")
        return [item for item in items if item]
    problem = _text_problem(value, param.type)
    if problem:
        raise ParamError(param.name, problem)
    if param.type == "choice" and value not in param.choices:
        raise ParamError(param.name, "is one of %s, not %r" % (", ".join(param.choices), value))
    if param.type == "path" and ("\n" in value or not value.startswith(("/", "~"))):
        raise ParamError(param.name, "is an absolute path on the instance, like /workspace/ComfyUI, not %r" % (value,))
    if param.required and not value.strip():
        raise ParamError(param.name, "must not be empty")
    return value


def _check_int(param: Param, value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = int(str(value).strip())
    except ValueError:
        raise ParamError(param.name, "is a whole number, not %r" % (value,)) from None
    if param.minimum is not None and number < param.minimum:
        raise ParamError(param.name, "is at least %g, not %d" % (param.minimum, number))
    if param.maximum is not None and number > param.maximum:
        raise ParamError(param.name, "is at most %g, not %d" % (param.maximum, number))
    return number


def check_params(step: Step, given: Mapping[str, Any]) -> Tuple[Dict[str, Any], Tuple[ParamError, ...]]:
    """All parameters with defaults filled in, and every error at once."""
    known = {param.name: param for param in step.params}
    errors = [
        ParamError(name, "is not a parameter of %s; it has: %s" % (step.name, ", ".join(known) or "none"))
        for name in given
        if name not in known
    ]
    values = {}
    for name, param in known.items():
        try:
            values[name] = check_value(param, given.get(name, param.default))
        except ParamError as error:
            errors.append(error)
    return values, tuple(errors)
