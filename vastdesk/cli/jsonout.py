"""`--json`: one JSON object a line on stdout, and nothing else there. The shapes are in docs/schema."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO


class OutputClosed(Exception):
    """Whoever read our stdout has gone. Not an error: what was started goes on without being watched."""


def line(value: Mapping[str, Any]) -> str:
    """One line. ASCII only, so that lone surrogates and line separators of other people's texts cannot break it."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def emit(value: Mapping[str, Any], stream: TextIO | None = None) -> None:
    """Print one object and flush. Raises OutputClosed when nobody reads any more."""
    write_text(line(value) + "\n", stream)


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Print and flush whatever the encoding of stdout. Raises OutputClosed when nobody reads any more."""
    out = stream or sys.stdout
    try:
        out.write(_encodable(text, out))
        out.flush()
    except (BrokenPipeError, ConnectionResetError) as error:
        raise OutputClosed from error
    except OSError as error:  # Windows says EINVAL for a closed pipe
        if sys.platform == "win32":
            raise OutputClosed from error
        raise


def _encodable(text: str, out: TextIO) -> str:
    encoding = getattr(out, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def abandon_stdout() -> None:
    """After OutputClosed: let the interpreter's last flush go nowhere instead of failing."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass
