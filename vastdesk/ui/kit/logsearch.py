"""Finding in a log: how many matches, which one this is, the next and the one before, and those in sight marked."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from vastdesk.ui.theme import tokens

_MAX_MARKS = 300
_FORWARD = QTextDocument.FindFlag(0)


class LogSearch(QObject):
    """Searches one text edit, without regard to case. `counted(current, total)`: `current` counts from 1, 0 when no
    match is chosen."""

    counted = Signal(int, int)

    def __init__(self, edit: QPlainTextEdit) -> None:
        super().__init__(edit)
        self._edit = edit
        self._query = ""
        self._total = 0
        self._current = 0
        edit.verticalScrollBar().valueChanged.connect(self._mark)

    @property
    def query(self) -> str:
        return self._query

    def set_query(self, query: str) -> None:
        """Counts, and goes to the first match at or after the top of what is seen."""
        self._query = query
        self._current = 0
        text = self._edit.toPlainText() if query else ""
        self._total = self._count(text)
        if self._total:
            start = QTextCursor(self._edit.firstVisibleBlock())
            found = self._find(start) or self._find(QTextCursor(self._edit.document()))
            self._current = self._number_of(found, text)
            self._go(found)
        else:
            self._clear_selection()
        self._tell()

    def step(self, forward: bool) -> None:
        """The next match or the one before, round the ends."""
        if not self._query:
            return
        here = self._edit.textCursor()
        flag = _FORWARD if forward else QTextDocument.FindFlag.FindBackward
        found = self._find(here, flag)
        if found is None:
            edge = QTextCursor(self._edit.document())
            edge.movePosition(QTextCursor.MoveOperation.Start if forward else QTextCursor.MoveOperation.End)
            found = self._find(edge, flag)
        if self._current:
            self._current = (self._current - 1 + (1 if forward else -1)) % max(1, self._total) + 1
        else:
            self._current = self._number_of(found, self._edit.toPlainText())
        self._go(found)
        self._tell()

    def lines_changed(self, added: str, lost_above: str, replaced: str) -> None:
        """Keeps the count true while the log grows, without looking at all of it again."""
        lost = self._count(lost_above)
        self._total += self._count(added) - lost - self._count(replaced)
        self._current = max(0, self._current - lost)
        self._tell()
        self._mark()

    def _count(self, text: str) -> int:
        return text.lower().count(self._query.lower()) if self._query else 0

    def _find(self, start: QTextCursor, flag: QTextDocument.FindFlag = _FORWARD) -> QTextCursor | None:
        found = self._edit.document().find(self._query, start, flag)
        return None if found.isNull() else found

    def _go(self, found: QTextCursor | None) -> None:
        if found is None:
            return
        self._edit.setTextCursor(found)
        self._mark()

    def _number_of(self, found: QTextCursor | None, text: str) -> int:
        """Its number among all matches in `text`: one more than those before it."""
        if found is None:
            return 0
        place = found.selectionStart()  # in UTF-16, as Qt counts
        before = text[:place] if text.isascii() else text.encode("utf-16-le")[: place * 2].decode("utf-16-le", "ignore")
        return min(self._total, self._count(before) + 1)

    def _clear_selection(self) -> None:
        cursor = self._edit.textCursor()
        cursor.clearSelection()
        self._edit.setTextCursor(cursor)
        self._mark()

    def _mark(self) -> None:
        """Marks the matches in sight; more would cost with every line that comes."""
        marks: list[QTextEdit.ExtraSelection] = []
        block = self._edit.firstVisibleBlock()
        bottom = self._edit.viewport().height()
        while self._query and block.isValid() and len(marks) < _MAX_MARKS:
            top = self._edit.blockBoundingGeometry(block).translated(self._edit.contentOffset()).top()
            if top > bottom:
                break
            for match in re.finditer(re.escape(self._query), block.text(), re.IGNORECASE):
                marks.append(self._mark_of(QTextCursor(block), block.text(), match))
            block = block.next()
        self._edit.setExtraSelections(marks)

    def _mark_of(self, cursor: QTextCursor, text: str, match: re.Match[str]) -> QTextEdit.ExtraSelection:
        start, end = _units(text, match.start()), _units(text, match.end())
        cursor.setPosition(cursor.block().position() + start)
        cursor.setPosition(cursor.block().position() + end, QTextCursor.MoveMode.KeepAnchor)
        mark = QTextEdit.ExtraSelection()
        mark.cursor = cursor
        mark.format.setBackground(tokens().tint("waiting", amount=0.35))
        return mark

    def _tell(self) -> None:
        self.counted.emit(self._current, self._total)


def _units(text: str, at: int) -> int:
    """A place in Python's characters as one in Qt's UTF-16 units."""
    return at if text.isascii() else len(text[:at].encode("utf-16-le", "surrogatepass")) // 2
