"""No secret leaves through a log, an event or an error text."""

from __future__ import annotations

import io
import json
import logging
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.redaction import HIDDEN, RedactionFilter, Redactor

HEX = "0123456789abcdef" * 2
CANARY = "canary/7+secret\"value'é"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET https://civitai.com/api?token=abcdef123&page=2", "abcdef123"),
        ("GET https://console.vast.ai/api?api_key=abcdef123", "abcdef123"),
        ("https://x/y?X-Amz-Signature=abcdef123#z", "abcdef123"),
        ("Authorization: Bearer abcdef123", "abcdef123"),
        ("{'Authorization': 'Basic cm9vdDpwdw=='}", "cm9vdDpwdw=="),
        ('{"authorization":"abcdef123"}', "abcdef123"),
        ("sent bearer abcdef123456", "abcdef123456"),
        ("git clone https://user:hunter2@github.com/x/y", "hunter2"),
        ("git clone https://ghtoken123@github.com/x/y", "ghtoken123"),
        ("sftp://me:hunter2@host/", "hunter2"),
        ("api_key=abcdef123", "abcdef123"),
        ('"hf_token": "abcdef123"', "abcdef123"),
        ("CIVITAI_API_TOKEN=abcdef123 civitdl", "abcdef123"),
        ("civitdl --api-key abcdef123 URL", "abcdef123"),
        ("password: hunter22", "hunter22"),
        ("passphrase = 'hunter22'", "hunter22"),
        (f"civitai key is {HEX}", HEX),
        (f"vast.ai: {HEX}{HEX}", HEX),
        ("hf_" + "aB3" * 10, "aB3"),
        ("ghp_" + "aB3" * 10, "aB3"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----", "bnNz"),
        (r"-----BEGIN RSA PRIVATE KEY-----\nb3Bl\nbnNz cut off", "b3Bl"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, hidden: str) -> None:
    shown = Redactor().redact(text)
    assert hidden not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "ssh root@1.2.3.4 -p 12345",
        "ssh://root@host:22",
        "https://github.com/ltdrdata/ComfyUI-Manager.git",
        "the host key of box is SHA256:" + "a" * 43,
        f"runner {HEX}{HEX} is in place",
        f"HEAD is now at {HEX}",
        "the API key was refused",
        "no token is stored for civitai",
        "keyboard interrupt in task-list",
        "passphrase for ~/.ssh/id_ed25519 needed",
        "-----BEGIN PUBLIC KEY-----",
        "",
    ],
)
def test_what_a_person_needs_to_read_stays(text: str) -> None:
    assert Redactor().redact(text) == text


@pytest.mark.parametrize("form", [CANARY, quote(CANARY, safe=""), json.dumps(CANARY), repr(CANARY)])
def test_a_known_secret_is_hidden_in_every_form(form: str) -> None:
    shown = Redactor([CANARY]).redact(f"before {form} after")
    assert "canary" not in shown
    assert shown.startswith("before")
    assert shown.endswith("after")


def test_each_line_of_a_known_secret_is_hidden() -> None:
    shown = Redactor(["first-line\nsecond-line\n"]).redact("x second-line y")
    assert shown == f"x {HIDDEN} y"


def test_of_two_secrets_that_begin_alike_no_end_stays() -> None:
    assert Redactor(["canary", "canary-long"]).redact("canary-long canary") == f"{HIDDEN} {HIDDEN}"


def test_short_texts_are_no_secrets() -> None:
    redactor = Redactor(["", "a", "root"])
    redactor.add(None)
    assert redactor.redact("a root") == "a root"


def test_secrets_may_be_added_while_it_is_used() -> None:
    redactor = Redactor()
    assert redactor.redact("canary-1") == "canary-1"
    redactor.add("canary-1")
    assert redactor.redact("canary-1") == HIDDEN


def test_nested_values() -> None:
    value = {
        "note": "see canary-1",
        "list": ["canary-1", ("x", b"canary-1"), {"canary-1": None}],
        "api_key": "0",
        "token": "short",
        "count": 5,
        "path": object,
    }
    shown = Redactor(["canary-1"]).redact_value(value)
    assert "canary" not in repr(shown)
    assert (shown["api_key"], shown["token"], shown["count"]) == (HIDDEN, HIDDEN, 5)
    assert value["note"] == "see canary-1"


def test_a_very_deep_value_is_hidden_at_the_bottom() -> None:
    value: Any = "canary-1"
    for _ in range(5000):
        value = [value]
    assert "canary" not in repr(Redactor(["canary-1"]).redact_value(value))


def logged(write: Any, formatter: logging.Formatter | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter or logging.Formatter("%(message)s %(extra)s", defaults={"extra": ""}))
    handler.addFilter(RedactionFilter(Redactor(["canary-1"])))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    write(logger)
    return stream.getvalue()


def test_message_and_arguments_of_a_log_line() -> None:
    assert logged(lambda log: log.info("a %s b %d", "canary-1", 5)).strip() == f"a {HIDDEN} b 5"


def test_arguments_that_do_not_fit_are_shown_and_redacted() -> None:
    shown = logged(lambda log: log.info("no place for it", "canary-1"))
    assert "no place for it" in shown
    assert "canary" not in shown


def test_extra_fields() -> None:
    shown = logged(lambda log: log.info("x", extra={"extra": {"deep": "canary-1"}}))
    assert "canary" not in shown
    assert "deep" in shown


def test_tracebacks_whoever_formats_them() -> None:
    class Own(logging.Formatter):
        def formatException(self, ei: Any) -> str:
            return f"own: {ei[1]!r}"

    def write(log: logging.Logger) -> None:
        try:
            raise ValueError("canary-1 is wrong")
        except ValueError:
            log.exception("broke off", stack_info=True)

    for formatter in (None, Own("%(message)s")):
        shown = logged(write, formatter)
        assert "canary" not in shown
        assert "ValueError" in shown


PLAIN = st.characters(codec="utf-8", exclude_characters="*")


@given(st.text(PLAIN, max_size=200), st.text(PLAIN, min_size=6, max_size=30))
def test_whatever_surrounds_it_a_known_secret_never_stays(text: str, secret: str) -> None:
    assert secret not in Redactor([secret]).redact(text + secret + text)


@pytest.mark.parametrize(
    "hostile",
    ["a_" * 50_000 + "key", "://" * 30_000, "token " * 20_000, "-----BEGIN PRIVATE KEY-----" * 5_000, "api_" * 30_000]
    + ["https://" + "a" * 100_000, "authorization " * 10_000, "--" + "a-" * 50_000, "a://" * 30_000],
    ids=lambda text: text[:12],
)
def test_hostile_lines_cost_no_more_than_their_length(hostile: str) -> None:
    began = time.process_time()
    Redactor().redact(hostile)
    assert time.process_time() - began < 2
