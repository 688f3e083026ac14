"""What the tests of workflows stand on."""

from __future__ import annotations

import asyncio

import pytest

from tests.ui.workflows.fakes import at_once


@pytest.fixture(autouse=True)
def _files_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "to_thread", at_once)
