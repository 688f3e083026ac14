"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli import schemas
from tests.unit.cli.conftest import Call
from vastdesk.cli import doctor


@pytest.fixture(autouse=True)
def _no_keyring_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own keyring would ask for its password."""

    async def none(folder: Path) -> doctor.Check:
        return doctor.Check("Keyring", "note", "not asked")

    monkeypatch.setattr(doctor, "_keyring", none)


def _checks(text: str) -> dict[str, str]:
    (value,) = schemas.checked(text)
    return {check["name"]: check["state"] for check in value["checks"]}


def test_a_healthy_computer(call: Call) -> None:
    said = call("doctor")
    assert said.code == 0 and said.out.endswith("All well.\n")
    assert "SQLite 3." in said.out and "sound" in said.out
    assert _checks(call("doctor", "--json").out)["Database"] == "ok"


def test_a_damaged_database_is_said(call: Call, data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "vastdesk.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    said = call("doctor")
    assert "moved" in said.out


def test_a_folder_that_cannot_be_written_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vastdesk.cli import main

    (tmp_path / "file").write_text("")
    assert main(["doctor", "--json", "--data-dir", str(tmp_path / "file" / "x")]) == 1
    assert _checks(capsys.readouterr().out)["Data folder"] == "missing"


def test_a_package_that_is_not_there_is_named_with_the_way_to_get_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("rich", "not-there"))
    said = call("doctor")
    assert said.code == 1
    assert "MISSING  Packages" in said.out and "pip install not-there" in said.out


def test_an_agent_that_has_gone_is_a_note(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    said = call("doctor")
    assert said.code == 0 and "nothing is there" in said.out
