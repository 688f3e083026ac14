"""Where the window is hooked in: `vastdesk` without a command opens it."""

from __future__ import annotations

import argparse
import sys

HINT = """\
vastdesk: the window comes with a later version; everything works on the command line already.

  vastdesk demo                          try it on this computer, no account needed
  vastdesk run WORKFLOW --ssh "…"        set up a machine and watch it
  vastdesk workflows                     what can be run
  vastdesk --help                        all commands
"""


def open_window(args: argparse.Namespace) -> int:
    """The exit code. Until there is a window: wrong use, and what to do instead."""
    sys.stderr.write(HINT)
    return 2
