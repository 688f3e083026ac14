"""Files of the tool before: what becomes of them, and what is said of the rest."""

from __future__ import annotations

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import BadWorkflow, dump_workflow, load_workflow
from vastdesk.workers.catalogue import catalogue
from vastdesk.workers.original_files import OriginalConfig, OriginalTemplate, read_original

CATALOGUE = catalogue()

TEMPLATE = """
name: ComfyUI
description: Sets up a machine
version: "1.0.0"
environment:
  ui_home: "/workspace/ComfyUI/"
  python_venv: /workspace/ComfyUI/venv
setup_steps:
  - name: Install CivitDL
    type: civitdl_install
    commands:
      - {name: install, command: "pip install civitdl; rm -rf /", requires_api_key: true}
  - name: Clone ComfyUI Auto Installer
    type: git_clone
    repository: https://github.com/unearth4334/ComfyUI-Auto_installer
    destination: /workspace/ComfyUI-Auto_installer
  - {name: Set UI_HOME, type: set_ui_home, path: /workspace/ComfyUI}
ui_config:
  setup_buttons:
    - {label: "🔧 Test SSH Connection", action: test_ssh, style: primary}
    - {label: "🎨 Setup CivitDL", action: setup_civitdl, requires_api_key: true}
    - {label: "📁 Set UI_HOME", action: set_ui_home}
    - {label: "🔗 Configure Links", action: configure_links}
    - {label: "🌐 Install BrowserAgent", action: install_browser_agent}
    - {label: "🔌 Install Custom Nodes", action: install_custom_nodes}
    - {label: "🔄 Fly to the moon", action: fly}
metadata: {author: somebody}
"""

CONFIG = """
columns: [id, gpu]
max_rows: 10
disk_size_gb: 100
workflow_step_delay: 7
template_hash_id: abc
ui_home_env: /workspace/ComfyUI
"""


def template(text: str) -> OriginalTemplate:
    read = read_original(text, "templates_x.yml", CATALOGUE, 5.0)
    assert isinstance(read, OriginalTemplate)
    return read


def test_the_buttons_of_a_template_become_steps_in_their_order() -> None:
    workflow = template(TEMPLATE).workflow
    assert [step.use for step in workflow.steps] == [
        "test_ssh",
        "setup_civitdl",
        "set_ui_home",
        "configure_links",
        "install_custom_nodes",
    ]
    assert workflow.name == "ComfyUI"
    assert workflow.steps[2].params["path"] == "/workspace/ComfyUI"
    nodes = workflow.steps[4].params
    assert nodes["source"] == "repository" and nodes["repository"].endswith("ComfyUI-Auto_installer")


def test_what_has_no_counterpart_is_named_without_its_pictograms() -> None:
    assert template(TEMPLATE).left_out == ("Install BrowserAgent", "Fly to the moon")


def test_no_command_of_a_template_gets_in() -> None:
    assert "rm -rf" not in dump_workflow(template(TEMPLATE).workflow, CATALOGUE)


def test_a_template_without_buttons_goes_by_its_setup_steps() -> None:
    steps = template(TEMPLATE.split("ui_config:")[0]).workflow.steps
    assert [step.use for step in steps] == ["setup_civitdl", "install_custom_nodes", "set_ui_home"]


def test_a_step_named_twice_gets_an_id_of_its_own() -> None:
    text = "name: x\nui_config: {setup_buttons: [{action: test_ssh}, {action: test_ssh}]}\n"
    assert [step.id for step in template(text).workflow.steps] == ["test_ssh", "test_ssh-2"]


def test_what_was_imported_can_be_saved_and_read_again() -> None:
    workflow = template(TEMPLATE).workflow
    again = load_workflow(dump_workflow(workflow, CATALOGUE), "saved.yaml", CATALOGUE)
    assert [(step.id, dict(step.params)) for step in again.steps] == [
        (step.id, dict(step.params)) for step in workflow.steps
    ]


def test_a_bad_value_is_named_with_its_line() -> None:
    with pytest.raises(BadWorkflow) as refused:
        template(TEMPLATE.replace('"/workspace/ComfyUI/"', "relative/path"))
    assert [problem.line for problem in refused.value.problems] == [6]
    assert "path is an absolute path" in str(refused.value)


def test_a_template_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(VastDeskError) as refused:
        template("name: x\nui_config: {setup_buttons: [{label: Fly, action: fly}]}\n")
    assert refused.value.kind == "bad_workflow"


def test_a_configuration_gives_the_pause_and_the_folder_and_names_the_rest() -> None:
    assert read_original(CONFIG, "config.yaml", CATALOGUE, 5.0) == OriginalConfig(
        7.0, "/workspace/ComfyUI", ("columns", "max_rows", "disk_size_gb", "template_hash_id")
    )


@pytest.mark.parametrize("delay", ["-1", "soon", "2h", "[5]"])
def test_a_pause_that_is_none_is_named_with_its_line(delay: str) -> None:
    with pytest.raises(BadWorkflow) as refused:
        read_original(CONFIG.replace("workflow_step_delay: 7", f"workflow_step_delay: {delay}"), "c", CATALOGUE, 5.0)
    assert [problem.line for problem in refused.value.problems] == [5]


@pytest.mark.parametrize(
    "text",
    [
        "name: ours\nsteps: [{use: test_ssh}]\n",
        "name: ours\n",
        "- a list\n",
        "just text",
        "\x00",
        "",
        "{unclosed: [",
        "ui_config: &a [*a]",
    ],
)
def test_other_files_are_left_to_the_reader_of_workflows(text: str) -> None:
    assert read_original(text, "other.yaml", CATALOGUE, 5.0) is None


@pytest.mark.parametrize(
    "odd",
    [
        "ui_config: 7",
        "ui_config: {setup_buttons: {a: b}}",
        "ui_config: {setup_buttons: [1, [2], {action: [x]}, {label: {a: b}}]}",
        "setup_steps: [{type: git_clone}, {type: git_clone, repository: [x]}]",
        "environment: []\nui_config: {setup_buttons: [{action: set_ui_home}]}",
    ],
)
def test_odd_shapes_break_nothing(odd: str) -> None:
    try:
        read_original(f"name: x\n{odd}\n", "odd.yml", CATALOGUE, 5.0)
    except BadWorkflow as error:
        assert error.problems
