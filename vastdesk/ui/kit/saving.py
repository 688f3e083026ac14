"""Writing a file a person chose. It may lie on a share that hangs, so the window does not wait for it."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal


class FileWriter(QObject):
    """`write(path, text)`; then comes `written(path)` or `failed(sentence)`, on the thread of this object."""

    written = Signal(str)
    failed = Signal(str)

    def write(self, path: str, text: str) -> None:
        threading.Thread(target=self._write, args=(path, text), name="save", daemon=True).start()

    def _write(self, path: str, text: str) -> None:
        try:
            Path(path).write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            self._tell(self.failed, f"{path}: {error.strerror or error}")
        else:
            self._tell(self.written, path)

    @staticmethod
    def _tell(signal: object, text: str) -> None:
        try:
            signal.emit(text)  # type: ignore[attr-defined]
        except RuntimeError:
            pass  # the window was closed meanwhile; the file is written
