"""The command line: `main` parses, imports the chosen command and turns whatever goes wrong into a sentence.

Nothing heavy is imported here (`vastdesk --help` is instant), and nothing of Qt anywhere below.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code of spec: 0 1 2 3 4 5 6 7 130."""
    from vastdesk.cli.parser import build_parser

    try:
        args = build_parser().parse_args(argv)
    except SystemExit as end:  # argparse ends the program by itself, for --help (0) and wrong use (2)
        return end.code if isinstance(end.code, int) else 2
    from vastdesk.cli.report import guarded

    module, _, function = args.function.partition(":")
    return guarded(args, lambda: getattr(importlib.import_module(module), function)(args))


if __name__ == "__main__":
    sys.exit(main())
