"""What can be typed: every command, its options and its help. Standard library only, so that `--help` is instant.

A command names its function as `module:function`; `vastdesk.cli.main` imports it when it is chosen.
"""

from __future__ import annotations

import argparse

from vastdesk import __version__
from vastdesk.cli.commands import Commands, Parser, add_json, common
from vastdesk.cli.machine_commands import add_identities, add_instances


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="vastdesk",
        description="Set up and watch remote ComfyUI machines over SSH.\nWithout a command: the window.",
        epilog=(
            "examples:\n"
            "  vastdesk demo                                  try it on this computer, no account needed\n"
            '  vastdesk run "ComfyUI set-up" --ssh "ssh -p 12345 root@1.2.3.4"\n'
            "  vastdesk attach last                           watch it again\n"
            "\n"
            "exit codes: 0 succeeded · 1 failed · 2 wrong use · 3 host key not trusted · 4 cannot connect or log in\n"
            "            5 lost or interrupted · 6 another run is on · 7 no such thing · 130 cancelled"
        ),
        parents=[common(suppress=False)],
    )
    parser.add_argument("--version", action="version", version=f"vastdesk {__version__}")
    parser.set_defaults(function="vastdesk.cli.window:open_window")
    commands = Commands(parser, "[COMMAND]")
    for add in (_run, _runs, _steer, add_instances, add_identities, _workflows, _demo, _settings, _doctor):
        add(commands)
    return parser


def _run_id(parser: argparse.ArgumentParser, help: str = "id of the run, its beginning, or `last`") -> None:
    parser.add_argument("run", metavar="RUN", help=help)


def _seconds(text: str) -> float:
    """Seconds, also as 90s, 5m."""
    from vastdesk.remote.runner.step import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole_number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return number


def _run(commands: Commands) -> None:
    run = commands.add(
        "run",
        "vastdesk.cli.run:run",
        "run a workflow on an instance and watch it",
        description=(
            "Start a run and show its task list live. The work goes on when this computer sleeps or the connection\n"
            "breaks; `vastdesk attach` shows it again. Ctrl+C asks: detach, or cancel."
        ),
        examples=(
            'vastdesk run "ComfyUI set-up" --instance my-box',
            'vastdesk run custom-nodes --ssh "ssh -p 12345 root@1.2.3.4" --identity ~/.ssh/id_ed25519',
            "vastdesk run setup.yaml --instance my-box --skip setup_civitdl --set nodes.parallel=2",
            "vastdesk run custom-nodes --instance my-box --json | jq .",
        ),
    )
    run.add_argument("workflow", metavar="WORKFLOW", help="a shipped or saved workflow's name, or a YAML file")
    where = run.add_mutually_exclusive_group(required=True)
    where.add_argument("--instance", metavar="NAME", help="a saved instance")
    where.add_argument(
        "--ssh",
        metavar="STRING",
        help='an SSH string in any form people paste, like "ssh -p 12345 root@1.2.3.4"; saved as user@host:port',
    )
    run.add_argument("--identity", metavar="NAME|FILE", help="the SSH key to log in with; kept with the instance")
    run.add_argument("--step", metavar="NAME", action="append", default=[], help="run only this step (repeat for more)")
    run.add_argument(
        "--skip", metavar="NAME", action="append", default=[], help="leave this step out (repeat for more)"
    )
    run.add_argument(
        "--set",
        metavar="STEP.PARAM=VALUE",
        action="append",
        default=[],
        help="set a parameter of a step (repeat for more)",
    )
    run.add_argument("--step-delay", metavar="S", type=_seconds, help="pause between steps in seconds, 0 for none")
    run.add_argument(
        "--id", metavar="UUID", help="id of the run; the same id again shows the same run instead of a second one"
    )
    run.add_argument(
        "--queue", action="store_true", help="wait for the instance's current run instead of being refused"
    )
    run.add_argument(
        "--detach", action="store_true", help="return as soon as the work goes on by itself on the instance"
    )
    add_json(run)


def _runs(commands: Commands) -> None:
    runs = commands.add(
        "runs",
        "vastdesk.cli.history:runs",
        "list the runs",
        description="List the runs, newest first. `vastdesk runs clear` forgets finished ones.",
        examples=("vastdesk runs", "vastdesk runs clear", "vastdesk runs clear 0193c1f2"),
    )
    add_json(runs)
    clear = Commands(runs, "[COMMAND]").add(
        "clear", "vastdesk.cli.history:clear", "forget finished runs; a run that is still on stays"
    )
    clear.add_argument("runs", metavar="RUN", nargs="*", help="which ones; without any, all that have ended")
    show = commands.add(
        "show",
        "vastdesk.cli.history:show",
        "show one run as it stands",
        examples=("vastdesk show last", "vastdesk show last --summary --json"),
    )
    _run_id(show)
    show.add_argument("--summary", action="store_true", help="only how far it is: state, step, percent, times")
    add_json(show)


def _steer(commands: Commands) -> None:
    attach = commands.add(
        "attach",
        "vastdesk.cli.run:attach",
        "follow a run, from its start or from an event number",
        description=(
            "Follow a run until it ends; the exit code is the run's.\nTakes over when nobody drives the run any more."
        ),
        examples=("vastdesk attach last", "vastdesk attach 0193c1f2 --json --since 120"),
    )
    _run_id(attach)
    attach.add_argument(
        "--since", metavar="RSEQ", type=_whole_number, default=0, help="only events after this run-wide number"
    )
    add_json(attach)
    cancel = commands.add(
        "cancel", "vastdesk.cli.run:cancel", "cancel a run, queued or running, and wait until nothing of it is left"
    )
    _run_id(cancel)
    retry = commands.add(
        "retry",
        "vastdesk.cli.run:retry",
        "run it again as a new run, with the same choices",
        description=(
            "A new run of the same workflow on the same instance.\nWhat is already done is recognised, not repeated."
        ),
        examples=("vastdesk retry last --failed-only",),
    )
    _run_id(retry)
    retry.add_argument("--failed-only", action="store_true", help="only the steps and nodes that failed")
    resume = commands.add(
        "resume",
        "vastdesk.cli.run:resume",
        "go on with a run at its first unfinished step",
        description=(
            "Go on with the same run (interrupted, lost, failed, cancelled or blocked)\nat its first unfinished step."
        ),
    )
    _run_id(resume)
    for parser in (retry, resume):
        parser.add_argument(
            "--detach", action="store_true", help="return as soon as the work goes on by itself on the instance"
        )
        add_json(parser)


def _workflows(commands: Commands) -> None:
    workflows = commands.add(
        "workflows",
        "vastdesk.cli.workflows:list_all",
        "workflows: list, show, check",
        description="Shipped workflows and your own. Without a command: list them.",
        examples=("vastdesk workflows show custom-nodes > mine.yaml", "vastdesk workflows check mine.yaml"),
    )
    add_json(workflows)
    group = Commands(workflows, "[COMMAND]")
    add_json(group.add("list", "vastdesk.cli.workflows:list_all", "list them"), nested=True)
    show = group.add("show", "vastdesk.cli.workflows:show", "print a workflow's file")
    show.add_argument("name", metavar="WORKFLOW", help="name or file")
    check = group.add("check", "vastdesk.cli.workflows:check", "check a file and print every error with its line")
    check.add_argument("file", metavar="FILE", help="a workflow file (YAML)")
    add_json(check, nested=True)


def _demo(commands: Commands) -> None:
    demo = commands.add(
        "demo",
        "vastdesk.cli.demo:demo",
        "try it on this computer: a practice machine, no account needed",
        description=(
            "Start a small practice machine inside this program (loopback only, everything in its own folder)\n"
            "and set it up for real: real SSH, real git, real packages. One custom node fails on purpose.\n"
            "The second time everything is already there."
        ),
        examples=("vastdesk demo", "vastdesk demo --fresh --json"),
    )
    demo.add_argument("--fresh", action="store_true", help="make the practice machine anew")
    view = demo.add_mutually_exclusive_group()
    view.add_argument("--headless", action="store_true", help="in the terminal (the default)")
    view.add_argument("--window", action="store_true", help="in the window")
    demo.add_argument("--exit", action="store_true", help="close the window when the run has ended")
    add_json(demo)


def _settings(commands: Commands) -> None:
    settings = commands.add(
        "settings",
        "vastdesk.cli.settings:list_all",
        "settings: list, get, set",
        description="Settings and their values. Without a command: list them.",
        examples=("vastdesk settings set step_delay 0", "vastdesk settings set civitai_token       (asks for it)"),
    )
    add_json(settings)
    group = Commands(settings, "[COMMAND]")
    add_json(group.add("list", "vastdesk.cli.settings:list_all", "list them, with what they mean"), nested=True)
    get = group.add("get", "vastdesk.cli.settings:get", "print one value")
    change = group.add(
        "set",
        "vastdesk.cli.settings:change",
        "change one value",
        description="Change one value. A secret is asked for, or read from stdin; never give it on the command line.",
    )
    for parser in (get, change):
        parser.add_argument("name", metavar="NAME", help="name of the setting")
    change.add_argument("value", metavar="VALUE", nargs="?", help="its new value; `default` goes back to the default")
    add_json(get, nested=True)


def _doctor(commands: Commands) -> None:
    doctor = commands.add(
        "doctor",
        "vastdesk.cli.doctor:doctor",
        "check this computer: what is there, what is missing, how to get it",
        description="Check this computer. Exit code 0: all well; 1: something needed is missing.",
    )
    add_json(doctor)
