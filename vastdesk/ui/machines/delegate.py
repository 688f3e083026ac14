"""How a machine looks in the list: a ring or an icon, its name, its address, and what it does, in words."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit import Beat, paint_ring, state_look
from vastdesk.ui.machines.model import ROW, MachineRow
from vastdesk.ui.theme import ColourName, font, icon, icon_size, radius, space, tokens

Index = QModelIndex | QPersistentModelIndex

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight | Qt.TextFlag.TextSingleLine
_LOUD = frozenset({"failed", "lost", "blocked", "interrupted", "reconnecting"})
"""States that ask for a look: their words are written in their colour."""


class MachineDelegate(QStyledItemDelegate):
    """Paints a `MachineRow`; `beat` turns the rings of those whose progress nobody knows."""

    def __init__(self, beat: Beat, parent: QWidget) -> None:
        super().__init__(parent)
        self._beat = beat

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        lines = QFontMetrics(font("body")).height() + QFontMetrics(font("caption")).height()
        return QSize(space(45), lines + space(4))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW)
        if not isinstance(row, MachineRow):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _ground(painter, rect.adjusted(space(1), 1, -space(1), -1), state)
        inner = rect.adjusted(space(3), space(1.5), -space(3), -space(1.5))
        self._sign(painter, QRect(inner.left(), inner.top(), icon_size(6), inner.height()), row)
        _texts(painter, inner.adjusted(icon_size(6) + space(2.5), 0, 0, 0), row)
        painter.restore()

    def _sign(self, painter: QPainter, box: QRect, row: MachineRow) -> None:
        side = icon_size(5.5) if row.is_active else icon_size(4.5)
        square = QRect(0, 0, side, side)
        square.moveCenter(box.center())
        if row.is_active:
            percent = row.percent if row.state == "running" else None
            paint_ring(painter, QRectF(square), percent, state_look(row.state).colour, self._beat.phase)
        elif row.state:
            look = state_look(row.state)
            icon(look.icon, look.colour).paint(painter, square)
        else:
            icon("machine", "muted").paint(painter, square)

    # -- the name edited in place --------------------------------------------------------------------------------------

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setMaxLength(200)
        editor.setAccessibleName(self.tr("New name of {machine}").format(machine=index.data()))
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        height = min(editor.sizeHint().height(), rect.height())
        left = space(3) + icon_size(6) + space(1)
        editor.setGeometry(rect.left() + left, rect.center().y() - height // 2, rect.width() - left - space(2), height)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QLineEdit)
        editor.setText(index.data(Qt.ItemDataRole.EditRole))
        editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, QLineEdit)
        model.setData(index, editor.text())


def _ground(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
    chosen = bool(state & QStyle.StateFlag.State_Selected)
    focused = bool(state & QStyle.StateFlag.State_HasFocus)
    if not (chosen or focused or state & QStyle.StateFlag.State_MouseOver):
        return
    ground: ColourName = "selected" if chosen else "raised"
    painter.setBrush(tokens().colour(ground))
    # A line around the row that has the keyboard: the selection alone does not say where one is among several.
    painter.setPen(tokens().colour("accent_text") if focused else Qt.PenStyle.NoPen)
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), radius(), radius())


def _texts(painter: QPainter, box: QRect, row: MachineRow) -> None:
    body, caption = QFontMetrics(font("body")), QFontMetrics(font("caption"))
    top = QRect(box.left(), box.top(), box.width(), body.height())
    bottom = QRect(box.left(), box.bottom() - caption.height() + 1, box.width(), caption.height())
    painter.setFont(font("caption"))
    right = _state_text(row)
    if right:
        painter.setPen(
            tokens().colour(state_look(row.state).colour if row.is_active or row.state in _LOUD else "muted")
        )
        painter.drawText(top, _RIGHT, right)
        top.setRight(top.right() - caption.horizontalAdvance(right) - space(2))
    painter.setPen(tokens().colour("muted"))
    address = caption.elidedText(display_text(row.address), Qt.TextElideMode.ElideMiddle, bottom.width())
    painter.drawText(bottom, _LEFT, address)
    painter.setFont(font("body"))
    painter.setPen(tokens().colour("text"))
    painter.drawText(top, _LEFT, body.elidedText(display_text(row.name), Qt.TextElideMode.ElideRight, top.width()))


def _state_text(row: MachineRow) -> str:
    if row.state == "running" and row.percent is not None:
        return f"{int(row.percent)} %"
    return state_look(row.state).word if row.state else ""
