"""Checks real output against docs/schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "schema"


@cache
def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def checked(text: str) -> list[dict[str, Any]]:
    """The objects of `--json` output, each valid for the schema of its type; everything else is an event."""
    found = []
    for line in text.splitlines():
        value = json.loads(line)
        name = value["type"] if value["type"] in names() else "event"
        validator(name).validate(value)
        found.append(value)
    return found
