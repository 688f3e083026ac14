"""The live picture of a run as lines for a terminal of a given size: pure, so that every size can be tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from vastdesk.cli.glyphs import STYLES, UNICODE, Glyphs
from vastdesk.cli.text import clean, short_id
from vastdesk.domain.sentences import format_duration, run_sentence
from vastdesk.domain.tasklist import Row, rows
from vastdesk.domain.views import RunView, StepView

NARROW = 60
"""Below it the notes of rows give way to names and states."""
WIDE = 90
"""From here on a running row has a bar."""
TITLE_CELLS = 34
LABEL_CELLS = 40
WORD_CELLS = 11
BAR_CELLS = 16
MIN_ROWS = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """What a picture depends on besides the run. `now_ts` is this computer's clock, `since_event_s` the seconds since
    the last event came: clocks go on between events. `turn` moves the spinners; `footer` stands at the bottom."""

    width: int
    height: int | None = None
    now_ts: float | None = None
    since_event_s: float = 0.0
    turn: int = 0
    footer: Sequence[str] = ()
    glyphs: Glyphs = UNICODE


def picture(view: RunView, frame: Frame) -> list[Text]:
    """The lines, none wider than the frame and, when it has a height, not more than that."""
    footer = [_line(frame, Text(clean(text), style="bold")) for text in frame.footer]
    head = _head(view, frame)
    room = None if frame.height is None else frame.height - len(head) - len(footer) - 2
    body = _body(view, frame, room)
    gap = [Text()] if footer else []
    lines = [_line(frame, line) for line in (*head, Text(), *body, *gap, *footer)]
    if frame.height is not None and len(lines) > frame.height:
        lines = [line for line in lines if line.plain][: frame.height]
    return lines


def _head(view: RunView, frame: Frame) -> list[Text]:
    title = Text.assemble((clean(view.workflow) or "Run", "bold"), " on ", (clean(view.instance) or "?", "bold"))
    run = Text(f"run {short_id(view.run or '')}", style="dim")
    space = frame.width - title.cell_len - run.cell_len
    first = Text.assemble(title, " " * space, run) if space >= 2 else title
    parts = [view.state]
    if view.current_step is not None and not view.is_final:
        parts.append(f"step {view.current_step + 1} of {len(view.steps)}")
    parts.append(format_duration(_elapsed(view, frame)))
    second = Text.assemble(
        _sign(view.state, frame), " ", (" · ".join(part for part in parts if part), _style(view.state))
    )
    return [first, second, *_plight(view)]


def _plight(view: RunView) -> list[Text]:
    """A sentence where the state alone does not say enough."""
    return [Text(run_sentence(view), style="yellow")] if view.state in ("reconnecting", "blocked", "queued") else []


def _elapsed(view: RunView, frame: Frame) -> float | None:
    """While it runs, by this computer's clock, which also wrote `started_ts`."""
    if not view.is_running or view.started_ts is None or frame.now_ts is None:
        return view.elapsed_s
    return max(0.0, frame.now_ts - view.started_ts)


# -- steps ---------------------------------------------------------------------------------------------------------


def _body(view: RunView, frame: Frame, room: int | None) -> list[Text]:
    """The timeline, folded as far as the room demands: done steps first, then steps to come, then rows."""
    title_cells = _column((clean(step.title or step.id) for step in view.steps), TITLE_CELLS, frame.width // 2)
    lines: list[Text] = []
    for fold in ((), ("done",), ("done", "pending")):
        lines = _timeline(view, frame, title_cells, fold, None)
        if room is None or len(lines) <= room:
            return lines
    room = max(1, room or 1)
    listed = sum(len(_unfolded(step, frame)) for step in view.steps)
    max_rows = max(MIN_ROWS, listed - (len(lines) - room) - 1)
    return _timeline(view, frame, title_cells, ("done", "pending"), max_rows)[:room]


def _timeline(view: RunView, frame: Frame, title_cells: int, fold: Sequence[str], max_rows: int | None) -> list[Text]:
    lines: list[Text] = []
    folded = {"done": 0, "pending": 0}
    for step in view.steps:
        group = "done" if step.state in ("succeeded", "skipped") else step.state
        if group in fold:
            folded[group] += 1
            continue
        lines.extend(_step_lines(step, frame, title_cells))
        unfolded = _unfolded(step, frame)
        if max_rows is not None and len(unfolded) > max_rows:
            more = Text(f"{frame.glyphs.rail}  … {len(unfolded) - max_rows} more rows", style="dim")
            unfolded = [*unfolded[:max_rows], more]
        lines.extend(unfolded)
    if folded["done"]:
        lines.insert(0, _styled(f"{frame.glyphs.of('succeeded', 0)} {_steps(folded['done'])} done", "succeeded"))
    if folded["pending"]:
        lines.append(_styled(f"{frame.glyphs.of('pending', 0)} {_steps(folded['pending'])} to come", "pending"))
    return lines


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _step_lines(step: StepView, frame: Frame, title_cells: int) -> list[Text]:
    """One line, and one more for a note that does not fit behind."""
    title = Text(clean(step.title or step.id), style="bold" if step.state == "running" else "")
    word = _word(step.state) if frame.width >= NARROW else Text(step.state, style=_style(step.state))
    line = Text.assemble(_sign(step.state, frame), " ", _fit(title, title_cells), "  ", word)
    elapsed = step.elapsed_s
    if elapsed is not None and step.state == "running":
        elapsed += frame.since_event_s
    if step.started_seq is not None:
        line.append(f"  {format_duration(elapsed):>5}", style="dim")
    note = Text(clean(step.note), style="red" if step.state == "failed" else "")
    if not note:
        return [line]
    if line.cell_len + 2 + note.cell_len <= frame.width:
        return [line.append("  ").append_text(note)]
    return [line, Text.assemble((frame.glyphs.rail, "dim"), "  ", note)]


# -- the rows of the running step ----------------------------------------------------------------------------------


def _unfolded(step: StepView, frame: Frame) -> list[Text]:
    if step.state != "running":
        return []
    now = None if step.last_mono is None else step.last_mono + frame.since_event_s
    listed = rows(step, now)
    cells = _column((" " * 2 * row.depth + row.label for row in listed), LABEL_CELLS, frame.width * 2 // 5)
    return [_row_line(row, frame, cells) for row in listed]


def _row_line(row: Row, frame: Frame, cells: int) -> Text:
    label = _fit(Text(row.label), cells - 2 * row.depth)
    line = Text.assemble((frame.glyphs.rail, "dim"), "  ", "  " * row.depth, _sign(row.state, frame), " ", label, "  ")
    percent = row.task.percent if row.task is not None and row.text else None
    if percent is not None:
        line.append_text(_bar(percent, frame))
        line.append(row.text)
    elif row.text:
        line.append_text(_word(row.state)).append(row.text if frame.width < NARROW else f"  {row.text}")
    elif row.kind != "others" or row.state == "failed":
        line.append_text(_word(row.state))
    if row.note and frame.width >= NARROW:
        line.append(f"  {row.note}", style="red" if row.state == "failed" else "dim")
    return line


def _bar(percent: float, frame: Frame) -> Text:
    if frame.width < WIDE:
        return Text()
    full = round(BAR_CELLS * min(100.0, max(0.0, percent)) / 100)
    rest = BAR_CELLS - full
    return Text.assemble((frame.glyphs.bar_full * full, "cyan"), (frame.glyphs.bar_empty * rest, "dim"), "  ")


# -- pieces --------------------------------------------------------------------------------------------------------


def _style(state: str) -> str:
    return STYLES.get(state, "")


def _sign(state: str, frame: Frame) -> Text:
    return Text(frame.glyphs.of(state, frame.turn), style=_style(state))


def _word(state: str) -> Text:
    return Text(f"{state:<{WORD_CELLS}}", style=_style(state))


def _styled(text: str, state: str) -> Text:
    return Text(text, style=_style(state))


def _column(texts: Iterable[str], most: int, share: int) -> int:
    """The width of a column: as wide as its widest text, within limits."""
    widest = max((Text(text).cell_len for text in texts), default=0)
    return max(4, min(widest, most, share))


def _fit(text: Text, cells: int) -> Text:
    text.truncate(max(1, cells), overflow="ellipsis", pad=True)
    return text


def _line(frame: Frame, line: Text) -> Text:
    line.rstrip()
    line.truncate(frame.width, overflow="ellipsis")
    line.no_wrap = True
    return line
