"""JSON as it is stored: no spaces, ASCII only.

ASCII because what remote machines write may hold lone surrogates (`"\\ud800"` is valid JSON), which SQLite cannot
keep as text; escaped they survive.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def dump(value: Any) -> str:
    """`value` as compact JSON."""
    return _encode(value)


def load(text: str) -> Any:
    """The value of stored JSON."""
    return json.loads(text)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON: equal for equal values, whatever the order of their keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
