"""/etc/environment: one variable set once, everything else as it was."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import List, Optional

from ..context import Context
from ..discover import read_environment_file
from ..errors import StepError

FILE = "/etc/environment"
_SAFE = re.compile(r"[A-Za-z0-9_./:@%+,~-]+")


def read_variable(ctx: Context, name: str) -> Optional[str]:
    """Its value as a fresh login gets it, or None."""
    return read_environment_file(ctx.path(FILE)).get(name)


def with_variable(text: str, name: str, value: str) -> str:
    """The file's text with the variable set once, where it first stood, else at the end."""
    ours = re.compile(r"\s*(?:export\s+)?%s\s*=" % re.escape(name))
    line = "%s=%s" % (name, value if _SAFE.fullmatch(value) else '"%s"' % value)
    kept: List[str] = []
    written = False
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for old in lines:
        if not ours.match(old):
            kept.append(old)
        elif not written:
            kept.append(line)
            written = True
    if not written:
        kept.append(line)
    return "\n".join(kept) + "\n"


def set_variable(ctx: Context, name: str, value: str) -> bool:
    """Write it, atomically, with sudo only if needed. False: it was there already, nothing was touched."""
    path = os.path.realpath(ctx.path(FILE))
    text = _read(path)
    new = with_variable(text, name, value)
    if new == text:
        return False
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o644
    try:
        _replace(path, new, mode)
    except PermissionError as error:
        _replace_as_root(ctx, path, new, mode, error)
    return True


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write(path: str, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: str, text: str, mode: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = path + ".vastdesk"
    try:
        _write(temporary, text, mode)
        if os.path.exists(path):
            before = os.stat(path)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(temporary, before.st_uid, before.st_gid)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        if error.errno != errno.EBUSY:
            raise
        _write(path, text, mode)  # a file that is a mount point of the container cannot be renamed onto


def _replace_as_root(ctx: Context, path: str, text: str, mode: int, cause: OSError) -> None:
    ours = os.path.join(ctx.work, "environment")
    _write(ours, text, 0o600)
    temporary = path + ".vastdesk"
    for argv in (
        ["sudo", "-n", "install", "-o", "root", "-g", "root", "-m", "%o" % mode, ours, temporary],
        ["sudo", "-n", "mv", "-f", temporary, path],
    ):
        try:
            result = ctx.run(argv, timeout_s=20)
        except StepError as error:
            if error.kind != "tool_missing":
                raise
            raise StepError("not_permitted", path=path, detail="there is no sudo") from cause
        if not result.ok:
            last = result.tail[-1] if result.tail else cause.strerror
            raise StepError("not_permitted", path=path, detail=last) from cause
