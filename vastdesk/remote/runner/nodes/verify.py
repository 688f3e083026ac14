"""Lets ComfyUI import its custom nodes for real, and reads what became of each."""

from __future__ import annotations

import os
import re
import shutil
from typing import Dict, List, NamedTuple, Optional, Sequence, Set

from ..context import Context
from ..errors import StepError
from .places import Python

MAX_PROBLEMS = 50
_TABLE = "Import times for custom nodes"
_ROW = re.compile(r"([\d.]+) seconds( \((?:IMPORT|PRESTARTUP) FAILED\))?:\s+(\S.*)$")
_CANNOT = re.compile(r"Cannot import (.+?) module for custom nodes:\s*(.*)$")
_ERROR = re.compile(r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Warning)|ModuleNotFoundError|SystemExit)\b.*")


class Problem(NamedTuple):
    """A node that does not load, and why."""

    node: str
    reason: str


class Imports:
    """What ComfyUI said: fed line by line. Its exit code is 0 whatever happened."""

    def __init__(self) -> None:
        self.seen: Set[str] = set()
        self.failed: Dict[str, str] = {}
        self.table = False
        self.last_error = ""
        self._reasons: Dict[str, str] = {}

    def line(self, line: str) -> None:
        if _TABLE in line:
            self.table = True
        cannot = _CANNOT.search(line)
        if cannot:
            self._reasons[_folder(cannot.group(1))] = cannot.group(2).strip() or self.last_error
            return
        row = _ROW.search(line)
        if row:
            folder = _folder(row.group(3))
            if self.table:
                self.seen.add(folder)
            if row.group(2):
                self.failed[folder] = row.group(2)
        elif _ERROR.match(line.strip()):
            self.last_error = line.strip()

    def problems(self, folders: Optional[Sequence[str]]) -> List[Problem]:
        """Of these folders of custom_nodes (None: of all that ComfyUI named)."""
        found = []
        for folder in sorted(self.seen | set(self.failed)) if folders is None else dict.fromkeys(folders):
            if folder in self.failed or (folder in self._reasons and folder not in self.seen):
                found.append(Problem(folder, self._reasons.get(folder) or "its import failed without a reason"))
            elif folder not in self.seen:
                found.append(Problem(folder, "ComfyUI did not load it"))
        return found


def _folder(path: str) -> str:
    return os.path.basename(path.strip().rstrip("/"))


def check(
    ctx: Context, comfy: str, python: Python, folders: Optional[Sequence[str]], timeout_s: float
) -> List[Problem]:
    """The nodes that do not load. `folders` are names in custom_nodes; others do not count.
    Raises StepError("cannot_verify")."""
    if not os.path.isfile(os.path.join(comfy, "main.py")):
        raise StepError("cannot_verify", detail="main.py is missing in %s" % comfy)
    argv = [python.path, "main.py", *_arguments(ctx, comfy, python)]
    imports = Imports()
    # Without byte code: what is verified must not be changed by it.
    env = {"PYTHONDONTWRITEBYTECODE": "1", "COMFYUI_PATH": comfy}
    result = ctx.run(argv, imports.line, cwd=comfy, env=env, timeout_s=timeout_s)
    if result.timed_out:
        last = ": " + result.tail[-1][:150] if result.tail else ""
        detail = "ComfyUI did not finish loading them in %g s%s" % (timeout_s, last)
        raise StepError("cannot_verify", detail=detail)
    if not imports.table and result.code:
        last = result.last_words if result.killed else imports.last_error or result.last_words
        raise StepError("cannot_verify", detail="ComfyUI does not start: %s" % last[:300])
    return imports.problems(folders)[:MAX_PROBLEMS]


def _arguments(ctx: Context, comfy: str, python: Python) -> List[str]:
    """The flags this ComfyUI knows: an unknown one ends it at once."""
    lines: List[str] = []
    result = ctx.run([python.path, "main.py", "--help"], lines.append, cwd=comfy, timeout_s=120, quiet=True)
    if not result.ok:
        last = "it does not answer" if result.timed_out else result.last_words
        raise StepError("cannot_verify", detail="ComfyUI does not start: %s" % last[:300])
    known = set(re.findall(r"--[a-z][a-z0-9-]*", "\n".join(lines)))
    if "--quick-test-for-ci" not in known:
        raise StepError("cannot_verify", detail="this ComfyUI is too old for it (no --quick-test-for-ci)")
    scratch = os.path.join(ctx.work, "verify")
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(os.path.join(scratch, "user"))
    # Folders of its own: a start wipes the temp folder, and the database is locked, of a ComfyUI that runs.
    wanted = [
        ("--quick-test-for-ci", ""),
        ("--cpu", ""),
        ("--disable-auto-launch", ""),
        ("--temp-directory", scratch),
        ("--user-directory", os.path.join(scratch, "user")),
        ("--database-url", "sqlite:///" + os.path.join(scratch, "comfyui.db")),
    ]
    return [word for flag, value in wanted if flag in known for word in (flag, value) if word]
