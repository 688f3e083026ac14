"""Whatever goes wrong becomes a sentence and the next action on stderr, and an exit code. Never a traceback."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import TextIO

from vastdesk.cli.jsonout import OutputClosed, abandon_stdout
from vastdesk.cli.logs import close_logging, set_up_logging
from vastdesk.domain.errors import VastDeskError
from vastdesk.store.resources import data_dir

log = logging.getLogger(__name__)

CANCELLED = 130
FAILED = 1


def guarded(args: argparse.Namespace, call: Callable[[], int]) -> int:
    """The exit code of `call()`, whatever it raises."""
    log_path = set_up_logging(data_dir(args.data_dir), args.verbose)
    try:
        return call()
    except KeyboardInterrupt:
        return CANCELLED
    except OutputClosed:
        abandon_stdout()
        return 0
    except BrokenPipeError:
        abandon_stdout()
        return 0
    except VastDeskError as error:
        log.info("refused: %s", error, exc_info=True)
        complain(error)
        return error.exit_code
    except (Exception, asyncio.CancelledError) as error:  # the last door: everything becomes a sentence
        inner = only_named(error)
        if inner is not None:
            complain(inner)
            return inner.exit_code
        log.exception("vastdesk broke off")
        where = (
            f"The details are in {log_path}; please report them."
            if log_path
            else "Run it again with --verbose for details."
        )
        say(
            f"vastdesk: something went wrong inside VastDesk ({type(error).__name__}).\n{where} Nothing stored is lost."
        )
        return FAILED
    finally:
        close_logging()


def only_named(error: BaseException) -> VastDeskError | None:
    """The failure with a name inside a group of exceptions, when it is the only one there."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, VastDeskError) else None


def complain(error: VastDeskError) -> None:
    """The sentence, then the next action."""
    from vastdesk.cli.text import clean

    # Some sentences are a list of problems, one a line.
    lines = [*f"vastdesk: {error.sentence}".split("\n"), *error.action.split("\n")]
    say("\n".join("  " * line.startswith("  ") + clean(line.strip()) for line in lines if line))


def say(text: str) -> None:
    """A line on stderr; nobody reading it is no reason to fail."""
    try:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def wrong_use(detail: str, hint: str = "") -> VastDeskError:
    """Wrong use of the command line: exit code 2."""
    return VastDeskError("wrong_use", detail=detail, hint=hint)


def on_terminal() -> bool:
    """Whether a person sits in front of stdin and stderr and can be asked."""
    return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)


def stdout_is_live() -> bool:
    """Whether stdout is a terminal that a picture can be drawn on."""
    return _is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
