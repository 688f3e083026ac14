"""The raw output of tools: a hundred thousand lines, as they come, without the window ever stopping."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShowEvent, QTextCursor
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from vastdesk.ui.kit.buttons import icon_button
from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.logsearch import LogSearch
from vastdesk.ui.kit.logtext import LineMaker, clean_lines
from vastdesk.ui.kit.saving import FileWriter
from vastdesk.ui.kit.search import SearchField
from vastdesk.ui.theme import set_font, space

MAX_LINES = 100_000
_FIRST_MS = 50
_NEXT_MS = 15
_BATCH = 1_000
"""Lines that are laid out at once: about 20 ms; then the window gets its turn."""


class PlainTextLog(QWidget):
    """Lines with search, follow, wrap, copy and save. Everything is text: escapes are removed, `\\r` is collapsed, long
    lines are cut.

    `append_text(chunk)` takes what a tool prints, pieces of lines too; `append_lines(lines)` whole ones. Both only put
    aside; a timer that runs while something waits and the log is seen lays out a batch at a time. Follow mode keeps the
    end in sight, stops when one scrolls up and goes on at the bottom.
    """

    follow_changed = Signal(bool)
    saved = Signal(str)
    save_failed = Signal(str)

    def __init__(self, name: str, max_lines: int = MAX_LINES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._max_lines = max_lines
        self._waiting: deque[str] = deque(maxlen=max_lines)
        self._maker = LineMaker()
        self._open_shown = False
        self._is_empty = True
        self._following = True
        self._inserting = False
        self._edit = _make_edit(name, max_lines)
        self._search = LogSearch(self._edit)
        self._writer = FileWriter(self)
        self._writer.written.connect(self.saved)
        self._writer.failed.connect(self.save_failed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._flush)
        self._edit.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self._edit.verticalScrollBar().rangeChanged.connect(self._on_range_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._make_bar(name))
        column.addWidget(self._edit, 1)

    @property
    def edit(self) -> QPlainTextEdit:
        """The text itself, read-only."""
        return self._edit

    @property
    def is_following(self) -> bool:
        return self._following

    @property
    def waiting_count(self) -> int:
        """Lines that are not laid out yet."""
        return len(self._waiting)

    def append_text(self, chunk: str) -> None:
        """What a tool printed, in any pieces."""
        self._waiting.extend(self._maker.feed(chunk))
        self._arm(_FIRST_MS)

    def append_lines(self, lines: Iterable[str]) -> None:
        """Whole lines, without their ends."""
        self._waiting.extend(self._maker.close())
        self._waiting.extend(clean_lines(lines))
        self._arm(_FIRST_MS)

    def clear(self) -> None:
        """For the log of something else."""
        self._timer.stop()
        self._waiting.clear()
        self._maker = LineMaker()
        self._edit.clear()
        self._open_shown = False
        self._is_empty = True
        self.set_following(True)
        self._search.set_query(self._search.query)

    def text(self) -> str:
        """All that is kept, laid out or not."""
        shown = self._edit.toPlainText()
        if self._open_shown and self._waiting:
            shown = shown.rpartition("\n")[0]
        parts = [shown] if shown else []
        return "\n".join([*parts, *self._waiting])

    def set_following(self, following: bool) -> None:
        if following:
            bar = self._edit.verticalScrollBar()
            bar.setValue(bar.maximum())
        if following != self._following:
            self._following = following
            self._follow.setChecked(following)
            self.follow_changed.emit(following)

    def set_wrapped(self, wrapped: bool) -> None:
        self._edit.set_wrapped(wrapped)
        self._wrap.setChecked(wrapped)
        if self._following:
            self.set_following(True)

    def focus_search(self) -> None:
        """For Ctrl+F of the page."""
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._field.selectAll()

    def save_to(self, path: str) -> None:
        """Writes all lines, on a thread of its own; `saved(path)` or `save_failed(sentence)` follows."""
        self._writer.write(path, self.text() + "\n")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arm(0)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _arm(self, after_ms: int) -> None:
        if self.isVisible() and not self._timer.isActive() and (self._waiting or self._maker.open_line):
            self._timer.start(after_ms)

    def _flush(self) -> None:
        lines = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        open_line = "" if self._waiting else self._maker.open_line
        if open_line:
            lines.append(open_line)
        if lines:
            self._insert(lines)
            self._open_shown = bool(open_line)
        if self._waiting:
            self._timer.start(_NEXT_MS)

    def _insert(self, lines: list[str]) -> None:
        bar = self._edit.verticalScrollBar()
        place, blocks = bar.value(), self._edit.blockCount()
        text = "\n".join(lines)
        lost, replaced = self._texts_to_go(len(lines)) if self._search.query else ("", "")
        self._inserting = True
        cursor = QTextCursor(self._edit.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if self._open_shown:
            cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.insertText(text)
            added = len(lines) - 1
        else:
            cursor.insertText(text if self._is_empty else "\n" + text)
            added = len(lines) - self._is_empty
        self._is_empty = False
        removed = blocks + added - self._edit.blockCount()
        bar.setValue(bar.maximum() if self._following else max(0, place - removed))
        self._inserting = False
        if self._search.query:
            self._search.lines_changed(text, lost, replaced)

    def _texts_to_go(self, coming: int) -> tuple[str, str]:
        """What falls off the top when so many lines come, and the open line they replace."""
        document = self._edit.document()
        leaving = document.blockCount() + coming - self._open_shown - self._max_lines
        lost: list[str] = []
        block = document.firstBlock()
        while block.isValid() and len(lost) < leaving:
            lost.append(block.text())
            block = block.next()
        return "\n".join(lost), document.lastBlock().text() if self._open_shown else ""

    def _on_scrolled(self, value: int) -> None:
        if not self._inserting and not self._edit.is_adjusting:
            self.set_following(value >= self._edit.verticalScrollBar().maximum())

    def _on_range_changed(self, minimum: int, maximum: int) -> None:
        if self._following:  # another size, or wrapped: the end stays in sight
            self._edit.verticalScrollBar().setValue(maximum)

    def _make_bar(self, name: str) -> QHBoxLayout:
        self._field = SearchField(self.tr("Find in the output"))
        self._field.setAccessibleName(self.tr("Find in {what}").format(what=name))
        self._field.setMaximumWidth(space(70))
        self._field.setMinimumWidth(space(36))
        self._count = QLabel()
        self._count.setProperty("kind", "muted")
        set_font(self._count, "caption")
        keys = QKeySequence.StandardKey
        before = icon_button("chevron-up", self.tr("Previous match"), shortcut=QKeySequence(keys.FindPrevious))
        after = icon_button("chevron-down", self.tr("Next match"), shortcut=QKeySequence(keys.FindNext))
        self._follow = icon_button("follow", self.tr("Follow the end"), checkable=True)
        self._follow.setChecked(True)
        self._wrap = icon_button("wrap", self.tr("Wrap long lines"), checkable=True)
        save = icon_button("save", self.tr("Save as a file"))
        self._field.searched.connect(self._search.set_query)
        self._field.returnPressed.connect(self._on_next)
        self._search.counted.connect(self._on_counted)
        before.clicked.connect(self._on_previous)
        after.clicked.connect(self._on_next)
        self._follow.clicked.connect(self.set_following)
        self._wrap.clicked.connect(self.set_wrapped)
        save.clicked.connect(self._on_save)
        bar = QHBoxLayout()
        bar.setContentsMargins(space(2), space(1), space(2), space(1))
        bar.setSpacing(space(1))
        bar.addWidget(self._field, 3)
        for widget in (before, after, self._count):
            bar.addWidget(widget)
        bar.addStretch(1)
        copy = CopyButton(self.tr("Copy the selection, or everything"), self._chosen_text)
        for widget in (self._follow, self._wrap, copy, save):
            bar.addWidget(widget)
        return bar

    def _chosen_text(self) -> str:
        chosen = self._edit.textCursor().selectedText().replace("\u2029", "\n")
        return chosen or self.text()

    def _on_counted(self, current: int, total: int) -> None:
        words = self.tr("{current} of {total}").format(current=current, total=total) if total else self.tr("No match")
        self._count.setText(words if self._search.query else "")
        self._field.setAccessibleDescription(self._count.text())

    def _on_next(self) -> None:
        self._search.step(forward=True)

    def _on_previous(self) -> None:
        self._search.step(forward=False)

    def _on_save(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the output"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([self.tr("Text (*.log *.txt)")])
        dialog.selectFile("output.log")
        dialog.fileSelected.connect(self.save_to)
        dialog.open()


class _LogEdit(QPlainTextEdit):
    """Knows when it scrolls by itself, because its lines have to be laid out anew."""

    is_adjusting = False

    def set_wrapped(self, wrapped: bool) -> None:
        mode = QPlainTextEdit.LineWrapMode
        self.is_adjusting = True
        self.setLineWrapMode(mode.WidgetWidth if wrapped else mode.NoWrap)
        self.is_adjusting = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.is_adjusting = True
        super().resizeEvent(event)
        self.is_adjusting = False


def _make_edit(name: str, max_lines: int) -> _LogEdit:
    edit = _LogEdit()
    edit.setReadOnly(True)
    edit.setUndoRedoEnabled(False)
    edit.setMaximumBlockCount(max_lines)
    edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    edit.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    edit.setProperty("kind", "log")
    edit.setTabChangesFocus(True)
    edit.setAccessibleName(name)
    edit.document().setDocumentMargin(space(2))
    set_font(edit, "mono")
    return edit
