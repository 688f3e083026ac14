"""Failures in the words of the window."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from vastdesk.domain.errors import KINDS, VastDeskError
from vastdesk.ui.failures import FailurePlace, told


class Facts(dict[str, str]):
    """Every fact there could be."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def error_of(kind: str) -> VastDeskError:
    error = VastDeskError.__new__(VastDeskError)
    facts = Facts({name: f"<{name}>" for name in ("trust", "hint", "details", "detail", "reason")})
    error.kind, error.facts, error.sentence = kind, facts, ""
    for name in KINDS[kind].sentence.split("{")[1:] + KINDS[kind].action.split("{")[1:]:
        facts.setdefault(name.partition("}")[0], f"<{name.partition('}')[0]}>")
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_no_action_sends_a_person_to_the_command_line(qapp: QApplication, kind: str) -> None:
    words = told(error_of(kind))
    assert "vastdesk " not in words.action and "--" not in words.action
    assert words.sentence[0].isupper() or not words.sentence[0].isalpha()
    assert words.sentence.endswith((".", ":", "!", "?", ">"))


def test_a_failure_is_shown_once_and_its_details_can_be_copied(qapp: QApplication) -> None:
    page = QWidget()
    place = FailurePlace(page)
    assert place.isHidden()
    tried: list[int] = []
    place.show_error(
        VastDeskError("connect_refused", host="203.0.113.7", port=22), ("Try again", lambda: tried.append(1))
    )
    place.show_error(
        VastDeskError("connect_refused", host="203.0.113.7", port=23), ("Try again", lambda: tried.append(2))
    )
    assert place.banner is not None and not place.isHidden()
    again, copy = place.banner.findChildren(QPushButton)
    again.click()
    copy.click()
    assert tried == [2]
    assert "port: 23" in QGuiApplication.clipboard().text()
    place.clear()
    assert place.isHidden() and place.banner is None
