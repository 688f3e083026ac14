"""The only place where an argument list becomes a command line.

sshd hands the text to the account's login shell, and that may be any shell. So the line is one `exec` of plainly quoted
words, which sh, bash, dash, zsh, ksh, fish and csh read alike (csh only without line breaks).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./:,@+-]+")
_PIECES = re.compile(r"'+|\\+|[^'\\]+")


def quote(word: str) -> str:
    """One word, the same in every shell. Raises ValueError for NUL, which no argument can hold."""
    if "\0" in word:
        raise ValueError("an argument cannot hold NUL: send it on stdin")
    if _PLAIN.fullmatch(word):
        return word
    return "".join(_quote_piece(piece) for piece in _PIECES.findall(word)) or "''"


def _quote_piece(piece: str) -> str:
    r"""Inside '…' fish knows the escapes \\ and \', the others none; csh keeps both backslashes inside "…".

    So quotes stand in "…", and backslashes outside of all quotes: there they are doubled in every shell."""
    if piece[0] == "'":
        return f'"{piece}"'
    if piece[0] == "\\":
        return piece.replace("\\", "\\\\")
    return f"'{piece}'"


def remote_command(argv: Sequence[str]) -> str:
    """The command line that runs `argv` in place of the login shell."""
    return "exec " + " ".join(quote(word) for word in argv)
