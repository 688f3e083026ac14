"""Every registered step through the real step process, from inside the zip: twice, and cancelled."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.package_index import PackageIndex
from tests.integration.steps.world import HEADER, REPOSITORY, StepWorld
from vastdesk.remote.practice.loopback import LoopbackHandler, LoopbackServer
from vastdesk.remote.runner.step import PARAM_TYPES, check_params
from vastdesk.remote.runner.steps import all_steps, load

NAMES = [step.name for step in all_steps()]
LIMITS = {
    "set_ui_home": 30, "get_ui_home": 30, "setup_civitdl": 180, "test_civitdl": 60, "configure_links": 30,
    "install_custom_nodes": 1800, "verify_dependencies": 300, "run_command": None, "wait": None,
}  # fmt: skip


class _CivitaiHandler(LoopbackHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server.owner, Civitai)
        self.server.owner.asked.append((self.path, self.headers.get("Authorization", "")))
        status = self.server.owner.status
        headers = {"Location": "http://127.0.0.1:9/"} if status == 302 else {}
        self.send_bytes(status, "application/json", b'{"username": "me"}', headers)


class Civitai(LoopbackServer):
    handler = _CivitaiHandler
    status = 200

    def __init__(self) -> None:
        super().__init__(0)
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def civitai():  # type: ignore[no-untyped-def]
    with Civitai() as server:
        yield server


@pytest.fixture(scope="session")
def civitdl_index():  # type: ignore[no-untyped-def]
    with PackageIndex() as index:
        index.add_cuda_torch()
        index.add("requests", "2.32.0")
        main = "import requests, sys\nprint('usage: civitdl')\nsys.exit('--help' not in sys.argv)\n"
        modules = {"civitdl": "", "civitdl/__main__.py": main}
        index.add("civitdl", "2.2.0", ["requests"], modules=modules)
        yield index


@pytest.fixture
def machine(tmp_path: Path, civitdl_index: PackageIndex) -> StepWorld:
    """A set-up machine on which every step can do its work."""
    world = StepWorld(tmp_path / "instance", civitdl_index)
    world.add_comfyui()
    world.add_python()
    return world


def prepared(machine: StepWorld, name: str, civitai: Civitai) -> dict[str, object]:
    """The step's example, with what a practice machine has to have for it."""
    if name == "get_ui_home":
        machine.write_environment(UI_HOME=str(machine.comfyui))
    if name == "test_civitdl":
        assert machine.run("setup_civitdl").succeeded
    extra = {"civitai_url": civitai.base_url} if "civitdl" in name else {}
    return {**load(name).example, **extra}


def test_the_registry_has_what_the_house_has() -> None:
    assert set(LIMITS) <= set(NAMES)
    assert {name: load(name).limit_s for name in LIMITS} == LIMITS


@pytest.mark.parametrize("name", NAMES)
def test_the_declaration_is_complete(name: str) -> None:
    step = load(name)
    assert step.name == name
    assert step.title
    assert step.description.endswith(".")
    assert step.undo
    for param in step.params:
        assert param.type in PARAM_TYPES
        assert param.label
    _, errors = check_params(step, step.example)
    assert not errors
    missing = {param.name for param in step.params if param.required} - set(step.example)
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_every_step_runs_twice_and_the_second_time_changes_nothing(
    machine: StepWorld, name: str, civitai: Civitai
) -> None:
    params = prepared(machine, name, civitai)
    first = machine.run(name, params)
    assert first.succeeded, first.events
    assert first.events[0]["type"] == "plan", "the tasks are announced before any work"
    assert first.note
    planned = {task["id"] for event in first.events for task in event.get("tasks", [])}
    states = {event["id"]: event["state"] for event in first.events if event["type"] == "task"}
    assert set(states) == planned
    assert set(states.values()) <= {"succeeded", "skipped"}
    before = {folder: machine.tree(machine.root / folder) for folder in ("etc", "workspace", "root/.config")}
    packages = machine.freeze()
    second = machine.run(name, params)
    assert second.succeeded, second.events
    assert {folder: machine.tree(machine.root / folder) for folder in before} == before
    assert machine.freeze() == packages


@pytest.mark.parametrize("name", NAMES)
def test_every_step_can_be_cancelled(machine: StepWorld, name: str, civitai: Civitai) -> None:
    params = prepared(machine, name, civitai)
    if name == "run_command":
        params = {"script": "sleep 600 & sleep 601"}
    step = machine.start(name, params)
    step.until(lambda event: event["type"] == "plan")
    step.process.send_signal(signal.SIGTERM)
    run = step.wait(20)
    assert run.code in (0, 143), "0: it was ready before the signal came"
    assert run.code == 0 or run.events[-1]["type"] != "result"
    assert not _marked(step.job.name)


def test_the_death_of_the_supervisor_ends_the_tools(machine: StepWorld) -> None:
    step = machine.start("run_command", {"script": "echo begun\nsleep 600"})
    step.until(lambda event: event.get("note") == "begun")
    run = step.supervisor_dies()
    assert run.code == 70
    assert not _marked(step.job.name)


def test_a_tool_that_ignores_the_cancel_is_killed(machine: StepWorld) -> None:
    step = machine.start("run_command", {"script": "trap '' TERM\necho deaf\nwhile true; do sleep 1; done"})
    step.until(lambda event: event.get("note") == "deaf")
    assert step.cancel().code == 143
    assert not _marked(step.job.name)


def test_a_script_that_fails_says_where(machine: StepWorld) -> None:
    run = machine.run("run_command", {"script": "echo one\r\nfalse | cat\r\necho two\r\n"})
    assert run.result["kind"] == "command_failed"
    assert run.note.startswith("the script ended with exit code 1: one.")
    assert [event["text"] for event in run.events if event["type"] == "log"] == [
        "> echo one",
        "> false | cat",
        "> echo two",
    ]


def test_parameters_are_checked_again_on_the_instance(machine: StepWorld) -> None:
    run = machine.run("wait", {"seconds": "soon", "minutes": 1})
    assert run.result["kind"] == "bad_params"
    assert "seconds:" in run.note
    assert "minutes: is not a parameter of wait" in run.note


def test_a_step_nobody_knows(machine: StepWorld) -> None:
    assert machine.run("dance").result["kind"] == "unknown_step"


def test_an_old_python_for_the_runner(machine: StepWorld) -> None:
    for version in ("3.8.18", "3.12.1", "3.13.0"):
        interpreter = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
        if not interpreter.exists():
            continue
        machine.interpreter = str(interpreter)
        run = machine.run("install_custom_nodes", {"nodes": HEADER})
        assert run.note == "Successfully installed 0/0 custom nodes · all dependencies verified"
        assert machine.run("configure_links").succeeded


def test_ui_home_keeps_mode_and_lines_and_replaces_duplicates(machine: StepWorld) -> None:
    path = machine.root / "etc" / "environment"
    path.write_text(path.read_text() + "UI_HOME=/old\n# kept\nUI_HOME=/older\n")
    path.chmod(0o640)
    lines = path.read_text().splitlines()
    run = machine.run("set_ui_home", {"path": str(machine.comfyui)})
    assert run.note == f"UI_HOME is {machine.comfyui}"
    wanted = [line for line in lines if not line.startswith("UI_HOME")]
    assert path.read_text().splitlines() == [*wanted[:-1], f"UI_HOME={machine.comfyui}", "# kept"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["environment"]


def test_ui_home_refuses_what_a_shell_would_run(machine: StepWorld) -> None:
    (machine.root / "$(id)").mkdir()
    run = machine.run("set_ui_home", {"path": str(machine.root / "$(id)")})
    assert run.result["kind"] == "bad_params"


def test_ui_home_needs_a_folder(machine: StepWorld) -> None:
    assert machine.run("set_ui_home", {"path": "/no/such/folder"}).result["kind"] == "no_folder"


def test_a_missing_ui_home_comes_with_a_suggestion(machine: StepWorld) -> None:
    run = machine.run("get_ui_home")
    assert run.result["kind"] == "ui_home_missing"
    assert str(machine.comfyui) in run.note


def test_links_leave_every_folder_and_the_users_file_alone(machine: StepWorld) -> None:
    models = machine.comfyui / "models"
    for name in ("Stable-diffusion", "Lora", "upscale_models", "ESRGAN"):
        (models / name).mkdir(parents=True)
        (models / name / "model.safetensors").write_text(name)
    theirs = "# mine\nother:\n    base_path: /else\n    loras: |\n        a\n        b\n"
    (machine.comfyui / "extra_model_paths.yaml").write_text(theirs)
    run = machine.run("configure_links")
    assert run.note == "3 model folders linked in extra_model_paths.yaml"
    assert (machine.comfyui / "extra_model_paths.yaml").read_text().startswith(theirs + "# BEGIN VastDesk")
    for name in ("Stable-diffusion", "Lora", "upscale_models", "ESRGAN"):
        assert (models / name / "model.safetensors").read_text() == name
        assert not (models / name).is_symlink()
    again = machine.run("configure_links")
    assert again.note == "All 3 model folders are already linked"


def test_links_of_the_original_tool_are_recognised(machine: StepWorld) -> None:
    models = machine.comfyui / "models"
    (models / "Lora").mkdir(parents=True)
    (models / "loras").symlink_to(models / "Lora")
    run = machine.run("configure_links", {"links": ["Lora=loras"]})
    assert run.last_note("models/Lora → loras") == "already the same folder"


@pytest.mark.parametrize("link", ["Lora", "../x=loras", "/x=loras", "Lora=lo ras", "a//b=loras"])
def test_links_that_are_none(machine: StepWorld, link: str) -> None:
    assert machine.run("configure_links", {"links": [link]}).result["kind"] == "bad_params"


def test_civitdl_gets_its_token_and_nobody_sees_it(machine: StepWorld, civitai: Civitai) -> None:
    token = "0123456789abcdef-canary"
    config = machine.home / ".config" / "civitdl" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"version": "1", "default": {"max_images": 9}, "aliases": [["@mine", "/m"]]}')
    params = {"civitai_url": civitai.base_url}
    run = machine.run("setup_civitdl", params, {"civitai_token": token})
    assert run.succeeded, run.events
    assert run.note == "CivitDL 2.2.0 is installed and works (CivitAI takes the token)"
    stored = json.loads(config.read_text())
    assert (stored["default"]["api_key"], stored["default"]["max_images"]) == (token, 9)
    assert stored["aliases"] == [["@mine", "/m"]]
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert civitai.asked == [("/api/v1/me", f"Bearer {token}")]
    again = machine.run("test_civitdl", params)
    assert again.note == "CivitDL 2.2.0 works and CivitAI takes the token"
    everything = json.dumps(run.events + again.events) + run.output + again.output
    everything += "".join(
        path.read_text("utf-8", "replace") for path in machine.home.rglob("*.json*") if path != config
    )
    assert token not in everything


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "civitai_refused"), (503, "civitai_unreachable"), (302, "civitai_unreachable")]
)
def test_a_token_that_civitai_does_not_take(machine: StepWorld, civitai: Civitai, status: int, kind: str) -> None:
    civitai.status = status
    assert machine.run("setup_civitdl", {"civitai_url": civitai.base_url}).succeeded
    run = machine.run("test_civitdl", {"civitai_url": civitai.base_url}, {"civitai_token": "canary-token"})
    assert run.result["kind"] == kind


def test_set_up_goes_on_when_civitai_cannot_be_reached(machine: StepWorld) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        run = machine.run("setup_civitdl", {"civitai_url": url}, {"civitai_token": "canary-token"})
    assert run.succeeded
    assert "the token could not be checked: 127.0.0.1" in run.note


def test_without_a_token_it_says_so_and_goes_on(machine: StepWorld) -> None:
    run = machine.run("setup_civitdl")
    assert run.state("Configure CivitDL") == "skipped"
    assert run.note == "CivitDL 2.2.0 is installed and works (no token)"


def test_verifying_names_each_failing_node_and_repairs_from_its_own_file(machine: StepWorld) -> None:
    (machine.custom_nodes / "needy").mkdir()
    (machine.custom_nodes / "needy" / "__init__.py").write_text("import requests\nNODE_CLASS_MAPPINGS = {}\n")
    report = machine.run("verify_dependencies")
    assert report.result["kind"] == "nodes_not_loading"
    assert report.last_note("Verify Dependencies/needy") == "No module named 'requests'"
    assert not machine.run("verify_dependencies", {"fix": "auto"}).succeeded, "a name in a log line is nobody's word"
    assert machine.freeze() == []
    (machine.custom_nodes / "needy" / "requirements.txt").write_text("requests\n")
    repaired = machine.run("verify_dependencies", {"fix": "auto"})
    assert repaired.note == "All custom nodes load · all dependencies verified"
    assert machine.freeze() == ["requests==2.32.0"]


def test_verifying_a_comfyui_that_does_not_start(machine: StepWorld) -> None:
    (machine.comfyui / "main.py").write_text("import torch_is_gone\n")
    run = machine.run("verify_dependencies")
    assert run.result["kind"] == "cannot_verify"
    assert "No module named 'torch_is_gone'" in run.note


def test_steps_use_nothing_of_the_desktop() -> None:
    for path in (REPOSITORY / "vastdesk" / "remote" / "runner").rglob("*.py"):
        assert "from vastdesk" not in path.read_text("utf-8"), path


def _marked(job: str) -> list[str]:
    """Processes that a job started and that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if f"VASTDESK_JOB={job}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
    return found


def test_the_desktop_reads_the_declarations_without_what_only_the_instance_has() -> None:
    """Windows has no `pwd`, and a desktop that only wants titles should not pay for the rest."""
    code = (
        "import sys; sys.modules['pwd'] = sys.modules['fcntl'] = None\n"
        "from vastdesk.remote.runner.steps import all_steps\n"
        "assert len(all_steps()) >= 9\n"
        "print([name for name in ('subprocess', 'urllib.request', 'csv', 'selectors') if name in sys.modules])\n"
    )
    argv = [sys.executable, "-c", code]
    assert subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True).stdout == "[]\n"
