"""The words for what a run does: durations, sizes, progress, final sentences. And `display_text`, the one gate through
which texts from machines reach a screen."""

from __future__ import annotations

import math
import re
import unicodedata

from vastdesk.domain.views import RunView, StepView, TaskView

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?"  # OSC and other strings: titles, links
    r"|[ -/]*[0-~])?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_JOINERS = "\u200c\u200d"
"""Needed to write Persian, Hindi and family emoji; harmless."""
_MAX_MARKS = 4
"""Combining marks on one character. Real scripts need up to four; hundreds climb over the neighbouring rows."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def display_text(text: str, limit: int = 200) -> str:
    """`text` as one harmless line of at most `limit` characters: no control characters or terminal escapes, no bidi
    overrides, no invisible or stacked characters. Line breaks and tabs become spaces."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    cut = _ESCAPES.sub("", text[: limit * 8 + 8192])
    shown = "".join(_harmless(cut))
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: max(0, limit - 1)].rstrip() + "…"


def _harmless(text: str) -> list[str]:
    kept = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in ("Cc", "Zl", "Zp", "Zs"):
            kept.append(" ")
        elif category in ("Cs", "Co", "Cn"):  # no font knows what these are
            kept.append("\ufffd")
        elif (category != "Cf" or char in _JOINERS) and marks <= _MAX_MARKS:
            kept.append(char)
    return kept


def format_duration(seconds: float | None) -> str:
    """`01:23`, from an hour on `1:02:03`; nothing when it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def format_bytes(size: float | None) -> str:
    """`512 B`, `5.4 KiB`, `12.0 MiB`, with git's units; nothing when it is not known."""
    if size is None or not math.isfinite(size):
        return ""
    if size < 1024:
        return f"{int(size)} B"
    unit = 0
    while round(size, 1) >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.1f} {_UNITS[unit]}"


def task_text(task: TaskView, now_mono: float | None = None) -> str:
    """What stands behind the name of a running task: `45 %  1.2 MiB/s  12.0 MiB  01:23  02:15 left`, or `31/96
    packages`.

    Nothing for a task that does not run: its state says it all.
    """
    if task.state != "running":
        return ""
    elapsed = (
        task.elapsed_s(now_mono) if task.kind == "node" or _in_percent(task) or task.size_bytes is not None else None
    )
    left = format_duration(task.eta_s)
    parts = (
        _amount(task),
        _rate(task),
        format_bytes(task.size_bytes),
        format_duration(elapsed),
        left and f"{left} left",
    )
    return "  ".join(part for part in parts if part)


def _in_percent(task: TaskView) -> bool:
    return task.percent is not None and task.unit in ("", "%", "B", "bytes")


def _amount(task: TaskView) -> str:
    if _in_percent(task):
        return f"{int(task.percent or 0)} %"
    if task.done is None:
        return ""
    if task.unit == "s" and task.total is not None:  # a countdown
        return f"{format_duration(task.total - task.done)} left"
    unit = display_text(task.unit, 40)
    if task.unit in ("", "%", "B", "bytes"):
        return format_bytes(task.done) if task.unit in ("B", "bytes") else ""
    total = f"/{_plain(task.total)}" if task.total else ""
    return f"{_plain(task.done)}{total} {unit}"


def _rate(task: TaskView) -> str:
    if task.rate is None:
        return ""
    if task.size_bytes is not None or task.unit in ("B", "bytes"):
        return f"{format_bytes(task.rate)}/s"
    unit = display_text(task.unit, 40)
    return "" if unit in ("", "%", "s") else f"{_plain(task.rate)} {unit}/s"


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}" if number == int(number) else f"{number:.1f}"


def task_line(task: TaskView, now_mono: float | None = None) -> str:
    """Name and progress in one line, two spaces apart, as `ComfyUI-KJNodes  45 %  1.2 MiB/s`; the note when it has
    ended."""
    behind = task_text(task, now_mono) or display_text(task.note, 500)
    return "  ".join(part for part in (display_text(task.label), behind) if part)


def run_sentence(view: RunView, instance: str | None = None) -> str:
    """How the run stands, in one sentence. `instance` is the name to show, the run's own by default."""
    name = display_text(instance or view.instance) or "the instance"
    reason = display_text(view.reason, 500)
    where = _at(view.current)
    match view.state:
        case "succeeded":
            return _completed(view)
        case "failed":
            return f"Workflow failed{_at(_failed_step(view))}{_because(reason or _note(_failed_step(view)))}"
        case "cancelled":
            return f"Workflow cancelled{where or ' before its first step'}"
        case "interrupted":
            return f"Workflow interrupted{where}{_because(reason)}"
        case "lost":
            return f"Workflow lost{where}{_because(reason)}"
        case "blocked":
            return _blocked(view, name, reason)
        case "reconnecting":
            return "Connection lost: the work goes on, reconnecting"
        case "queued":
            return f"Queued: waiting for {name}"
        case "connecting":
            return f"Connecting to {name}"
        case "cancelling":
            return f"Cancelling{where}"
    return f"Running{where}" if where else f"Running on {name}"


def _completed(view: RunView) -> str:
    """Steps that were left out do not count."""
    done = sum(step.state != "skipped" for step in view.steps)
    failed = sum(step.state == "failed" for step in view.steps)
    elapsed = f" in {format_duration(view.elapsed_s)}" if view.elapsed_s is not None else ""
    allowed = f" ({failed} failed, as the workflow allows)" if failed else ""
    return f"Workflow completed: {done} steps{elapsed}{allowed}"


def _blocked(view: RunView, name: str, reason: str) -> str:
    kind = str((view.block or {}).get("kind", ""))
    if "changed" in kind:
        return f"Waiting: the host key of {name} has changed"
    if kind and "unknown" not in kind and "host" not in kind:
        return f"Waiting{_because(reason)}"
    return f"Waiting: the host key of {name} is not trusted yet"


def _failed_step(view: RunView) -> StepView | None:
    current = view.current
    if current is not None and current.state in ("failed", "lost", "interrupted"):
        return current
    return next((step for step in reversed(view.steps) if step.state == "failed"), current)


def _at(step: StepView | None) -> str:
    return f" at {display_text(step.title)}" if step is not None else ""


def _note(step: StepView | None) -> str:
    return display_text(step.note, 500) if step is not None else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
