"""The editors of a form: one per kind of value. All have `raw()`, `set_raw(value)`, `stops` (where the Tab key halts)
and `edited`, which comes only when a person changes something."""

from __future__ import annotations

from typing import TypeAlias

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from vastdesk.ui.kit.buttons import icon_button
from vastdesk.ui.kit.fields import Field
from vastdesk.ui.kit.plain import unmarked
from vastdesk.ui.theme import font, set_font, space


def editor_for(field: Field) -> Editor:
    """The right editor for a field."""
    match field.type:
        case "bool":
            return CheckEditor(field)
        case "choice":
            return ChoiceEditor(field)
        case "script" | "list":
            return AreaEditor(field)
        case "node_list":
            return FileEditor(field)
    return LineEditor(field)


class LineEditor(QLineEdit):
    """text, path, int, duration. Numbers may be typed wrongly, so that they can be judged rather than changed behind
    one's back; Up and Down count whole numbers within their bounds."""

    edited = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        self._value: object = None
        self._text_of_value = ""
        self.setMaxLength(100_000)
        self.setPlaceholderText(placeholder(field))
        if field.type in ("int", "duration"):
            self.setMaximumWidth(space(40))
        if field.type == "path":
            set_font(self, "mono")
        self.textEdited.connect(self.edited)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        return (self,)

    def raw(self) -> object:
        """The value itself while nobody touched its text: a text that one line cannot show is not damaged by that."""
        return self._value if self.text() == self._text_of_value else self.text()

    def set_raw(self, value: object) -> None:
        self._value = value
        self.setText(self._field.write(value).replace("\n", "⏎"))
        self.setCursorPosition(0)
        self._text_of_value = self.text()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        text = self.text().strip()
        if self._field.type != "int" or not step or not text.lstrip("-").isdecimal():
            super().keyPressEvent(event)
            return
        number = int(text) + step
        low, high = self._field.minimum, self._field.maximum
        if (low is None or number >= low) and (high is None or number <= high):
            self.setText(str(number))
            self.edited.emit()


class AreaEditor(QPlainTextEdit):
    """script (fixed pitch) and list (one item per line). Tab leaves it, as everywhere in a form."""

    edited = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        self._value: object = None
        self._text_of_value = ""
        self._lines = 5 if field.type == "script" else 3
        self._setting = False
        self.setProperty("kind", "field")
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setPlaceholderText(placeholder(field))
        if field.type == "script":
            set_font(self, "mono")
            self.setTabStopDistance(QFontMetrics(font("mono")).horizontalAdvance(" ") * 4)
        self.textChanged.connect(self._on_text_changed)
        self.setFixedHeight(self.sizeHint().height())

    @property
    def stops(self) -> tuple[QWidget, ...]:
        return (self,)

    def sizeHint(self) -> QSize:
        return QSize(space(60), QFontMetrics(self.font()).lineSpacing() * self._lines + space(5))

    def raw(self) -> object:
        text = self.toPlainText()
        if text == self._text_of_value:
            return self._value
        return [line.strip() for line in text.splitlines() if line.strip()] if self._field.type == "list" else text

    def set_raw(self, value: object) -> None:
        self._setting = True
        self.setPlainText(self._field.write(value))
        self._setting = False
        self._value = value
        self._text_of_value = self.toPlainText()

    def _on_text_changed(self) -> None:
        if not self._setting:
            self.edited.emit()


class CheckEditor(QCheckBox):
    """bool, with the label as its own text."""

    edited = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__(unmarked(field.label))
        self._value: object = None
        self.clicked.connect(self._on_clicked)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        return (self,)

    def raw(self) -> object:
        return self._value

    def set_raw(self, value: object) -> None:
        self._value = value
        self.setChecked(value is True or str(value).strip().lower() in ("true", "yes", "on", "1"))

    def _on_clicked(self, checked: bool) -> None:
        self._value = checked
        self.edited.emit()


class ChoiceEditor(QComboBox):
    """choice. A value that is none of the choices (of an older file) is shown and found wrong rather than replaced."""

    edited = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for choice in field.choices:
            self.addItem(unmarked(choice), choice)
        self.activated.connect(self._on_activated)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        return (self,)

    def raw(self) -> object:
        return self.currentData()

    def set_raw(self, value: object) -> None:
        at = self.findData(value)
        if at < 0:
            self.addItem(unmarked(self._field.write(value)), value)
            at = self.count() - 1
        self.setCurrentIndex(at)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolling past a form changes nothing in it."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_activated(self, index: int) -> None:
        self.edited.emit()


class FileEditor(QWidget):
    """node_list: a name or an address that can be typed, or a file of this computer that can be chosen."""

    edited = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._line = LineEditor(field)
        self._choose = icon_button("folder", self.tr("Choose a file for {what}").format(what=field.label))
        self._choose.clicked.connect(self._on_choose)
        self._line.edited.connect(self.edited)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(space(1))
        row.addWidget(self._line, 1)
        row.addWidget(self._choose)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        return (self._line, self._choose)

    def raw(self) -> object:
        return self._line.raw()

    def set_raw(self, value: object) -> None:
        self._line.set_raw(value)

    def _on_choose(self) -> None:
        dialog = QFileDialog(self, self._choose.accessibleName())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Node lists (*.csv)"), self.tr("All files (*)")])
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    def _on_chosen(self, path: str) -> None:
        self._line.setText(path)
        self.edited.emit()


def placeholder(field: Field) -> str:
    """What an empty field stands for."""
    if field.default is None or field.type in ("list", "script"):
        return ""
    return field.write(field.default).replace("\n", " ")[:200]


Editor: TypeAlias = LineEditor | AreaEditor | CheckEditor | ChoiceEditor | FileEditor
