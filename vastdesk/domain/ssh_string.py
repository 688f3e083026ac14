"""SSH strings in every form people paste, turned into one target. Never run, never handed to a shell: only read.

What VastDesk would have to ignore is refused by name instead: nobody should believe that an option works when it does
not.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from dataclasses import dataclass
from typing import NoReturn

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint
from vastdesk.domain.sentences import display_text

DEFAULT_USER = "root"
DEFAULT_PORT = 22
MAX_LENGTH = 4096

_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?)*\.?"
)
_LOOKS_LIKE_IPV4 = re.compile(r"[0-9.]+")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}\$?")
_PORT = re.compile(r"[0-9]{1,5}")
_FORWARD = re.compile(
    r"(?:(?:[A-Za-z0-9_.*-]*|\[[0-9A-Fa-f:.]+\]):)?[0-9]{1,5}:(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}"
)
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u3000]")
"""Web pages write them where a person sees a space."""
_PROGRAM = re.compile(r"(?:.*[/\\])?ssh(?:\.exe)?", re.IGNORECASE)
_WITH_VALUE = "BbcDEeFIiJLlmOopPQRSWw"
"""Options of ssh that take a value, so that `-D 1080` is named without taking 1080 for a host."""


@dataclass(frozen=True, slots=True)
class SshTarget:
    """Where an SSH string leads. `identity_file` is as written (`~` not expanded), `jump` is `user@host:port`,
    `forwards` are the `-L` arguments as written; `host` is lower case, IPv6 without brackets."""

    host: str
    port: int = DEFAULT_PORT
    user: str = DEFAULT_USER
    identity_file: str | None = None
    jump: str | None = None
    forwards: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`user@host:port`: the name under which such a machine is saved and found again."""
        return str(self.endpoint())

    def endpoint(self) -> Endpoint:
        return Endpoint(self.host, self.port, self.user)


@dataclass(slots=True)
class _Destination:
    """A host with what was written around it."""

    host: str
    port: int | None = None
    user: str | None = None

    def __str__(self) -> str:
        return str(Endpoint(self.host, self.port or DEFAULT_PORT, self.user or DEFAULT_USER))


def parse_ssh(text: str) -> SshTarget:
    """The target of an SSH string (docs: `-p -l -i -J -L -o Port/User/IdentityFile/ProxyJump`, URLs, `host:port`).

    Raises VastDeskError("bad_ssh_string") and nothing else; the sentence never repeats a password.
    """
    reader = _Reader()
    words = _words(text)
    if words and _PROGRAM.fullmatch(words[0]):
        words = words[1:]
    reader.read(words)
    return reader.target()


def _refuse(detail: str) -> NoReturn:
    raise VastDeskError("bad_ssh_string", detail=detail)


def _shown(word: str) -> str:
    return f"'{display_text(word, 80)}'"


def _words(text: str) -> list[str]:
    if not text.strip():
        _refuse("it is empty")
    if len(text) > MAX_LENGTH:
        _refuse(f"it is longer than {MAX_LENGTH} characters")
    text = _SPACES.sub(" ", text.strip()).removeprefix("$ ")
    if any(ord(char) < 32 and char != "\t" or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in text):
        _refuse("it holds line breaks or other control characters")
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # Windows paths keep their backslashes
    try:
        return list(lexer)
    except ValueError:
        _refuse("a quotation mark is not closed")


class _Reader:
    """Collects what the words say; each thing may be said once (or twice the same)."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._destination: _Destination | None = None
        self._forwards: list[str] = []

    def read(self, words: list[str]) -> None:
        rest = iter(words)
        only_words = False
        for word in rest:
            if not only_words and word == "--":
                only_words = True
            elif not only_words and word.startswith("-") and word != "-":
                self._option(word, next(rest, None) if len(word) == 2 and word[1] in _WITH_VALUE else None)
            elif self._destination is None:
                self._destination = _destination(word)
            else:
                _refuse(f"{_shown(word)} after the host is not used: a command cannot be part of it")

    def _option(self, word: str, following: str | None) -> None:
        letter = word[1]
        if word.startswith("--") or letter not in "piJLlo":
            self._unknown(word)
        value = word[2:] or following
        if not value:
            _refuse(f"-{letter} needs a value")
        match letter:
            case "p":
                self._say("port", str(_port(value)))
            case "l":
                self._say("user", _user(value))
            case "i":
                self._say("identity file", _path(value))
            case "J":
                self._say("jump host", _jump(value))
            case "L":
                self._forwards.append(_forward(value))
            case _:
                self._setting(value)

    def _unknown(self, word: str) -> NoReturn:
        shown = word if word.startswith("--") else word[:2]
        _refuse(f"the option {_shown(shown)} is not known to VastDesk; leave it out (known: -p -l -i -J -L -o)")

    def _setting(self, text: str) -> None:
        """`-o Name=value`, or `-o "Name value"`."""
        name, _, value = text.strip().replace("=", " ", 1).partition(" ")
        value = value.strip()
        if not value:
            _refuse(f"-o {_shown(name)} needs a value, like -o Port=22")
        match name.lower():
            case "port":
                self._say("port", str(_port(value)))
            case "user":
                self._say("user", _user(value))
            case "identityfile":
                self._say("identity file", _path(value))
            case "proxyjump":
                self._say("jump host", _jump(value))
            case _:
                known = "Port, User, IdentityFile, ProxyJump"
                _refuse(f"the option -o {_shown(name)} is not known to VastDesk; leave it out (known: {known})")

    def _say(self, what: str, value: str) -> None:
        before = self._said.setdefault(what, value)
        if before != value:
            _refuse(f"it names two values for the {what}: {_shown(before)} and {_shown(value)}")

    def target(self) -> SshTarget:
        found = self._destination
        if found is None:
            _refuse("it names no host")
        if found.port is not None:
            self._say("port", str(found.port))
        if found.user is not None:
            self._say("user", found.user)
        return SshTarget(
            host=found.host,
            port=int(self._said.get("port", DEFAULT_PORT)),
            user=self._said.get("user", DEFAULT_USER),
            identity_file=self._said.get("identity file"),
            jump=self._said.get("jump host"),
            forwards=tuple(self._forwards),
        )


def _destination(word: str) -> _Destination:
    """`host`, `user@host`, `host:port`, `[v6]:port`, a bare IPv6 address, or an `ssh://` URL."""
    scheme, slashes, rest = word.partition("://")
    if slashes:
        if scheme.lower() != "ssh":
            _refuse(f"{_shown(scheme)} is not ssh")
        word = rest.removesuffix("/")
        if any(char in word for char in "/?#"):
            _refuse("an ssh:// address ends after the port")
    user, at, place = word.rpartition("@")
    if ":" in user:
        _refuse("it holds a password; VastDesk logs in with keys only")
    host, port = _split(place)
    return _Destination(_host(host), _port(port) if port is not None else None, _user(user) if at else None)


def _split(place: str) -> tuple[str, str | None]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            _refuse(f"{_shown(place)} is not an IPv6 address in brackets, like [2001:db8::1]:22")
        return host, rest[1:] if rest else None
    if place.count(":") > 1:
        return place, None
    host, colon, port = place.partition(":")
    return host, port if colon else None


def _host(text: str) -> str:
    if ":" in text:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            _refuse(f"{_shown(text)} is not an IPv6 address")
        if address.scope_id is not None and not _USER.fullmatch(address.scope_id):
            _refuse(f"{_shown(text)} is not an IPv6 address")
        return str(address)
    if text.startswith("-"):
        _refuse(f"{_shown(text)} is not a host name: it begins with a dash")
    if not _HOST.fullmatch(text):
        _refuse(f"{_shown(text)} is not a host name")
    if _LOOKS_LIKE_IPV4.fullmatch(text):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            _refuse(f"{_shown(text)} is not an IP address")
    return text.lower().removesuffix(".")


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        # What stands where a port should is shown only if it is one: `sshpass -p` is followed by a password.
        _refuse("the port is a number from 1 to 65535" + (f", not {text}" if _PORT.fullmatch(text) else ""))
    return int(text)


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        _refuse(f"{_shown(text)} is not a user name")
    return text


def _path(text: str) -> str:
    if text.startswith("-"):
        _refuse(f"{_shown(text)} is not a key file: it begins with a dash")
    return text


def _jump(text: str) -> str:
    if "," in text:
        _refuse("only one jump host can be used")
    return str(_destination(text))


def _forward(text: str) -> str:
    if not _FORWARD.fullmatch(text):
        _refuse(f"-L {_shown(text)} is not like 8080:localhost:8080")
    *_, port, _, target_port = re.split(r":(?![^\[]*\])", text)
    _port(port)
    _port(target_port)
    return text
