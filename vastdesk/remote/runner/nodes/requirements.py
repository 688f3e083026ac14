"""A node's requirement file, made fit to be resolved together with those of all other nodes.

What would act on every node at once (`--index-url`, `--pre` …) is turned into something harmless or refused; what
names a package is passed on as it stands.
"""

from __future__ import annotations

import codecs
import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

MAX_BYTES = 1 << 20
MAX_DEPTH = 5


class Refused(Exception):
    """A requirement file that cannot be used, as a sentence with its line."""


class Line(NamedTuple):
    """One requirement. `where`: `requirements.txt line 3`; `name`: normalized, empty if only the package knows it."""

    text: str
    name: str
    where: str
    original: str


class Requirements(NamedTuple):
    """What a node needs. `indexes` and `links` are places its file adds; `notes` say what was left out."""

    lines: Tuple[Line, ...] = ()
    constraints: Tuple[str, ...] = ()
    indexes: Tuple[str, ...] = ()
    links: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()


_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$", re.DOTALL)
_CLAUSE = r"\s*(?:===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+\s*"
_VERSION = re.compile(r"(?:%(c)s(?:,%(c)s)*,?|\(%(c)s(?:,%(c)s)*\))\s*(?:;.*)?$" % {"c": _CLAUSE}, re.DOTALL)
_URL = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[a-z][a-z0-9+.-]*://\S+$", re.IGNORECASE)
_VCS = ("git+https://", "git+http://", "git+ssh://", "git+git://", "git+file://")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_WHEEL = re.compile(r"/([A-Za-z0-9._]+)-[0-9][^/]*\.whl(?:[#?].*)?$")
_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+)?(.*)$", re.DOTALL)
_PER_LINE = re.compile(r"\s--?(?:global-option|install-option|config-settings?|C)\b.*$", re.DOTALL)
_HASH = re.compile(r"\s*--hash[= ]\S+")
# These choose among equals or only speak; without them the file means the same.
_HARMLESS = ("--prefer-binary", "--trusted-host", "--no-cache-dir", "--quiet", "-q", "--use-feature", "--use-pep517",
             "--upgrade", "-U", "--no-binary", "--only-binary", "--pre", "--no-index", "--progress-bar",
             "--timeout")  # fmt: skip


def normalize(name: str) -> str:
    """A project name as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(folder: str, name: str) -> Optional[Requirements]:
    """The file `name` of a node; None when it is not there. Raises Refused."""
    path = os.path.join(folder, name)
    if not os.path.isfile(path):
        return None
    collected = _Collected(os.path.realpath(folder))
    collected.file(path, name, 0)
    return collected.result()


class _Collected:
    def __init__(self, root: str) -> None:
        self._root = root
        self._found: Dict[str, List[str]] = {"constraints": [], "indexes": [], "links": [], "notes": []}
        self._lines: List[Line] = []
        self._open: List[str] = []

    def result(self) -> Requirements:
        unique = {kind: tuple(dict.fromkeys(values)) for kind, values in self._found.items()}
        return Requirements(lines=tuple(self._lines), **unique)

    def file(self, path: str, shown: str, depth: int) -> None:
        for number, text in logical_lines(_text(path, shown)):
            where = "%s line %d" % (shown, number)
            if text.startswith("-"):
                self._option(text, path, where, depth)
            else:
                self._lines.append(requirement(text, os.path.dirname(path), self._root, where))

    def _option(self, text: str, path: str, where: str, depth: int) -> None:
        found = _OPTION.match(text)
        option, value = (found.group(1), found.group(2).strip()) if found else (text, "")
        # `-rother.txt` and `-fURL`, as pip takes them
        if not text.startswith("--") and len(option) > 2 and option not in _HARMLESS:
            option, value = text[:2], text[2:].strip()
        value = value.split(" #")[0].strip().strip("\"'")
        if "${" in value:
            raise Refused("%s needs a variable of its author's machine: %s" % (where, text[:120]))
        if option in ("-r", "--requirement"):
            self._include(value, path, where, depth)
        elif option in ("-c", "--constraint"):
            inner = self._inside(value, path, where)
            self._found["constraints"] += [line for _, line in logical_lines(_text(inner, value)) if line[0] != "-"]
        elif option in ("-i", "--index-url", "--extra-index-url"):
            self._found["indexes"].append(_address(value, where))
        elif option in ("-f", "--find-links"):
            remote = "://" in value
            self._found["links"].append(_address(value, where) if remote else self._inside(value, path, where))
        elif option in ("-e", "--editable"):
            raise Refused("%s wants an editable installation, which a node cannot have here: %s" % (where, text[:120]))
        elif option in _HARMLESS:
            self._found["notes"].append("%s is left out: %s" % (where, text[:120]))
        else:
            raise Refused("%s is not supported: %s" % (where, text[:120]))

    def _include(self, value: str, path: str, where: str, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise Refused("%s includes too many files in each other" % where)
        inner = self._inside(value, path, where)
        if inner in self._open:
            raise Refused("%s includes %s, which includes it" % (where, value))
        self._open.append(inner)
        self.file(inner, os.path.relpath(inner, self._root), depth + 1)
        self._open.pop()

    def _inside(self, value: str, path: str, where: str) -> str:
        return _inside(value, os.path.dirname(path), self._root, where)


def logical_lines(text: str) -> List[Tuple[int, str]]:
    """(line number, requirement) without comments and blanks; a backslash at the end joins lines."""
    found = []
    begun, parts = 0, []  # type: Tuple[int, List[str]]
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        begun = begun if parts else number
        line = re.sub(r"(^|\s)#.*$", "", raw)
        continued = line.rstrip().endswith("\\") and "#" not in raw[len(line) :]
        parts.append(line.rstrip()[:-1] if continued else line)
        if not continued:
            joined = " ".join(part.strip() for part in parts).strip()
            parts = []
            if joined:
                found.append((begun, joined))
    joined = " ".join(part.strip() for part in parts).strip()
    return [*found, (begun, joined)] if joined else found


def requirement(text: str, base: str, root: str, where: str) -> Line:
    """One requirement, checked. Raises Refused."""
    original = text
    if any(ord(char) < 32 and char != "\t" for char in text):
        raise Refused("%s has control characters" % where)
    text = _PER_LINE.sub("", text)
    bare = _HASH.sub("", text).strip()
    if _URL.match(bare.split(";")[0].strip()):
        _check_url(bare, where)
        return Line(text, _name_in_url(bare), where, original)
    if bare.startswith(("./", "../", "/")) or re.match(r"\S+\.(whl|zip|tar\.gz)\s*(?:;|$)", bare):
        path, _, marker = bare.partition(";")
        inner = _inside(path.strip(), base, root, where)
        return Line(
            inner + (" ;" + marker if marker else ""), _name_in_url("/" + os.path.basename(inner)), where, original
        )
    found = _NAME.match(bare)
    if not found:
        raise Refused("%s is not a requirement: %s" % (where, original[:120]))
    rest = found.group(2).strip()
    if rest.startswith("@"):
        _check_url(rest[1:].strip(), where)
    elif rest and not rest.startswith(";") and not _VERSION.match(rest):  # `numpy<1.24>=1.18` stops every tool
        raise Refused("%s is not a requirement: %s" % (where, original[:120]))
    return Line(text.strip(), normalize(found.group(1)), where, original)


def _check_url(url: str, where: str) -> None:
    url = url.split(" ;")[0].strip()
    if "+" in url.split(":")[0] and not url.lower().startswith(_VCS):
        raise Refused("%s has an address that is not supported: %s" % (where, url[:120]))
    if not url.lower().startswith((*_VCS, "https://", "http://", "file://")):
        raise Refused("%s has an address that is not supported: %s" % (where, url[:120]))
    if "${" in url:
        raise Refused("%s needs a variable of its author's machine: %s" % (where, url[:120]))


def _name_in_url(url: str) -> str:
    found = _EGG.search(url) or _WHEEL.search(url)
    return normalize(found.group(1)) if found else ""


def _address(value: str, where: str) -> str:
    if not value.lower().startswith(("https://", "http://")) or any(char.isspace() for char in value):
        raise Refused("%s names a package index that is no address: %s" % (where, value[:120]))
    return value


def _inside(value: str, base: str, root: str, where: str) -> str:
    path = os.path.realpath(os.path.join(base, value))
    if "://" in value or (path != root and not path.startswith(root + os.sep)):
        raise Refused("%s names a file outside the node: %s" % (where, value[:120]))
    if not os.path.exists(path):
        raise Refused("%s names a file that is not there: %s" % (where, value[:120]))
    return path


def _text(path: str, shown: str) -> str:
    """UTF-8, with or without a mark, UTF-16 as Windows' editors write it, anything else byte by byte."""
    with open(path, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Refused("%s is larger than 1 MiB" % shown)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


# One folder, cv2, several packages that overwrite each other in it: the larger one holds the smaller.
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def one_opencv(lines: Sequence[Line], installed: Sequence[str], wanted: Sequence[str]) -> Tuple[List[Line], List[str]]:
    """The lines with all opencv packages as one: the one that is installed, else the largest that any node names.

    `wanted` are the names over all nodes. Also says what was done.
    """
    present = [name for name in OPENCV if name in installed]
    variants = present or [name for name in OPENCV if name in wanted]
    if not variants:
        return list(lines), []
    contrib = any("contrib" in name for name in variants)
    headless = all("headless" in name for name in variants)
    chosen = present[-1] if present else "opencv%s-python%s" % ("-contrib" * contrib, "-headless" * headless)
    kept, notes = [], []
    for line in lines:
        if line.name in OPENCV and line.name != chosen:
            text = re.sub(r"^[A-Za-z0-9._-]+", chosen, line.text)
            kept.append(line._replace(text=text, name=chosen))
            notes.append("%s: %s stands for %s" % (line.where, chosen, line.name))
        else:
            kept.append(line)
    return kept, notes
