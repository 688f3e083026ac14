"""Whatever goes wrong is a sentence; the details go to the log, without secrets."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Call
from vastdesk.cli import history, logs
from vastdesk.cli.parser import build_parser
from vastdesk.cli.report import guarded
from vastdesk.domain.errors import VastDeskError


def test_an_unknown_failure_is_a_sentence_and_a_traceback_in_the_log(
    call: Call, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    logs.redactor.add("s3cret-t0ken")

    def broken(args: object) -> int:
        raise ValueError("the token is s3cret-t0ken")

    monkeypatch.setattr(history, "runs", broken)
    said = call("runs")
    assert (said.code, said.out) == (1, "")
    assert "Traceback" not in said.err and "(ValueError)" in said.err
    path = data_dir / "logs" / "vastdesk.log"
    assert str(path) in said.err
    written = path.read_text("utf-8")
    assert "Traceback" in written and "broken" in written and "s3cret-t0ken" not in written


def test_a_failure_with_a_name_leaves_no_log(call: Call, data_dir: Path) -> None:
    assert call("show", "0193").code == 7
    assert not (data_dir / "logs" / "vastdesk.log").exists()


def test_verbose_shows_more_on_stderr_without_secrets(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.redactor.add("s3cret-t0ken")

    def chatty(args: object) -> int:
        logging.getLogger("vastdesk.test").debug("connecting with %s", "s3cret-t0ken")
        return 0

    monkeypatch.setattr(history, "runs", chatty)
    err = call("runs", "--verbose").err
    assert "connecting with ***" in err and "s3cret-t0ken" not in err
    assert "connecting" not in call("runs").err


def test_logging_is_taken_down_again(call: Call) -> None:
    before = list(logging.getLogger().handlers)
    call("runs")
    assert logging.getLogger().handlers == before


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vastdesk.cli import main

    (tmp_path / "file").write_text("")
    assert main(["--data-dir", str(tmp_path / "file" / "data"), "runs"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_failure_in_a_group_of_one_keeps_its_code(tmp_path: Path) -> None:
    def call_() -> int:
        raise ExceptionGroup("tasks", [VastDeskError("no_instance", instance="x")])

    assert guarded(build_parser().parse_args(["runs", "--data-dir", str(tmp_path)]), call_) == 7


def test_ctrl_c_outside_of_a_run_is_130(tmp_path: Path) -> None:
    def call_() -> int:
        raise KeyboardInterrupt

    assert guarded(build_parser().parse_args(["runs", "--data-dir", str(tmp_path)]), call_) == 130


def test_every_line_of_a_sentence_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call_() -> int:
        raise VastDeskError("bad_choice", details="one\x1b[2J\n  two\r\u202e")

    assert guarded(build_parser().parse_args(["runs", "--data-dir", str(tmp_path)]), call_) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[:2] == ["vastdesk: one", "  two"]
    assert "\x1b" not in err and "\u202e" not in err
