"""Where the window is hooked in: `vastdesk` without a command opens it. Nothing of Qt is imported before."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from vastdesk.cli.logs import log_file, redactor
from vastdesk.store.resources import data_dir

HINT = """\
vastdesk: there is no display here ({reason}); everything works on the command line too.

  vastdesk demo --headless               try it on this computer, no account needed
  vastdesk run WORKFLOW --ssh "…"        set up a machine and watch it
  vastdesk workflows                     what can be run
  vastdesk --help                        all commands
"""
X_PATIENCE_S = 2.0


def open_window(args: argparse.Namespace) -> int:
    """The exit code: 0 when the window was closed, or another one was raised; 2 without a display."""
    return show_window(args)


def show_window(args: argparse.Namespace, *, practice: bool = False, exit_after: bool = False) -> int:
    """The same; with `practice` it begins with the practice run, and with `exit_after` ends with it and its code."""
    reason = why_no_display()
    if reason is not None:
        sys.stderr.write(HINT.format(reason=reason))
        return 2
    from vastdesk.app import Options, run_window

    folder = data_dir(args.data_dir)
    options = Options(
        data_dir=folder,
        redact=redactor.redact,
        add_secret=redactor.add,
        log_path=log_file(folder),
        practice=practice,
        exit_after=exit_after,
    )
    return run_window(options)


def why_no_display(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str | None:
    """None where a window can be opened. Asked before Qt, which ends the whole process when it cannot."""
    if platform in ("win32", "darwin") or environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal", "vnc"):
        return None
    if environ.get("WAYLAND_DISPLAY"):
        return None
    display = environ.get("DISPLAY", "")
    if not display:
        return "neither DISPLAY nor WAYLAND_DISPLAY is set"
    return None if _answers(display) else f"nothing answers at {display}"


def _answers(display: str) -> bool:
    """Whether an X server listens. One that we do not know how to ask counts as there."""
    host, _, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not number.isdecimal():
        return False
    try:
        if host in ("", "unix"):
            return _answers_here(int(number))
        with socket.create_connection((host, 6000 + int(number)), X_PATIENCE_S):
            return True
    except OSError:
        return False


def _answers_here(number: int) -> bool:
    path = f"/tmp/.X11-unix/X{number}"  # where every X server listens
    for address in (f"\0{path}", path):
        if address == path and not Path(path).exists():
            continue
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(X_PATIENCE_S)
            try:
                probe.connect(address)
            except OSError:
                continue
            return True
    return False
