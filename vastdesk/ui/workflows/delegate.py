"""How a step looks in the list: a handle to drag it, a switch, what it does, and what is wrong with it."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from vastdesk.domain.sentences import display_text
from vastdesk.ui.theme import ColourName, font, icon, icon_size, radius, space, tokens
from vastdesk.ui.workflows.steps import STEP, SUMMARY, DraftStep

Index = QModelIndex | QPersistentModelIndex

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine


class StepDelegate(QStyledItemDelegate):
    """Paints a `DraftStep`; a click on its switch, and the space bar, turn it on and off."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        lines = QFontMetrics(font("body")).height() + QFontMetrics(font("caption")).height()
        return QSize(space(60), lines + space(5))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        step = index.data(STEP)
        if not isinstance(step, DraftStep):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _ground(painter, rect.adjusted(space(1), 1, -space(1), -1), state)
        handle = QRect(rect.left() + space(2), rect.top(), icon_size(3.5), rect.height())
        _icon(painter, handle, "drag", "muted" if state & QStyle.StateFlag.State_MouseOver else "disabled", 3.5)
        _switch(painter, switch_rect(rect), step.use.enabled)
        left = switch_rect(rect).right() + space(3)
        texts = QRect(left, rect.top() + space(2), rect.right() - left - space(3), rect.height() - space(4))
        if step.problem:
            sign = QRect(texts.right() - icon_size(), texts.top(), icon_size(), texts.height())
            _icon(painter, sign, "error", "failed", 4)
            texts.setRight(sign.left() - space(2))
        _texts(painter, texts, index, step)
        painter.restore()

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        if isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.LeftButton:
            inside = (
                switch_rect(option.rect)
                .adjusted(-space(1), -space(2), space(1), space(2))
                .contains(event.position().toPoint())
            )
            if inside and event.type() == QEvent.Type.MouseButtonRelease:
                return _toggle(model, index)
            return inside and event.type() == QEvent.Type.MouseButtonDblClick
        if isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select):
            return _toggle(model, index)
        return False


def switch_rect(rect: QRect) -> QRect:
    """Where the switch of a row is."""
    width, height = space(7), space(4)
    left = rect.left() + space(3) + icon_size(3.5) + space(1.5)
    return QRect(left, rect.center().y() - height // 2, width, height)


def _toggle(model: QAbstractItemModel, index: Index) -> bool:
    on = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
    wanted = Qt.CheckState.Unchecked if on else Qt.CheckState.Checked
    return model.setData(index, wanted, Qt.ItemDataRole.CheckStateRole)


def _ground(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
    chosen = bool(state & QStyle.StateFlag.State_Selected)
    focused = bool(state & QStyle.StateFlag.State_HasFocus)
    if not (chosen or focused or state & QStyle.StateFlag.State_MouseOver):
        return
    painter.setBrush(tokens().colour("selected" if chosen else "raised"))
    painter.setPen(tokens().colour("accent_text") if focused else Qt.PenStyle.NoPen)
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), radius(), radius())


def _icon(painter: QPainter, box: QRect, name: str, colour: ColourName, units: float) -> None:
    square = QRect(0, 0, icon_size(units), icon_size(units))
    square.moveCenter(box.center())
    icon(name, colour).paint(painter, square)


def _switch(painter: QPainter, box: QRect, on: bool) -> None:
    """The knob's side says what the colour says."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens().colour("accent" if on else "border_strong"))
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    gap = max(2, space(0.5))
    side = box.height() - 2 * gap
    left = box.right() - gap - side + 1 if on else box.left() + gap
    painter.setBrush(tokens().colour("on_accent" if on else "surface"))
    painter.drawEllipse(QRect(left, box.top() + gap, side, side))


def _texts(painter: QPainter, box: QRect, index: Index, step: DraftStep) -> None:
    body, caption = QFontMetrics(font("body")), QFontMetrics(font("caption"))
    top = QRect(box.left(), box.top(), box.width(), body.height())
    bottom = QRect(box.left(), box.bottom() - caption.height() + 1, box.width(), caption.height())
    painter.setFont(font("body"))
    painter.setPen(tokens().colour("text" if step.use.enabled else "muted"))
    painter.drawText(top, _LEFT, body.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, top.width()))
    painter.setFont(font("caption"))
    painter.setPen(tokens().colour("failed" if step.problem else "muted"))
    below = display_text(step.problem, 300) or display_text(str(index.data(SUMMARY) or ""), 300)
    painter.drawText(bottom, _LEFT, caption.elidedText(below, Qt.TextElideMode.ElideRight, bottom.width()))
