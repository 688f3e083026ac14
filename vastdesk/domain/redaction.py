"""Keeps secrets out of whatever VastDesk writes: the ones it was told of, and what looks like one.

One `Redactor` per process, told of every secret as soon as it is read; `RedactionFilter` sits on every log handler.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "***"
MIN_LENGTH = 6
"""Shorter "secrets" would black out ordinary words."""
MAX_DEPTH = 20

_PREFIX = r"(?:[a-z0-9]{1,20}[_-]){0,3}"
_NAME = rf"{_PREFIX}(?:api[_-]?key|apikey|access[_-]?key|token|secret|passw(?:or)?d|passphrase|pwd)"
_KEY_MARK = "[A-Z0-9 ]{0,40}PRIVATE KEY-----"


def _behind(context: str, secret: str) -> tuple[re.Pattern[str], str]:
    """Hides `secret` where it stands behind `context`, which stays readable."""
    return re.compile(f"({context}){secret}", re.IGNORECASE | re.DOTALL), rf"\1{HIDDEN}"


# Every repetition is bounded, or cannot match what follows it: a hostile line costs no more than its length.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # a private key, also when its end was cut off
    _behind(rf"-----BEGIN {_KEY_MARK}", rf".*?(?:-----END {_KEY_MARK}|\Z)"),
    # Authorization: Bearer …, and the same as an item of a dictionary
    _behind(r"\bauthorization['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?:(?:bearer|basic|token|digest)\s{1,4})?", r"[^\s'\",;]+"),
    _behind(r"\bbearer\s{1,4}", r"[a-z0-9._~+/=-]{8,}"),
    # ?token=…&api_key=… and user:password@host of URLs
    _behind(rf"[?&]{_PREFIX}(?:key|apikey|token|secret|password|auth|sig|signature)=", r"[^&\s'\"<>]+"),
    _behind(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@'\"]{0,200}:", r"[^\s/@'\"]{1,500}(?=@)"),
    _behind(r"\bhttps?://", r"[^\s/:@'\"]{1,500}(?=@)"),
    # api_key=…, "token": "…", CIVITAI_TOKEN=…, --api-key …
    _behind(rf"(?<![a-z0-9]){_NAME}['\"]?\s{{0,4}}[:=]\s{{0,4}}['\"]?", r"(?!\*\*\*)[^\s'\",;&]{4,}"),
    _behind(rf"--{_NAME}\s{{1,4}}", r"['\"]?[^\s'\"-][^\s'\"]{3,}"),
    # CivitAI and Vast.ai keys are bare hex: only behind a word that says what they are (hashes look the same)
    _behind(
        r"\b(?:civitai|civitdl|vast\.?ai|api[ _-]?key|token)\b[^0-9\n]{0,20}?\b", r"(?:[0-9a-f]{64}|[0-9a-f]{32})\b"
    ),
    # tokens that say themselves what they are: Hugging Face, GitHub, OpenAI-like
    _behind(
        r"\b(?=hf_|gh[pousr]_|github_pat_|sk-)",
        r"(?:hf_[a-z0-9]{16,}|gh[pousr]_[a-z0-9]{20,}|github_pat_[a-z0-9_]{20,}|sk-[a-z0-9_-]{20,})\b",
    ),
)
_HINTS = (
    *("key", "token", "secret", "passw", "passph", "pwd", "auth", "bearer", "sig", "hf_", "gh", "sk-", "://"),
    *("civit", "vast.ai", "vastai"),
)
"""Most lines hold none of these and are done."""


class Redactor:
    """Replaces secrets by `***`. Safe to use from several threads."""

    def __init__(self, secrets: Iterable[str] = (), min_length: int = MIN_LENGTH) -> None:
        self._min_length = min_length
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """From now on `secret` is hidden, also as it looks in a URL or in JSON, and each of its longer lines."""
        if not secret:
            return
        parts = [secret, secret.strip(), *(line.strip() for line in secret.splitlines())]
        forms = {
            form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])
        }
        known = self._forms | {form for form in forms if len(form) >= self._min_length}
        if known != self._forms:
            # Longest first: of two secrets that begin alike, the longer one must not leave its end behind.
            alternatives = "|".join(re.escape(form) for form in sorted(known, key=len, reverse=True))
            self._known = re.compile(alternatives)
            self._forms = known

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        folded = text.lower()
        if not any(hint in folded for hint in _HINTS):
            return text
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def redact_value(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        """A copy of nested lists, tuples, sets and mappings with every text redacted. A value whose key names a secret
        (`api_key`, `token`, …) is hidden whatever it looks like."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, bytes):
            return self.redact(value.decode("utf-8", "replace")).encode()
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth == 0:
            return HIDDEN
        if isinstance(value, Mapping):
            return {self._key(key): self._item(key, item, depth) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.redact_value(item, depth - 1) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        return self.redact(str(value))

    def _key(self, key: Any) -> Any:
        return self.redact(key) if isinstance(key, str) else key

    def _item(self, key: Any, item: Any, depth: int) -> Any:
        if isinstance(key, str) and isinstance(item, str) and item and _SECRET_KEY.fullmatch(key):
            return HIDDEN
        return self.redact_value(item, depth - 1)


def _written(secret: str) -> tuple[str, ...]:
    """How a secret looks plain, in a URL, in JSON and in Python."""
    in_url = quote(secret.encode("utf-8", "replace"), safe="")
    return (secret, in_url, json.dumps(secret)[1:-1], repr(secret)[1:-1])


_SECRET_KEY = re.compile(rf"(?i){_NAME}|authorization|private[_-]?key")

_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FORMATTER = logging.Formatter()


class RedactionFilter(logging.Filter):
    """Redacts message, arguments, traceback and extra fields of a record. Put it on every handler: the filters of a
    logger do not see what its children log."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError, IndexError):  # arguments that do not fit the message: show both
            message = f"{record.msg} {record.args!r}"
        record.msg = self._redactor.redact(message)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._redactor.redact(record.exc_text)
        record.exc_info = None  # a formatter of its own would write the text again, unredacted
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        for name in vars(record).keys() - _RECORD_FIELDS:
            setattr(record, name, self._redactor.redact_value(getattr(record, name)))
        return True
