"""How a line of the timeline is painted. Only what is seen is; a row costs microseconds however many there are."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vastdesk.domain.sentences import display_text, format_duration
from vastdesk.domain.tasklist import Row
from vastdesk.ui.kit import paint_ring, state_look
from vastdesk.ui.run.ink import Ink
from vastdesk.ui.run.lines import BAD_STATES, Line
from vastdesk.ui.run.timeline import KIND_ROLE, LINE_ROLE
from vastdesk.ui.theme import ColourName, FontRole, icon, radius, tokens

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_SINGLE = Qt.TextFlag.TextSingleLine

_QUIET = frozenset({"succeeded", "skipped", "pending"})
"""States whose word stands back: nothing is to be done about them."""
_WIDE = 110
"""Units from which on there is room for a bar."""


class TimelineDelegate(QStyledItemDelegate):
    """Paints `Line`s. Geometry is in units of the theme, so that it grows with the font: `renew` when that changes."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.renew()

    def renew(self) -> None:
        self._pen = LinePainter()
        space = self._pen.ink.space
        self._heights = {"step": QSize(space(60), space(9))}
        self._height = QSize(space(60), space(7))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return self._heights.get(index.data(KIND_ROLE), self._height)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        line = index.data(LINE_ROLE)
        if isinstance(line, Line):
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            words = str(index.data()) if line.kind == "all" else ""
            self._pen.draw(painter, option.rect, option.state, line, words, is_first=index.row() == 0)
            painter.restore()


class LinePainter:
    """What there is to paint of a line."""

    def __init__(self) -> None:
        self.ink = Ink()

    def draw(
        self, painter: QPainter, rect: QRect, state: QStyle.StateFlag, line: Line, words: str, *, is_first: bool
    ) -> None:
        self._ground(painter, rect, state)
        self._rail(painter, rect, line, is_first)
        box = rect.adjusted(0, 0, -self.ink.space(3), 0)
        if line.kind == "step":
            self._step(painter, box, line)
        elif line.row is not None:
            self._row(painter, box, line.row)
        else:
            self._link(painter, box, words)

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if not chosen and not state & QStyle.StateFlag.State_MouseOver:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens().colour("selected" if chosen else "raised"))
        inner = QRectF(rect).adjusted(self.ink.space(1), 0.5, -self.ink.space(1), -0.5)
        painter.drawRoundedRect(inner, radius(), radius())
        if chosen and state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens().colour("accent_text"), 1))
            painter.drawRoundedRect(inner.adjusted(0.5, 0.5, -0.5, -0.5), radius(), radius())

    def _rail(self, painter: QPainter, rect: QRect, line: Line, is_first: bool) -> None:
        """The line that joins the steps; it goes round their signs."""
        x = rect.left() + self.ink.space(5.5)
        painter.setPen(QPen(tokens().colour("border"), 2))
        top, bottom, middle, gap = rect.top(), rect.bottom() + 1, rect.center().y(), self.ink.space(3)
        if line.kind != "step":
            if not line.is_last:
                painter.drawLine(x, top, x, bottom)
            return
        if not is_first:
            painter.drawLine(x, top, x, middle - gap)
        if not line.is_last:
            painter.drawLine(x, middle + gap, x, bottom)

    def _sign(self, painter: QPainter, centre: QPoint, units: float, state: str, percent: float | None) -> None:
        """What runs has a ring that fills; everything else its icon."""
        side = self.ink.space(units)
        box = QRect(centre.x() - side // 2, centre.y() - side // 2, side, side)
        if state == "running":
            paint_ring(painter, QRectF(box), percent, "running")
            return
        look = state_look(state)
        icon(look.icon, look.colour).paint(painter, box)

    def _step(self, painter: QPainter, box: QRect, line: Line) -> None:
        step = line.step
        middle = box.center().y()
        self._sign(painter, QPoint(box.left() + self.ink.space(5.5), middle), 4, step.state, step.progress_percent)
        right = box.right()
        if line.can_open:
            side = self.ink.space(3)
            name = "chevron-down" if line.is_open else "chevron-right"
            icon(name, "muted").paint(painter, QRect(right - side, middle - side // 2, side, side))
        right = self._columns(painter, box, step.state, line.elapsed_s)
        left = box.left() + self.ink.space(10)
        role: FontRole = "strong" if step.state == "running" or step.state in BAD_STATES else "body"
        colour: ColourName = "muted" if step.state in ("pending", "skipped") else "text"
        note = display_text(step.note, 500)
        room = right - left if not note else max(self.ink.space(20), (right - left) * 3 // 5)
        left += self._text(
            painter, QRect(left, box.top(), room, box.height()), line.title, role, colour
        ) + self.ink.space(3)
        if note and right - left > self.ink.space(10):
            tone: ColourName = "failed" if line.bad > 0 or step.state in BAD_STATES else "muted"
            self._text(painter, QRect(left, box.top(), right - left, box.height()), note, "caption", tone)

    def _row(self, painter: QPainter, box: QRect, row: Row) -> None:
        left = box.left() + self.ink.space(11 + 5 * row.depth)
        middle = box.center().y()
        percent = row.task.percent if row.task is not None else None
        self._sign(painter, QPoint(left, middle), 3.5, row.state, percent)
        left += self.ink.space(3.5)
        wide = box.width() > self.ink.space(_WIDE)
        names_end = box.left() + max(self.ink.space(34), min(self.ink.space(66), box.width() * 2 // 5))
        label_room = max(self.ink.space(12), names_end - left)
        quiet = row.state in ("pending", "waiting", "skipped") or row.kind == "others"
        colour: ColourName = "muted" if quiet and row.state not in BAD_STATES else "text"
        self._text(painter, QRect(left, box.top(), label_room, box.height()), row.label, "body", colour)
        left += label_room + self.ink.space(3)
        right = box.right()
        if row.text:
            if percent is not None and wide:
                self._bar(
                    painter,
                    QRect(left, middle - self.ink.space(0.5), self.ink.space(20), max(4, self.ink.space(1))),
                    percent,
                )
            left += self.ink.space(23) if wide else 0
            left = self._figures(painter, QRect(left, box.top(), right - left, box.height()), row.text)
        else:
            task = row.task
            took = task.elapsed_s(None) if task is not None and task.kind == "node" and task.is_finished else None
            right = self._columns(painter, box, row.state, took)
        if row.note and right - left > self.ink.space(8):
            tone: ColourName = "failed" if row.state in BAD_STATES else "muted"
            self._text(painter, QRect(left, box.top(), right - left, box.height()), row.note, "caption", tone)

    def _columns(self, painter: QPainter, box: QRect, state: str, took_s: float | None) -> int:
        """The word of a state and how long it took, in columns that all lines share. Where they begin."""
        right = self._end_text(
            painter,
            box,
            box.right() - self.ink.space(4),
            format_duration(took_s),
            "caption",
            "muted",
            self.ink.space(11),
        )
        return self._end_text(painter, box, right, *_word(state), self.ink.space(18))

    def _bar(self, painter: QPainter, box: QRect, percent: float) -> None:
        half = box.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens().tint("running", amount=0.2))
        painter.drawRoundedRect(box, half, half)
        full = round(box.width() * min(100.0, max(0.0, percent)) / 100)
        if full > 0:
            painter.setBrush(tokens().colour("running"))
            painter.drawRoundedRect(QRect(box.left(), box.top(), max(full, box.height()), box.height()), half, half)

    def _figures(self, painter: QPainter, box: QRect, text: str) -> int:
        """Percent, rate, size, times, each in a place of its own, so that they do not dance. Where they end."""
        painter.setFont(self.ink.fonts["caption"])
        painter.setPen(tokens().colour("text"))
        metrics = self.ink.metrics["caption"]
        left = box.left()
        for at, part in enumerate(text.split("  ")):
            wide = max(metrics.horizontalAdvance(part) + self.ink.space(3), self.ink.space(10 if at == 0 else 17))
            if left + metrics.horizontalAdvance(part) > box.right():
                break
            painter.drawText(QRect(left, box.top(), wide, box.height()), _LEFT | _SINGLE, part)
            left += wide
        return left

    def _link(self, painter: QPainter, box: QRect, words: str) -> None:
        self._text(painter, box.adjusted(self.ink.space(14.5), 0, 0, 0), words, "caption", "accent_text")

    def _end_text(
        self, painter: QPainter, box: QRect, right: int, words: str, role: FontRole, colour: ColourName, wide: int
    ) -> int:
        """Words that end at `right`, in a column at least `wide`. Where the column begins."""
        wide = max(wide, self.ink.metrics[role].horizontalAdvance(words) + self.ink.space(2))
        self._draw(painter, QRect(right - wide, box.top(), wide, box.height()), words, role, colour, _RIGHT)
        return right - wide - self.ink.space(2)

    def _text(self, painter: QPainter, box: QRect, words: str, role: FontRole, colour: ColourName) -> int:
        """Words with … where there is no room. How wide they are."""
        metrics = self.ink.metrics[role]
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width())
        self._draw(painter, box, shown, role, colour, _LEFT)
        return metrics.horizontalAdvance(shown)

    def _draw(
        self, painter: QPainter, box: QRect, words: str, role: FontRole, colour: ColourName, align: Qt.AlignmentFlag
    ) -> None:
        painter.setFont(self.ink.fonts[role])
        painter.setPen(tokens().colour(colour))
        painter.drawText(box, align | _SINGLE, words)


def _word(state: str) -> tuple[str, FontRole, ColourName]:
    look = state_look(state)
    return look.word, "caption", "muted" if state in _QUIET else look.colour
