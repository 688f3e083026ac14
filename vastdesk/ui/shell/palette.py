"""Ctrl+K: type some letters of what you want, Enter does it. All actions and all machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QIcon, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from vastdesk.domain.sentences import display_text
from vastdesk.ui.kit.plain import TextLabel
from vastdesk.ui.shell.matching import fit, folded
from vastdesk.ui.theme import font, icon_size, radius, space, tokens

SHOWN = 12
"""Rows that are seen at once."""
MAX_FOUND = 200

_Index = QModelIndex | QPersistentModelIndex
_ENTRY = int(Qt.ItemDataRole.UserRole)


@dataclass(frozen=True)
class Entry:
    """One thing that can be done. `kind` says of what sort it is (translated), `keys` its shortcut; `reason`: why it
    cannot be done now."""

    text: str
    kind: str
    icon: QIcon
    act: Callable[[], object]
    keys: str = ""
    reason: str = ""


class EntryModel(QAbstractListModel):
    """The entries that fit, the best first; unusable ones last."""

    def __init__(self, entries: Iterable[Entry], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all = [(folded(f"{entry.text} {entry.kind}"), entry) for entry in entries]
        self._found: list[Entry] = []
        self.search("")

    def search(self, typed: str) -> None:
        """Shows what fits."""
        wanted = folded(typed.strip())
        scored = [(fit(wanted, text), number, entry) for number, (text, entry) in enumerate(self._all)]
        fitting = [(bool(entry.reason), -score, number, entry) for score, number, entry in scored if score is not None]
        self.beginResetModel()
        self._found = [entry for *_, entry in sorted(fitting, key=_place)][:MAX_FOUND]
        self.endResetModel()

    def entry(self, index: _Index) -> Entry | None:
        return self._found[index.row()] if index.isValid() else None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - as Qt declares it
        return 0 if parent.isValid() else len(self._found)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        entry = self.entry(index)
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.text
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (entry.text, entry.kind, entry.keys, entry.reason) if part)
            case _ if role == _ENTRY:
                return entry
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        entry = self.entry(index)
        if entry is None or entry.reason:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def roleNames(self) -> dict[int, QByteArray]:
        return {**super().roleNames(), _ENTRY: QByteArray(b"entry")}


def _place(found: tuple[bool, int, int, Entry]) -> tuple[bool, int, int]:
    return found[:3]


class EntryDelegate(QStyledItemDelegate):
    """Icon, text, and at the right what it is and its keys."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(space(60), space(8))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        entry = index.data(_ENTRY)
        if not isinstance(entry, Entry):
            return
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens().colour("selected"))
            painter.drawRoundedRect(rect.adjusted(space(1), 0, -space(1), 0), radius(), radius())
        inner = rect.adjusted(space(3), 0, -space(3), 0)
        side = icon_size()
        mode = QIcon.Mode.Disabled if entry.reason else QIcon.Mode.Normal
        entry.icon.paint(
            painter,
            QRect(inner.left(), inner.center().y() - side // 2 + 1, side, side),
            Qt.AlignmentFlag.AlignCenter,
            mode,
        )
        behind = entry.reason or entry.keys or entry.kind
        painter.setFont(font("caption"))
        metrics = painter.fontMetrics()
        behind = metrics.elidedText(behind, Qt.TextElideMode.ElideRight, inner.width() // 2)
        painter.setPen(tokens().colour("disabled" if entry.reason else "muted"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, behind)
        words = inner.adjusted(side + space(2), 0, -metrics.horizontalAdvance(behind) - space(3), 0)
        painter.setFont(font("body"))
        painter.setPen(tokens().colour("disabled" if entry.reason else "text"))
        text = painter.fontMetrics().elidedText(display_text(entry.text), Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


class _Field(QLineEdit):
    """What is typed; the keys that move are for the list."""

    moved = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: SHOWN, Qt.Key.Key_PageUp: -SHOWN}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


class Palette(QDialog):
    """Opens over the middle of the window; goes with Esc, a click elsewhere, or what was chosen."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._window = parent.window()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Find a command or a machine"))
        self.setAccessibleName(self.windowTitle())
        self._field = _Field()
        self._field.setPlaceholderText(self.tr("Type a command or the name of a machine"))
        self._field.setAccessibleName(self.windowTitle())
        self._field.setMaxLength(200)
        self._field.moved.connect(self._move)
        self._field.returnPressed.connect(self._on_return)
        self._model = EntryModel(entries, self)
        self._list = QListView()
        self._list.setModel(self._model)
        self._list.setItemDelegate(EntryDelegate(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setMouseTracking(True)
        self._list.setAccessibleName(self.tr("What fits"))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._nothing = TextLabel(self.tr("Nothing fits."), kind="muted")
        self._nothing.setContentsMargins(space(3), space(2), space(3), space(2))
        frame = QFrame()
        frame.setProperty("kind", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(1, space(2), 1, space(2))
        column.setSpacing(space(2))
        top = QVBoxLayout()
        top.setContentsMargins(space(2), 0, space(2), 0)
        top.addWidget(self._field)
        column.addLayout(top)
        column.addWidget(self._list, 1)
        column.addWidget(self._nothing)
        self._field.textChanged.connect(self._on_typed)
        self._list.clicked.connect(self._act)
        self._list.entered.connect(self._list.setCurrentIndex)
        self._on_typed("")

    def showEvent(self, event: object) -> None:
        self._place()
        super().showEvent(event)  # type: ignore[arg-type]
        self._field.setFocus()

    def _move(self, by: int) -> None:
        usable = [row for row in range(self._model.rowCount()) if self._is_usable(row)]
        if not usable:
            return
        now = self._list.currentIndex().row()
        at = usable.index(now) if now in usable else 0
        at = (at + by) % len(usable) if abs(by) == 1 else max(0, min(len(usable) - 1, at + by))
        self._list.setCurrentIndex(self._model.index(usable[at]))

    def _is_usable(self, row: int) -> bool:
        entry = self._model.entry(self._model.index(row))
        return entry is not None and not entry.reason

    def _on_typed(self, text: str) -> None:
        self._model.search(text)
        count = self._model.rowCount()
        self._nothing.setVisible(not count)
        self._list.setVisible(bool(count))
        if count and self._is_usable(0):
            self._list.setCurrentIndex(self._model.index(0))

    def _on_return(self) -> None:
        self._act(self._list.currentIndex())

    def _act(self, index: QModelIndex) -> None:
        entry = self._model.entry(index)
        if entry is None or entry.reason:
            return
        self.close()  # first: what comes may open a dialog
        entry.act()

    def _place(self) -> None:
        window = self._window
        width = min(space(150), window.width() - space(8))
        height = min(space(8) * SHOWN + space(14), window.height() - space(20))
        self.resize(width, height)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + space(16))
