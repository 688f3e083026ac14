"""What pip is told on this machine about indexes and certificates, said to uv as well: uv reads no pip.conf.

Machines behind a mirror or a company's proxy have it there; without this, uv would go past the mirror and find nothing.
"""

from __future__ import annotations

import ast
from typing import Dict, List, Sequence

from ..context import Context

_TIMEOUT_S = 60.0


def uv_environment(ctx: Context, python: str) -> Dict[str, str]:
    """Variables for uv; empty when pip is missing or says nothing."""
    lines: List[str] = []
    result = ctx.run([python, "-m", "pip", "config", "list"], lines.append, timeout_s=_TIMEOUT_S, quiet=True)
    return translate(lines) if result.ok else {}


def translate(lines: Sequence[str]) -> Dict[str, str]:
    """From `pip config list` (`global.index-url='…'`). What is said for `install` or in PIP_… variables (`:env:`) wins
    over `global`, as in pip."""
    said: Dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for line in lines:
            name, _, value = line.partition("=")
            if name.startswith(section + "."):
                said[name[len(section) + 1 :]] = _unquoted(value)
    env: Dict[str, str] = {}
    if said.get("index-url"):
        env.update(UV_INDEX_URL=said["index-url"], UV_DEFAULT_INDEX=said["index-url"])
    if said.get("no-index", "").lower() in ("1", "true", "yes"):
        env["UV_NO_INDEX"] = "1"
    extra = said.get("extra-index-url", "").split()
    if extra:
        # As pip does it: the best version of all indexes. uv by itself would take the whole package from the first.
        env.update(UV_EXTRA_INDEX_URL=" ".join(extra), UV_INDEX_STRATEGY="unsafe-best-match")
    if said.get("find-links"):
        env["UV_FIND_LINKS"] = ",".join(said["find-links"].split())
    if said.get("trusted-host"):
        env["UV_INSECURE_HOST"] = " ".join(said["trusted-host"].split())
    if said.get("constraint"):
        env["UV_CONSTRAINT"] = " ".join(said["constraint"].split())
    if said.get("cert"):
        env["SSL_CERT_FILE"] = said["cert"]
    return env


def _unquoted(value: str) -> str:
    """pip prints a Python literal."""
    try:
        return str(ast.literal_eval(value.strip()))
    except (ValueError, SyntaxError):
        return value.strip()
