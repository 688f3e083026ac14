"""VastDesk's own block in ComfyUI's extra_model_paths.yaml: replaced in place, the rest of the file untouched."""

from __future__ import annotations

import json
import re
from typing import Dict, List, Sequence, Tuple

BEGIN = "# BEGIN VastDesk"
END = "# END VastDesk"
SECTION = "vastdesk_links"

_BLOCK = re.compile(r"^%s[^\n]*\n.*?^%s[^\n]*(?:\n|\Z)" % (re.escape(BEGIN), re.escape(END)), re.MULTILINE | re.DOTALL)


def block(base: str, links: Sequence[Tuple[str, str]]) -> str:
    """The section that makes each folder (below `base`) one more place of a ComfyUI folder type."""
    by_type: Dict[str, List[str]] = {}
    for folder, kind in links:
        by_type.setdefault(kind, []).append(folder)
    lines = [BEGIN + " (written by the step Configure links; changes between these lines are lost)", SECTION + ":"]
    lines.append("  base_path: %s" % json.dumps(base, ensure_ascii=False))  # a JSON text is a YAML text
    for kind, folders in by_type.items():
        # ComfyUI takes several folders of a type as the lines of one text.
        lines.append(
            "  %s: %s" % (json.dumps(kind, ensure_ascii=False), json.dumps("\n".join(folders), ensure_ascii=False))
        )
    return "\n".join([*lines, END]) + "\n"


def with_block(text: str, new: str) -> str:
    """The file's text with our block in it: where it stood, else at the end. Further copies of it are removed."""
    crlf = "\r\n" in text
    text = text.replace("\r\n", "\n") if crlf else text
    first = _BLOCK.search(text)
    if first:
        rest = _BLOCK.sub("", text[first.end() :])
        text = text[: first.start()] + new + rest
    else:
        text += ("" if not text or text.endswith("\n") else "\n") + new
    return text.replace("\n", "\r\n") if crlf else text


def without_block(text: str) -> str:
    """What is the user's own."""
    return _BLOCK.sub("", text.replace("\r\n", "\n"))
