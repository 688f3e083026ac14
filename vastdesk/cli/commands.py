"""What every command is made of: a parser that speaks plainly, options that all have, sub-commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """argparse, with errors as a sentence and the next action, and no guessing of abbreviated options."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options["allow_abbrev"] = False
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")
        raise SystemExit(USAGE_ERROR)


def common(suppress: bool) -> Parser:
    """Options that every command takes, before and after its name. `suppress`: leave a value given before alone."""
    parser = Parser(add_help=False)
    group = parser.add_argument_group("everywhere")
    no_value: Any = argparse.SUPPRESS if suppress else None
    group.add_argument(
        "--data-dir",
        metavar="DIR",
        default=no_value,
        help="keep everything below DIR (else VASTDESK_DATA_DIR, else the platform's place)",
    )
    group.add_argument(
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS if suppress else False,
        help="write more into the log file, and show it on stderr",
    )
    return parser


class Commands:
    """The sub-commands of a parser. Adding one here is all it takes."""

    def __init__(self, parent: argparse.ArgumentParser, metavar: str) -> None:
        self._parent = parent
        self._actions = parent.add_subparsers(metavar=metavar, title="commands", parser_class=Parser)

    def add(
        self, name: str, function: str, help: str, *, description: str = "", examples: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        shown = "examples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None
        parser = self._actions.add_parser(
            name, help=help, description=description or sentence(help), epilog=shown, parents=[common(suppress=True)]
        )
        parser.set_defaults(function=function)
        return parser


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def add_json(parser: argparse.ArgumentParser, nested: bool = False) -> None:
    """`nested`: the group above has the option too, and a value given there stands."""
    default: Any = argparse.SUPPRESS if nested else False
    parser.add_argument(
        "--json", action="store_true", default=default, help="one JSON object a line on stdout (docs/schema)"
    )
