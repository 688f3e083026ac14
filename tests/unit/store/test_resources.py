"""Where things are."""

from __future__ import annotations

from pathlib import Path

import pytest

from vastdesk.store.resources import data_dir, make_private, resource_path


def test_resources_are_found_in_a_checkout() -> None:
    assert resource_path("nodes", "default.csv").is_file()
    assert resource_path().is_dir()


def test_resources_are_found_in_the_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vastdesk" / "_resources").mkdir(parents=True)
    monkeypatch.setattr("vastdesk.store.resources.__file__", str(tmp_path / "vastdesk" / "store" / "resources.py"))
    assert resource_path("a", "b") == tmp_path / "vastdesk" / "_resources" / "a" / "b"


def test_the_option_wins_over_the_environment_and_the_environment_over_the_platform(tmp_path: Path) -> None:
    environ = {"VASTDESK_DATA_DIR": str(tmp_path / "env")}
    assert data_dir(tmp_path / "option", environ) == tmp_path / "option"
    assert data_dir(None, environ) == tmp_path / "env" == data_dir("", environ)
    assert data_dir(None, {}).name == "VastDesk" == data_dir(None, {"VASTDESK_DATA_DIR": ""}).name
    assert data_dir(None, {}).is_absolute()


def test_relative_folders_and_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    assert data_dir("here", {}) == tmp_path / "here"
    assert data_dir("~/there", {}) == tmp_path / "me" / "there"


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_folder_of_ours_is_made_private_again_and_a_strangers_is_not(tmp_path: Path) -> None:
    for name, file, mode in (("empty", "", 0o700), ("ours", "vastdesk.db", 0o700), ("theirs", "thesis.txt", 0o755)):
        folder = tmp_path / name
        folder.mkdir()
        folder.chmod(0o755)
        if file:
            (folder / file).touch()
        make_private(folder)
        assert folder.stat().st_mode & 0o777 == mode
