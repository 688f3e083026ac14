"""The node list: CSV text from anywhere, read row by row. A row that cannot be used is named; the others go on."""

from __future__ import annotations

import csv
import re
import unicodedata
from typing import Dict, List, NamedTuple, Sequence, Tuple
from urllib.parse import urlsplit

from ..errors import StepError

COLUMNS = ("Name", "RepoUrl", "Subfolder", "RequirementsFile", "Ref")
_NEEDED = COLUMNS[:2]
_NAME_BYTES = 150  # of a folder name: room for what is put behind it while it is cloned or moved aside
_PATH_BYTES = 500  # of a folder below custom_nodes: the system allows 4,096 in all, and a walk only so many levels
_URL_CHARS = 2000
_SCHEMES = ("https", "http", "git", "ssh", "file")
_SCP_LIKE = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[A-Za-z0-9_./~-]+")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]{0,199}")
# Cc and Cf hold control and direction characters: a name must look like what it is.
_UNFIT = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class Node(NamedTuple):
    """A row. `folder` is its path below custom_nodes; `problem` says why it cannot be used, with its line number."""

    line: int
    name: str
    url: str
    folder: str
    requirements: str
    ref: str
    problem: str = ""


def parse(text: str) -> List[Node]:
    """All rows in order, the bad ones with their problem. Raises StepError("bad_node_list") without a usable header."""
    rows = list(_rows(text))
    if not rows:
        raise StepError("bad_node_list", detail="it is empty")
    line, header, problem = rows[0]
    columns = _columns(header)
    if problem or not columns:
        detail = "line %d is not the header: %s" % (line, problem or shown(",".join(header)))
        raise StepError("bad_node_list", detail=detail)
    nodes: List[Node] = []
    taken: Dict[str, int] = {}
    for line, fields, problem in rows[1:]:
        node = _node(line, fields, columns, problem)
        if not node.problem and node.folder in taken:
            node = _bad(line, node.name, "the folder %s is already that of line %d" % (node.folder, taken[node.folder]))
        if not node.problem:
            taken[node.folder] = line
        nodes.append(node)
    return nodes


def shown(text: str, limit: int = 60) -> str:
    """Foreign text fit for a row of the task list: one line, no control or direction characters, cut."""
    text = "".join("�" if unicodedata.category(char) in _UNFIT else char for char in text[: limit * 4])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def path_problem(path: str) -> str:
    """Why a relative path may not be used, or nothing."""
    if path.startswith("/") or "\\" in path:
        return "is not a path below the folder"
    if len(path.encode("utf-8", "replace")) > _PATH_BYTES:
        return "is too long"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return "leaves the folder" if part == ".." else "has an empty part"
        if part.startswith(("-", "~", ".")):
            return "has a part that begins with %s" % part[0]
        if any(unicodedata.category(char) in _UNFIT for char in part):
            return "has control characters"
        if any(char in part for char in ':*?"<>|;$`') or part != part.strip():
            return "has characters that do not belong in a file name"
        if len(part.encode("utf-8", "replace")) > _NAME_BYTES:
            return "is too long"
    return ""


def url_problem(url: str) -> str:
    """Why git may not be given this address, or nothing."""
    if len(url) > _URL_CHARS:
        return "is too long"
    if url.startswith("-"):
        return "is an option of git, not an address"
    if any(char.isspace() or unicodedata.category(char) in _UNFIT for char in url):
        return "has blanks or control characters"
    if "::" in url.split("/")[0]:
        return "uses a transport of git that runs commands"
    if _SCP_LIKE.fullmatch(url):
        return ""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when it is no number
    except ValueError:
        return "is not an address"
    if parts.scheme.lower() not in _SCHEMES:
        return "is not an address git can clone: use https://…"
    if not parts.path.strip("/") or (parts.scheme != "file" and (not parts.hostname or parts.hostname.startswith("-"))):
        return "names no repository"
    if parts.password or (parts.username and parts.scheme in ("http", "https")):
        return "holds a user name or password, which would be readable in the process list"
    return ""


def _rows(text: str) -> "List[Tuple[int, List[str], str]]":
    """(line number, fields, problem) of every line that is not blank and no comment.

    Line by line, not by a reader for the whole file: one quote too many must not swallow all rows after it.
    """
    found = []
    text = text[1:] if text.startswith("\ufeff") else text
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if not line.strip().strip(",") or line.lstrip().startswith("#"):
            continue
        line = line.replace("\0", "\1")  # no more fit for a name, and csv before Python 3.11 refuses to read NUL
        try:
            fields = next(csv.reader([line], strict=True, skipinitialspace=True))
            found.append((number, [field.strip() for field in fields], ""))
        except (csv.Error, StopIteration) as error:
            found.append((number, line.split(","), "its quotes do not match (%s)" % error))
    return found


def _columns(header: Sequence[str]) -> Dict[str, int]:
    """Where each known column is; nothing when a needed one is missing."""
    names = {name.lower(): name for name in COLUMNS}
    columns = {names[field.lower()]: place for place, field in enumerate(header) if field.lower() in names}
    return columns if all(name in columns for name in _NEEDED) else {}


def _node(line: int, fields: List[str], columns: Dict[str, int], problem: str) -> Node:
    def field(name: str) -> str:
        place = columns.get(name, len(fields))
        return fields[place] if place < len(fields) else ""

    name, url, subfolder, requirements, ref = (field(column) for column in COLUMNS)
    if not problem and len(fields) > max(len(columns), len(COLUMNS)) and any(fields[len(COLUMNS) :]):
        problem = "it has %d columns" % len(fields)
    folder = subfolder.strip("/") if subfolder and not subfolder.startswith("/") else subfolder or name
    problem = problem or _problem(name, url, folder, requirements, ref)
    if problem:
        return _bad(line, name, problem)
    return Node(line, name, url, folder, requirements, ref)


def _problem(name: str, url: str, folder: str, requirements: str, ref: str) -> str:
    if not name:
        return "it has no name"
    if name == folder and (path_problem(name) or "/" in name):
        return "the name %s" % (path_problem(name) or "has a slash")
    if shown(name, _NAME_BYTES) != name:
        return "the name is too long" if len(name) > _NAME_BYTES else "the name has control characters"
    if not url:
        return "it has no repository address"
    if url_problem(url):
        return "the repository address %s" % url_problem(url)
    if path_problem(folder):
        return "the subfolder %s" % path_problem(folder)
    if folder.endswith(".disabled") or folder == "__pycache__":
        return "ComfyUI never loads a folder of this name"
    if requirements and path_problem(requirements):
        return "the requirements file %s" % path_problem(requirements)
    if ref and (not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", "/"))):
        return "the ref is not a tag, branch or commit"
    return ""


def _bad(line: int, name: str, problem: str) -> Node:
    return Node(line, shown(name) or "line %d" % line, "", "", "", "", "line %d: %s" % (line, problem))
