"""Where the practice instance cannot run, the reason is a sentence."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from vastdesk.remote.practice import interpreters


def test_it_is_offered_here() -> None:
    assert interpreters.practice_available() is None


def test_not_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "WSL" in (interpreters.practice_available() or "")


def test_not_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "git" in (interpreters.practice_available() or "")


def test_not_without_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "base_python", lambda: None)
    assert "Python" in (interpreters.practice_available() or "")


def test_the_base_python_is_no_virtual_environment() -> None:
    python = interpreters.base_python()
    assert python is not None and os.path.realpath(python) == python
    assert not python.startswith(sys.prefix + os.sep) or sys.prefix == sys.base_prefix
