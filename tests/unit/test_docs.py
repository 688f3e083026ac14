"""The pages people are sent to say what the program says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vastdesk.domain import errors as desktop
from vastdesk.remote.runner import errors as runner

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def sections(text: str, mark: str) -> dict[str, str]:
    """What stands under each heading of one level."""
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.MULTILINE)
    return {head.strip(): body for head, body in zip(parts[1::2], parts[2::2], strict=True)}


def entries(section: str) -> dict[str, str]:
    page = (DOCS / "troubleshooting.md").read_text("utf-8")
    return {head.strip("`"): body for head, body in sections(sections(page, "##")[section], "###").items()}


TABLES: dict[str, Mapping[str, Any]] = {
    "On this computer": desktop.KINDS,
    "In a step on the instance": runner.KINDS,
}


@pytest.mark.parametrize("section", TABLES)
def test_every_kind_of_failure_has_its_entry_and_no_other(section: str) -> None:
    assert set(entries(section)) == set(TABLES[section])


@pytest.mark.parametrize(("section", "kind"), [(section, kind) for section, table in TABLES.items() for kind in table])
def test_an_entry_has_the_sentence_a_reason_and_the_next_action(section: str, kind: str) -> None:
    body = entries(section).get(kind, "")
    quoted = "\n".join(line.removeprefix("> ") for line in body.splitlines() if line.startswith("> "))
    assert quoted == TABLES[section][kind].sentence
    assert re.search(r"^\*\*Why\.\*\* .{20}", body, re.MULTILINE)
    assert f"**What to do.** {TABLES[section][kind].action}" in body


def anchors(text: str) -> set[str]:
    """As the big hosts make them: small letters, spaces to dashes, no other signs."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_page_that_is_pointed_to_is_there() -> None:
    missing = []
    for path in [*DOCS.glob("*.md"), *ROOT.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", path.read_text("utf-8")):
            page = path.parent / target[0] if target[0] else path
            if not page.exists() or (target[1] and target[1][1:] not in anchors(page.read_text("utf-8"))):
                missing.append(f"{path.name}: {target[0]}{target[1]}")
    assert not missing


def test_every_fact_the_code_cites_is_written_down() -> None:
    known = anchors((DOCS / "facts.md").read_text("utf-8"))
    cited = {
        f"{path.relative_to(ROOT).as_posix()}: {fact}"
        for path in (ROOT / "vastdesk").rglob("*.py")
        for fact in re.findall(r"docs/facts\.md#([\w-]+)", path.read_text("utf-8"))
    }
    assert not [cite for cite in cited if cite.split(": ")[1] not in known]
