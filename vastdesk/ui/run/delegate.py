"""How a line of the timeline is painted. Only what is seen is; a row costs microseconds however many there are."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vastdesk.domain.sentences import display_text, format_duration
from vastdesk.domain.tasklist import Row
from vastdesk.ui.kit import paint_ring, state_look
from vastdesk.ui.run.lines import BAD_STATES, Line
from vastdesk.ui.run.timeline import LINE_ROLE
from vastdesk.ui.theme import ColourName, FontRole, font, icon, icon_size, radius, space, tokens

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_SINGLE = Qt.TextFlag.TextSingleLine

_QUIET = frozenset({"succeeded", "skipped", "pending"})
"""States whose word stands back: nothing is to be done about them."""
_WIDE = 110
"""Units from which on there is room for a bar."""


class TimelineDelegate(QStyledItemDelegate):
    """Paints `Line`s. Geometry is in units of the theme, so that it grows with the font."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line = index.data(LINE_ROLE)
        return QSize(space(60), space(9 if isinstance(line, Line) and line.kind == "step" else 7))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        line = index.data(LINE_ROLE)
        if not isinstance(line, Line):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _ground(painter, rect, state)
        _rail(painter, rect, line, index.row() == 0)
        box = rect.adjusted(0, 0, -space(3), 0)
        if line.kind == "step":
            _step(painter, box, line)
        elif line.row is not None:
            _row(painter, box, line.row)
        else:
            _link(painter, box, str(index.data()))
        painter.restore()


def _ground(painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
    chosen = bool(state & QStyle.StateFlag.State_Selected)
    if not chosen and not state & QStyle.StateFlag.State_MouseOver:
        return
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens().colour("selected" if chosen else "raised"))
    inner = QRectF(rect).adjusted(space(1), 0.5, -space(1), -0.5)
    painter.drawRoundedRect(inner, radius(), radius())
    if chosen and state & QStyle.StateFlag.State_HasFocus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(tokens().colour("accent_text"), 1))
        painter.drawRoundedRect(inner.adjusted(0.5, 0.5, -0.5, -0.5), radius(), radius())


def _rail(painter: QPainter, rect: QRect, line: Line, is_first: bool) -> None:
    """The line that joins the steps; it goes round their signs."""
    x = rect.left() + space(5.5)
    painter.setPen(QPen(tokens().colour("border"), 2))
    top, bottom, middle, gap = rect.top(), rect.bottom() + 1, rect.center().y(), space(3)
    if line.kind != "step":
        if not line.is_last:
            painter.drawLine(x, top, x, bottom)
        return
    if not is_first:
        painter.drawLine(x, top, x, middle - gap)
    if not line.is_last:
        painter.drawLine(x, middle + gap, x, bottom)


def _sign(painter: QPainter, centre: QPoint, units: float, state: str, percent: float | None) -> None:
    """What runs has a ring that fills; everything else its icon."""
    side = icon_size(units)
    box = QRect(centre.x() - side // 2, centre.y() - side // 2, side, side)
    if state == "running":
        paint_ring(painter, QRectF(box), percent, "running")
        return
    look = state_look(state)
    icon(look.icon, look.colour).paint(painter, box)


def _step(painter: QPainter, box: QRect, line: Line) -> None:
    step = line.step
    middle = box.center().y()
    _sign(painter, QPoint(box.left() + space(5.5), middle), 4, step.state, step.progress_percent)
    right = box.right()
    if line.can_open:
        side = icon_size(3)
        name = "chevron-down" if line.is_open else "chevron-right"
        icon(name, "muted").paint(painter, QRect(right - side, middle - side // 2, side, side))
    right = _columns(painter, box, step.state, line.elapsed_s)
    left = box.left() + space(10)
    role: FontRole = "strong" if step.state == "running" or step.state in BAD_STATES else "body"
    colour: ColourName = "muted" if step.state in ("pending", "skipped") else "text"
    note = display_text(step.note, 500)
    room = right - left if not note else max(space(20), (right - left) * 3 // 5)
    left += _text(painter, QRect(left, box.top(), room, box.height()), line.title, role, colour) + space(3)
    if note and right - left > space(10):
        tone: ColourName = "failed" if line.bad > 0 or step.state in BAD_STATES else "muted"
        _text(painter, QRect(left, box.top(), right - left, box.height()), note, "caption", tone)


def _row(painter: QPainter, box: QRect, row: Row) -> None:
    left = box.left() + space(11 + 5 * row.depth)
    middle = box.center().y()
    percent = row.task.percent if row.task is not None else None
    _sign(painter, QPoint(left, middle), 3.5, row.state, percent)
    left += space(3.5)
    wide = box.width() > space(_WIDE)
    names_end = box.left() + max(space(34), min(space(66), box.width() * 2 // 5))
    label_room = max(space(12), names_end - left)
    quiet = row.state in ("pending", "waiting", "skipped") or row.kind == "others"
    colour: ColourName = "muted" if quiet and row.state not in BAD_STATES else "text"
    _text(painter, QRect(left, box.top(), label_room, box.height()), row.label, "body", colour)
    left += label_room + space(3)
    right = box.right()
    if row.text:
        if percent is not None and wide:
            _bar(painter, QRect(left, middle - space(0.5), space(20), max(4, space(1))), percent)
        left += space(23) if wide else 0
        left = _figures(painter, QRect(left, box.top(), right - left, box.height()), row.text)
    else:
        task = row.task
        took = task.elapsed_s(None) if task is not None and task.kind == "node" and task.is_finished else None
        right = _columns(painter, box, row.state, took)
    if row.note and right - left > space(8):
        tone: ColourName = "failed" if row.state in BAD_STATES else "muted"
        _text(painter, QRect(left, box.top(), right - left, box.height()), row.note, "caption", tone)


def _columns(painter: QPainter, box: QRect, state: str, took_s: float | None) -> int:
    """The word of a state and how long it took, in columns that all lines share. Where they begin."""
    right = _end_text(painter, box, box.right() - space(4), format_duration(took_s), "caption", "muted", space(11))
    return _end_text(painter, box, right, *_word(state), space(18))


def _bar(painter: QPainter, box: QRect, percent: float) -> None:
    half = box.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens().tint("running", amount=0.2))
    painter.drawRoundedRect(box, half, half)
    full = round(box.width() * min(100.0, max(0.0, percent)) / 100)
    if full > 0:
        painter.setBrush(tokens().colour("running"))
        painter.drawRoundedRect(QRect(box.left(), box.top(), max(full, box.height()), box.height()), half, half)


def _figures(painter: QPainter, box: QRect, text: str) -> int:
    """Percent, rate, size, times, each in a place of its own, so that they do not dance. Where they end."""
    painter.setFont(font("caption"))
    painter.setPen(tokens().colour("text"))
    metrics = painter.fontMetrics()
    left = box.left()
    for at, part in enumerate(text.split("  ")):
        wide = max(metrics.horizontalAdvance(part) + space(3), space(10 if at == 0 else 17))
        if left + metrics.horizontalAdvance(part) > box.right():
            break
        painter.drawText(QRect(left, box.top(), wide, box.height()), _LEFT | _SINGLE, part)
        left += wide
    return left


def _link(painter: QPainter, box: QRect, words: str) -> None:
    _text(painter, box.adjusted(space(14.5), 0, 0, 0), words, "caption", "accent_text")


def _word(state: str) -> tuple[str, FontRole, ColourName]:
    look = state_look(state)
    return look.word, "caption", "muted" if state in _QUIET else look.colour


def _end_text(
    painter: QPainter, box: QRect, right: int, words: str, role: FontRole, colour: ColourName, wide: int
) -> int:
    """Words that end at `right`, in a column at least `wide`. Where the column begins."""
    chosen = font(role)
    wide = max(wide, QFontMetrics(chosen).horizontalAdvance(words) + space(2))
    _draw(painter, QRect(right - wide, box.top(), wide, box.height()), words, chosen, colour, _RIGHT)
    return right - wide - space(2)


def _text(painter: QPainter, box: QRect, words: str, role: FontRole, colour: ColourName) -> int:
    """Words with … where there is no room. How wide they are."""
    chosen = font(role)
    metrics = QFontMetrics(chosen)
    shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width())
    _draw(painter, box, shown, chosen, colour, _LEFT)
    return metrics.horizontalAdvance(shown)


def _draw(
    painter: QPainter, box: QRect, words: str, chosen: QFont, colour: ColourName, align: Qt.AlignmentFlag
) -> None:
    painter.setFont(chosen)
    painter.setPen(tokens().colour(colour))
    painter.drawText(box, align | _SINGLE, words)
