"""The log file: set up once, rotating, with the redaction filter on every root handler."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

from vastdesk.domain.redaction import RedactionFilter, Redactor
from vastdesk.store.resources import make_private

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_MAX_BYTES = 2 * 1024 * 1024
_NOISY = ("asyncio", "asyncssh", "keyring", "markdown_it")

redactor = Redactor()
"""Of this process: who learns a secret adds it here, so that it can never reach the log."""


def log_file(folder: Path) -> Path:
    return folder / "logs" / "vastdesk.log"


def set_up_logging(folder: Path, verbose: bool) -> Path | None:
    """Log into `folder`/logs; with `verbose` more, and on stderr too. Returns the file, None when it cannot be written:
    a log must never keep a command from working."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if verbose else logging.WARNING)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.WARNING)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)] if verbose else []
    path = log_file(folder)
    try:
        make_private(folder)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # delay: a command that has nothing to say leaves no empty file
        handlers.append(logging.handlers.RotatingFileHandler(path, "a", _MAX_BYTES, 3, encoding="utf-8", delay=True))
        writable = True
    except OSError:
        writable = False
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler.addFilter(RedactionFilter(redactor))
        root.addHandler(handler)
    return path if writable else None


def close_logging() -> None:
    """Take our handlers off again: `main` may be called many times in one process."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if any(isinstance(each, RedactionFilter) for each in handler.filters):
            root.removeHandler(handler)
            handler.close()
