"""Events: their states, and how what arrives from a machine becomes something the rest can rely on.

An event is one JSON object (docs/protocol.md §1). The instance may be broken or hostile, its log half written: here,
and only here, shapes are checked. What cannot be used is dropped field by field, so that one bad number never hides a
state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

DESKTOP_JOB = "desktop"
"""The job whose events the engine writes; all others are written by runners."""

FINISHED_TASK_STATES = frozenset({"succeeded", "failed", "skipped", "cancelled", "interrupted", "lost"})
OK_TASK_STATES = frozenset({"succeeded", "skipped"})
ACTIVE_TASK_STATES = frozenset({"running", "waiting"})
TASK_STATES = frozenset({"pending"}) | ACTIVE_TASK_STATES | FINISHED_TASK_STATES

FINISHED_STEP_STATES = FINISHED_TASK_STATES
STEP_STATES = frozenset({"pending", "running"}) | FINISHED_STEP_STATES

FINAL_RUN_STATES = frozenset({"succeeded", "failed", "cancelled", "interrupted", "lost"})
ACTIVE_RUN_STATES = frozenset({"connecting", "running", "reconnecting", "cancelling"})
RUN_STATES = frozenset({"queued", "blocked"}) | ACTIVE_RUN_STATES | FINAL_RUN_STATES

JOB_END_STATES = frozenset({"succeeded", "failed", "cancelled"})

MAX_TEXT = 8192
"""Characters of one text field; a line of the log is at most 8 KiB, so only a broken writer exceeds it."""
MAX_NUMBER = 2**53
"""Beyond it a JSON number is no longer exact, and nothing we count gets there."""
MAX_TS = 253402300799
"""The last second of the year 9999: what `datetime` can show."""
MAX_DEPTH = 8

_SURROGATES = re.compile("[\ud800-\udfff]")

Check = Callable[[Any], Any]
"""Gives the value to keep, or None to drop the field."""


def clean_event(obj: object) -> dict[str, Any] | None:
    """A copy of the event with only usable fields, or None when it is no event: not an object, no `type`, no `seq` ≥ 1.

    Texts stay as they were written (cut at `MAX_TEXT`, lone surrogates replaced): `sentences.display_text` makes them
    harmless when they are shown. Unknown types and fields are kept if they are plain JSON.
    """
    event = clean_fields(obj)
    return event if event is not None and "seq" in event else None


def clean_fields(obj: object) -> dict[str, Any] | None:
    """`clean_event` for events that were never numbered: `seq` may be absent, but not wrong."""
    if not isinstance(obj, Mapping):
        return None
    kind = obj.get("type")
    if not isinstance(kind, str) or not kind or ("seq" in obj and _count(obj["seq"]) is None):
        return None
    checks = _CHECKS.get(kind, _COMMON)
    event: dict[str, Any] = {}
    for name, value in obj.items():
        check = checks.get(name)
        kept = check(value) if check is not None else _unknown(name, value)
        if kept is not None:
            event[name] = kept
    return event


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    value = value[:MAX_TEXT]
    return value if value.isascii() else _SURROGATES.sub("\ufffd", value)


def _name(value: Any) -> str | None:
    """An id: a text that is not empty."""
    return _text(value) or None


def _count(value: Any) -> int | None:
    """A number of something that is counted from 1."""
    return value if type(value) is int and 1 <= value <= MAX_NUMBER else None


def _number(value: Any) -> float | int | None:
    """A number ≥ 0, finite and not absurd. Durations, sizes and shares are never negative."""
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value if 0 <= value <= MAX_NUMBER else None
    return None


def _timestamp(value: Any) -> float | int | None:
    number = _number(value)
    return number if number is not None and number <= MAX_TS else None


def _one_of(states: frozenset[str]) -> Check:
    def check(value: Any) -> str | None:
        return value if isinstance(value, str) and value in states else None

    return check


def _objects(**checks: Check) -> Check:
    """A list of objects that all have an `id`; those without one are left out."""

    def check(value: Any) -> list[dict[str, Any]] | None:
        if not isinstance(value, list | tuple):
            return None
        cleaned = (_object(item, checks) for item in value)
        return [item for item in cleaned if item is not None and "id" in item]

    return check


def _object(value: Any, checks: Mapping[str, Check]) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    kept = ((name, checks[name](value[name])) for name in checks if name in value)
    return {name: item for name, item in kept if item is not None}


def _progress(value: Any) -> dict[str, Any] | None:
    return _object(value, _PROGRESS)


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, list | tuple):
        return None
    return [text for text in map(_text, value) if text is not None]


def _names(value: Any) -> list[str] | None:
    return None if (texts := _texts(value)) is None else [text for text in texts if text]


def _unknown(name: object, value: Any) -> Any:
    return _plain(value, MAX_DEPTH) if isinstance(name, str) else None


def _plain(value: Any, depth: int) -> Any:
    """`value` as far as it is JSON that every reader takes: finite numbers, bounded depth."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if -MAX_NUMBER <= value <= MAX_NUMBER else None
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        items = ((key, _plain(item, depth - 1)) for key, item in value.items() if isinstance(key, str))
        return {key: item for key, item in items if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    return None


def _mapping(value: Any) -> Any:
    return _plain(value, MAX_DEPTH) if isinstance(value, Mapping) else None


_PROGRESS: Mapping[str, Check] = {"done": _number, "total": _number, "unit": _text}

_COMMON: Mapping[str, Check] = {
    "seq": _count,
    "ts": _timestamp,
    "mono": _number,
    "type": _name,
    "run": _name,
    "job": _name,
    "rseq": _count,
}

_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "run_state": {
        **_COMMON,
        "state": _one_of(RUN_STATES),
        "reason": _text,
        "kind": _text,
        "action": _text,
        "workflow": _text,
        "instance": _text,
        "retry_of": _name,
        "steps": _objects(id=_name, use=_text, title=_text),
        "block": _mapping,
        "tail": _texts,
    },
    "job_started": {**_COMMON, "steps": _names, "runner": _text, "boot_id": _text},
    "plan": {
        **_COMMON,
        "step": _name,
        "tasks": _objects(id=_name, label=_text, parent=_name, kind=_text, note=_text),
    },
    "step_started": {**_COMMON, "step": _name, "limit_s": _number},
    "task": {
        **_COMMON,
        "step": _name,
        "id": _name,
        "state": _one_of(TASK_STATES),
        "label": _text,
        "parent": _name,
        "kind": _text,
        "progress": _progress,
        "rate": _number,
        "size_bytes": _number,
        "eta_s": _number,
        "note": _text,
    },
    "log": {**_COMMON, "step": _name, "task": _name, "text": _text},
    "step_finished": {**_COMMON, "step": _name, "state": _one_of(FINISHED_STEP_STATES), "note": _text},
    "job_finished": {**_COMMON, "state": _one_of(JOB_END_STATES), "reason": _text},
    "job_sent": {**_COMMON, "id": _name},
    "job_ended": {**_COMMON, "id": _name, "state": _text},
    "dropped": {**_COMMON, "count": _count},
}
