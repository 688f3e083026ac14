"""Facts, each with its name; those worth it can be copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.elided import ElidedLabel
from vastdesk.ui.theme import space


class Fact(NamedTuple):
    """`key` is ours (translated), `value` is data. `mono` for addresses, paths and fingerprints."""

    key: str
    value: str
    copyable: bool = False
    mono: bool = False


class KeyValueList(QWidget):
    """`set_facts` replaces all; rows with unchanged names keep their widgets, so that nothing flickers and the focus
    stays."""

    def __init__(self, facts: Iterable[Fact] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(space(3))
        self._grid.setVerticalSpacing(space(1))
        self._grid.setColumnStretch(1, 1)
        self._shape: tuple[object, ...] = ()
        self._values: list[tuple[ElidedLabel, CopyButton | None]] = []
        self.set_facts(facts)

    def set_facts(self, facts: Iterable[Fact]) -> None:
        shown = tuple(facts)
        shape = tuple((fact.key, fact.copyable, fact.mono) for fact in shown)
        if shape != self._shape:
            self._shape = shape
            self._build(shown)
        for fact, (label, copy) in zip(shown, self._values, strict=True):
            label.setText(fact.value or "–")
            label.setAccessibleName(f"{fact.key}: {label.text()}")
            if copy is not None:
                copy.set_text(fact.value)
                copy.setEnabled(bool(fact.value))

    def as_text(self) -> str:
        """All facts, for "copy details"."""
        keys = [str(part[0]) for part in self._shape if isinstance(part, tuple)]
        return "\n".join(f"{key}: {label.text()}" for key, (label, _) in zip(keys, self._values, strict=True))

    def _build(self, facts: tuple[Fact, ...]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._values = []
        for row, fact in enumerate(facts):
            key = QLabel(fact.key)
            key.setTextFormat(Qt.TextFormat.PlainText)
            key.setProperty("kind", "muted")
            label = ElidedLabel(role="mono" if fact.mono else "body")
            copy = CopyButton(self.tr("Copy: {what}").format(what=fact.key), "") if fact.copyable else None
            self._grid.addWidget(key, row, 0, Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(label, row, 1, Qt.AlignmentFlag.AlignVCenter)
            if copy is not None:
                copy.setProperty("kind", "compact")
                self._grid.addWidget(copy, row, 2)
            self._values.append((label, copy))
