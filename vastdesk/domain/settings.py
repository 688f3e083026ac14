"""Every setting there is, declared once: the command line, the settings page and the docs are made from this table.

The store keeps texts, and only of settings that were changed; `value_of` makes values of them again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from vastdesk.domain.durations import HOW, parse_duration, write_duration
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.sentences import display_text
from vastdesk.domain.suggestions import did_you_mean

Value: TypeAlias = float | int | bool | str
Type = Literal["duration", "int", "bool", "text"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. A `duration` is a float in seconds; `minimum` and `maximum` include themselves."""

    name: str
    type: Type
    default: Value
    label: str
    help: str
    section: str
    minimum: float | None = None
    maximum: float | None = None


TABLE: tuple[Setting, ...] = (
    Setting(
        "step_delay",
        "duration",
        5.0,
        "Pause between steps",
        "Used when a workflow says nothing of its own; 0 is allowed.",
        "Workflows",
        0,
        3600,
    ),
    Setting(
        "connect_timeout_s",
        "duration",
        15.0,
        "Time to connect",
        "For one address of a machine, from name to login.",
        "Connection",
        1,
        300,
    ),
    Setting(
        "keepalive_interval_s",
        "duration",
        5.0,
        "Keep-alive interval",
        "How often a silent connection is asked whether it lives.",
        "Connection",
        1,
        300,
    ),
    Setting(
        "keepalive_count",
        "int",
        3,
        "Keep-alive tries",
        "Unanswered ones until the connection counts as lost.",
        "Connection",
        1,
        20,
    ),
    Setting(
        "stale_after_s",
        "duration",
        6.0,
        "Silence before a run counts as stale",
        "The machine sends a beat every 2 s.",
        "Connection",
        3,
        300,
    ),
    Setting(
        "reconnect_initial_s",
        "duration",
        0.5,
        "First wait before reconnecting",
        "Doubles with every try up to the longest wait.",
        "Connection",
        0.1,
        60,
    ),
    Setting(
        "reconnect_max_s",
        "duration",
        30.0,
        "Longest wait before reconnecting",
        "Never shorter than the first wait.",
        "Connection",
        0.1,
        3600,
    ),
    Setting(
        "cancel_patience_s",
        "duration",
        60.0,
        "Patience of a cancel",
        "A cancelled run whose machine stays out of reach for so long is ended here.",
        "Connection",
        1,
        3600,
    ),
    Setting(
        "history_days",
        "int",
        0,
        "Days to keep finished runs",
        "0 keeps them until 'vastdesk runs clear'.",
        "History",
        0,
        3650,
    ),
    Setting(
        "backup_count",
        "int",
        3,
        "Database backups to keep",
        "One is made before each change of the database's form.",
        "History",
        1,
        50,
    ),
    Setting(
        "notify_done",
        "bool",
        True,
        "Tell when a run is done",
        "A notification of the desktop, while the window is not in front.",
        "Notifications",
    ),
    Setting(
        "notify_failed",
        "bool",
        True,
        "Tell when a run has failed",
        "Also when it was lost or interrupted.",
        "Notifications",
    ),
    Setting(
        "notify_blocked",
        "bool",
        True,
        "Tell when a run needs you",
        "It waits, for example until you trust a new host key.",
        "Notifications",
    ),
    Setting(
        "close_to_tray",
        "bool",
        True,
        "Closing the window leaves VastDesk in the tray",
        "Only where there is a tray. Without it, closing quits; what runs on machines goes on either way.",
        "Window",
    ),
)

SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in TABLE}


def find_setting(name: str) -> Setting:
    """Raises VastDeskError("no_setting") with the closest name."""
    if name not in SETTINGS:
        raise VastDeskError("no_setting", name=display_text(name, 80), hint=did_you_mean(name, SETTINGS))
    return SETTINGS[name]


def parse_setting(name: str, text: str) -> Value:
    """The value of what a person typed. Raises VastDeskError: "no_setting", "bad_setting"."""
    setting = find_setting(name)
    try:
        return _in_bounds(setting, _parse(setting, text.strip()))
    except ValueError as error:
        raise VastDeskError("bad_setting", name=name, detail=f"{error}, not '{display_text(text, 80)}'") from None


def write_setting(name: str, value: Value) -> str:
    """The text that is stored and shown; `parse_setting` reads it back."""
    setting = find_setting(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(write_duration(float(value))) if setting.type == "duration" else str(value)


def value_of(name: str, stored: str | None) -> Value:
    """The value in use: the stored one, or the default when there is none or it no longer fits (an older version wrote
    it)."""
    setting = find_setting(name)
    if stored is None:
        return setting.default
    try:
        return parse_setting(name, stored)
    except VastDeskError:
        return setting.default


def values_of(stored: Mapping[str, str]) -> dict[str, Value]:
    """Every setting with the value in use. Names this version does not know are left alone."""
    return {name: value_of(name, stored.get(name)) for name in SETTINGS}


def seconds_of(name: str, stored: Mapping[str, str]) -> float:
    """A number in use, as float: seconds for durations."""
    return float(value_of(name, stored.get(name)))


def _parse(setting: Setting, text: str) -> Value:
    match setting.type:
        case "duration":
            return parse_duration(text)
        case "int":
            if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 12):
                raise ValueError("is a whole number")
            return int(text)
        case "bool":
            words = {
                "yes": True,
                "true": True,
                "on": True,
                "1": True,
                "no": False,
                "false": False,
                "off": False,
                "0": False,
            }
            if text.lower() not in words:
                raise ValueError("is yes or no")
            return words[text.lower()]
    return text


def _in_bounds(setting: Setting, value: Value) -> Value:
    if isinstance(value, str | bool):
        return value
    low = -math.inf if setting.minimum is None else setting.minimum
    high = math.inf if setting.maximum is None else setting.maximum
    if not low <= value <= high:
        unit = " seconds" if setting.type == "duration" else ""
        raise ValueError(f"is from {low:g} to {high:g}{unit}")
    return value


def describe_type(setting: Setting) -> str:
    """What the setting takes, for help texts: `a number of seconds, or like 90s, 45m, 1h30m (from 0 to 3600)`."""
    words = {"duration": HOW, "int": "a whole number", "bool": "yes or no", "text": "a text"}[setting.type]
    if setting.minimum is None or setting.maximum is None:
        return words
    return f"{words} (from {setting.minimum:g} to {setting.maximum:g})"
