"""Takes the secrets of a step out of everything it writes: belt and braces behind "never put it there"."""

from __future__ import annotations

from typing import Any, Iterable, List, Set, Tuple
from urllib.parse import quote

MASK = "[secret]"
_SHORTEST = 4  # a secret of three characters would black out half of every log


class Redactor:
    """Replaces known secret values in texts, in nested event values and in a stream of bytes."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: Set[str] = set()
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                forms.update((secret, quote(secret, safe="")))
        # Longest first: a secret may contain another one.
        self._forms: List[str] = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def value(self, value: Any) -> Any:
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def stream(self) -> "StreamRedactor":
        return StreamRedactor([form.encode("utf-8", "replace") for form in self._forms])


class StreamRedactor:
    """For output that comes in pieces: holds back the beginning of a secret until it is clear what follows."""

    def __init__(self, forms: List[bytes]) -> None:
        self._forms = forms
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        if not self._forms:
            return chunk
        data, self._held = self._split(self._replace(self._held + chunk))
        return data

    def flush(self) -> bytes:
        data, self._held = self._held, b""
        return data

    def _replace(self, data: bytes) -> bytes:
        for form in self._forms:
            if form in data:
                data = data.replace(form, MASK.encode())
        return data

    def _split(self, data: bytes) -> Tuple[bytes, bytes]:
        longest = max(len(form) for form in self._forms) - 1
        for length in range(min(longest, len(data)), 0, -1):
            tail = data[-length:]
            if any(form.startswith(tail) for form in self._forms):
                return data[:-length], tail
        return data, b""
