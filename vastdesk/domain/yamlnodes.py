"""YAML with line numbers, and nothing of YAML that could hurt: no aliases, no tags, no types a workflow does not have.

A file may come from anywhere; whatever is wrong with it becomes a problem with its line, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from vastdesk.domain.sentences import display_text

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_PROBLEMS = 50
"""Nobody corrects more at a time; a file that is no workflow at all would otherwise fill the screen."""

# libyaml's parser is many times faster; without it the one in Python does the same.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "seq", "map")}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `line` counts from 1."""

    source: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{display_text(self.source, 300)}:{self.line}: {self.message}"


class Found:
    """Problems as they are found, each once."""

    def __init__(self, source: str) -> None:
        self.problems: list[Problem] = []
        self._source = source

    def add(self, line: int, message: str) -> None:
        problem = Problem(self._source, line, message)
        if problem not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass(slots=True)
class Entry:
    """A value in the file. `line` is where it begins, `key_line` where its key stands, both from 1."""

    line: int
    key_line: int

    def plain(self) -> Any:
        """The value without lines."""
        raise NotImplementedError


@dataclass(slots=True)
class Scalar(Entry):
    """`value` is a text, a number, a truth value or None; `text` as it was written."""

    value: Any
    text: str

    def plain(self) -> Any:
        return self.value


@dataclass(slots=True)
class Items(Entry):
    """A mapping (keys are texts as written) or a list (keys are empty)."""

    is_mapping: bool
    items: list[tuple[str, Entry]] = field(default_factory=list)

    def get(self, key: str) -> Entry | None:
        return next((entry for name, entry in self.items if name == key), None)

    def __getitem__(self, key: str) -> Entry:
        entry = self.get(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def plain(self) -> Any:
        if self.is_mapping:
            return {name: entry.plain() for name, entry in self.items}
        return [entry.plain() for _, entry in self.items]


def read_yaml(text: str | bytes, found: Found) -> Entry | None:
    """The one document of the file; None when it cannot be read at all."""
    decoded = _decode(text, found)
    if decoded is None:
        return None
    try:
        # Events first: they show aliases and depth before anything is built of them.
        if not _is_sane(yaml.parse(decoded, Loader=_Loader), found):
            return None
        root = yaml.compose(decoded, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found.add(*_explain(error, decoded))
        return None
    if root is None:
        found.add(1, "the file is empty")
        return None
    return _Builder(found).entry(root, root.start_mark.line + 1)


def _decode(text: str | bytes, found: Found) -> str | None:
    if isinstance(text, bytes):
        if len(text) > MAX_BYTES:
            found.add(1, f"the file is larger than {MAX_BYTES // 1024} KiB")
            return None
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            found.add(error.object[: error.start].count(b"\n") + 1, "the file is not UTF-8 text; save it as UTF-8")
            return None
    if len(text) > MAX_BYTES:
        found.add(1, f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    for index, char in enumerate(text):
        if (
            (char < " " and char not in "\t\n\r")
            or "\x7f" <= char < "\xa0"
            and char != "\x85"
            or "\ud800" <= char <= "\udfff"
        ):
            found.add(
                text.count("\n", 0, index) + 1,
                f"a control character (U+{ord(char):04X}) does not belong in a text file",
            )
            return None
    return text.removeprefix("\ufeff")


def _is_sane(events: Iterator[Any], found: Found) -> bool:
    depth = documents = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            found.add(
                line,
                "anchors and aliases (& and *) are not supported; write the value out (texts with them need quotes)",
            )
            return False
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                found.add(line, "a file holds one workflow; '---' begins a second one")
                return False
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                found.add(line, "the file is nested too deeply")
                return False
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return True


def _explain(error: Exception, text: str) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else 1
    written = text.splitlines()[line - 1 : line]
    if written and "\t" in written[0][: len(written[0]) - len(written[0].lstrip())]:
        return line, "a tab cannot indent in YAML; use spaces"
    return line, f"this is not YAML: {display_text(str(getattr(error, 'problem', None) or error))}"


class _Builder:
    """Entries of nodes. Not recursive deeper than `MAX_DEPTH`, which the events have shown."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def entry(self, node: Any, key_line: int) -> Entry:
        line = node.start_mark.line + 1
        kind = _PLAIN_TAGS.get(node.tag)
        if kind is None and not _is_untagged(node):
            self._found.add(line, f"the tag {display_text(node.tag, 80)} is not supported")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, line, key_line)
        if isinstance(node, yaml.SequenceNode):
            items = [("", self.entry(child, child.start_mark.line + 1)) for child in node.value]
            return Items(line, key_line, False, items)
        return Scalar(line, key_line, self._value(node, kind, line), node.value)

    def _mapping(self, node: Any, line: int, key_line: int) -> Items:
        items = Items(line, key_line, True)
        seen: dict[str, int] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._found.add(at, "a key is a text")
                continue
            name = key.value
            if name in seen:
                self._found.add(at, f"'{display_text(name, 80)}' is there already, in line {seen[name]}")
                continue
            seen[name] = at
            items.items.append((name, self.entry(value, at)))
        return items

    def _value(self, node: Any, kind: str | None, line: int) -> Any:
        text: str = node.value
        try:
            match kind:
                case "null":
                    return None
                case "bool":
                    return text.lower() in ("true", "yes", "on")
                case "int":
                    return _integer(text)
                case "float":
                    return float(text.replace("_", "")) if ":" not in text else text
        except ValueError:
            return text
        return text  # texts, and what YAML 1.1 takes for dates


def _integer(text: str) -> Any:
    """A whole number; `12:30` stays the text it looks like, and so does a number with a leading zero (`007`)."""
    plain = text.replace("_", "")
    if ":" in plain or len(plain) > 40:
        return text
    if plain.lstrip("+-").lower().startswith(("0x", "0b")):
        return int(plain, 0)
    return text if len(plain.lstrip("+-")) > 1 and plain.lstrip("+-").startswith("0") else int(plain)


def _is_untagged(node: Any) -> bool:
    """A date, a merge key or the like that nobody tagged: YAML 1.1 guesses them from the text."""
    return node.tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
