"""What can be typed, what is refused, and that help comes at once."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from vastdesk.cli import main, window
from vastdesk.cli.parser import build_parser

GOOD = [
    "run set-up --instance box",
    "run set-up --ssh root@1.2.3.4 --identity key --step a --step b --skip c --set a.b=c --set d.e=f",
    "run set-up --instance box --step-delay 0 --id 0193c1f2-7a31-7c54-9b1e-3f6a2d5c8e10 --queue --json --detach",
    "runs",
    "runs --json",
    "runs clear",
    "runs clear 0193 0194",
    "show last",
    "show last --summary --json",
    "attach last --json --since 12",
    "cancel 0193",
    "retry last --failed-only",
    "resume last --json --detach",
    "instances",
    "instances --json",
    "instances list --json",
    "instances add box --ssh root@1.2.3.4 --identity key",
    "instances show box --json",
    "instances remove box",
    "instances trust box SHA256:abc",
    "instances probe box --json",
    "identities",
    "identities list",
    "identities generate laptop",
    "identities import laptop key --in-place",
    "identities remove laptop",
    "identities public laptop",
    "workflows",
    "workflows list --json",
    "workflows show set-up",
    "workflows check file.yaml",
    "demo --fresh --headless --exit --json",
    "demo --window",
    "settings",
    "settings list",
    "settings get step_delay",
    "settings set step_delay 0",
    "settings set civitai_token",
    "doctor --json",
]

WRONG = [
    "dance",
    "run",
    "run set-up",
    "run set-up --instance a --ssh b",
    "run set-up --instance a --step-delay soon",
    "run set-up --inst a",
    "show",
    "attach last --since -1",
    "attach last --since many",
    "cancel",
    "instances trust box",
    "instances add box",
    "demo --headless --window",
    "settings set",
    "runs clear --what",
]


@pytest.mark.parametrize("line", GOOD)
def test_every_command_leads_to_a_function(line: str) -> None:
    args = build_parser().parse_args(line.split())
    module, _, name = args.function.partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    if "--json" in line:
        assert args.json is True


@pytest.mark.parametrize("line", WRONG)
def test_wrong_use_is_a_sentence_and_what_to_do(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("vastdesk")
    assert second.startswith("Try `vastdesk") and second.endswith("--help`.")


@pytest.mark.parametrize("line", ["--data-dir /x runs", "runs --data-dir /x", "instances list --data-dir /x"])
def test_the_data_folder_may_stand_before_and_after_the_command(line: str) -> None:
    assert build_parser().parse_args(line.split()).data_dir == "/x"


def test_json_given_to_the_group_counts_for_its_commands() -> None:
    assert build_parser().parse_args(["instances", "--json", "list"]).json is True


def _commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _commands(below, (*words, name))


def _parser_of(words: tuple[str, ...]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = build_parser()
    for word in words:
        group = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = group.choices[word]
    return parser


@pytest.mark.parametrize("words", list(_commands(build_parser())), ids=" ".join)
def test_help_tells_every_option_and_what_it_is_for(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    for action in _parser_of(words)._actions:
        for option in action.option_strings:
            assert option in shown
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, f"{action.dest} has no help"
        if isinstance(action.metavar, str):
            assert action.metavar in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("vastdesk ")


def test_without_a_command_and_a_display_it_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "why_no_display", lambda: "none is set")
    assert main([]) == 2
    assert "vastdesk demo" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vastdesk.cli import main; main(['run', '--help']);"
        "heavy = {'asyncio', 'asyncssh', 'keyring', 'platformdirs', 'pydantic', 'rich', 'sqlite3', 'yaml', 'PySide6'};"
        "sys.exit(','.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
