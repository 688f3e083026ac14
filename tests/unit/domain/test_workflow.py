"""Workflow files: every problem at once, each with its line and what is allowed; choices; what is stored with a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import (
    BadWorkflow,
    ParamProblem,
    StepInfo,
    Workflow,
    dump_workflow,
    load_workflow,
)

SHIPPED = Path(__file__).parents[3] / "resources" / "workflows"


def step(name: str, where: str = "instance", limit_s: float | None = 30, **defaults: Any) -> StepInfo:
    """A made-up step: a parameter takes what is of the type of its default; `mode` takes two words; `needed` must be
    there."""

    def check(given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[ParamProblem, ...]]:
        values, problems = dict(defaults), []
        for param, default in defaults.items():
            value = given.get(param, default)
            if param == "count" and isinstance(value, str) and value.isdigit():
                value = int(value)
            if param == "mode" and value not in ("fast", "slow"):
                problems.append(ParamProblem(param, f"is one of fast, slow, not {value!r}"))
            elif param == "needed" and not value:
                problems.append(ParamProblem(param, "is needed"))
            elif type(value) is not type(default):
                problems.append(ParamProblem(param, f"must be a {type(default).__name__}"))
            values[param] = value
        return values, tuple(problems)

    return StepInfo(name, name.replace("_", " ").capitalize(), where, limit_s, tuple(defaults), check)  # type: ignore[arg-type]


CATALOGUE = {
    info.name: info
    for info in (
        step("test_ssh", "desktop"),
        step("set_ui_home", path=""),
        step("setup_civitdl"),
        step("configure_links"),
        step("install_custom_nodes", limit_s=1800, nodes="default", mode="fast", count=4, only=[]),
        step("run_command", limit_s=None, needed=""),
        step("wait", "either"),
    )
}

GOOD = """\
name: My set-up
description: what it does
version: 1
step_delay: 2.5
steps:
  - use: test_ssh
  - use: set_ui_home
    with: {path: /workspace/ComfyUI}
  - use: install_custom_nodes
    id: nodes               # needed only where a step is used twice
    with:
      nodes: default
      count: 2
    enabled: false
    on_failure: continue
    time_limit: 45m
"""


def load(text: str | bytes) -> Workflow:
    return load_workflow(text, "my.yaml", CATALOGUE)


def problems(text: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(BadWorkflow) as caught:
        load(text)
    assert caught.value.exit_code == 2
    assert all(str(problem).startswith("my.yaml:") for problem in caught.value.problems)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def steps(*lines: str) -> str:
    return "name: x\nversion: 1\nsteps:\n" + "\n".join(lines) + "\n"


# -- good files ----------------------------------------------------------------------------------------------------


def test_a_good_file() -> None:
    workflow = load(GOOD)
    assert (workflow.name, workflow.description, workflow.step_delay_s) == ("My set-up", "what it does", 2.5)
    first, second, third = workflow.steps
    assert (first.id, first.title, first.where, first.limit_s, first.enabled) == (
        "test_ssh",
        "Test ssh",
        "desktop",
        30,
        True,
    )
    assert second.params == {"path": "/workspace/ComfyUI"}
    assert (third.id, third.enabled, third.on_failure, third.limit_s) == ("nodes", False, "continue", 2700)
    assert third.params == {"nodes": "default", "mode": "fast", "count": 2, "only": []}


def test_what_a_file_does_not_say() -> None:
    workflow = load_workflow("name: x\nsteps: [{use: run_command, with: {needed: ls}}]", "x", CATALOGUE, step_delay_s=7)
    assert (workflow.step_delay_s, workflow.version, workflow.description) == (7, 1, "")
    assert (workflow.steps[0].id, workflow.steps[0].on_failure, workflow.steps[0].limit_s) == (
        "run_command",
        "stop",
        None,
    )


@pytest.mark.parametrize(
    "encoded", [GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n"), "---\n" + GOOD]
)
def test_however_an_editor_saves_it(encoded: str | bytes) -> None:
    assert load(encoded) == load(GOOD)


def test_json_is_yaml() -> None:
    text = json.dumps({"name": "x", "steps": [{"use": "run_command", "with": {"needed": 'echo "ü"\n'}}]})
    assert load(text).steps[0].params == {"needed": 'echo "ü"\n'}


def test_values_stay_what_they_look_like() -> None:
    """YAML 1.1 makes seconds of 12:30, dates of 2025-01-01 and octal numbers of 007."""
    for text in ("12:30", "2025-01-01", "007", "1_0:5", "=", "<<"):
        assert load(steps(f"  - use: run_command\n    with: {{needed: {text}}}")).steps[0].params["needed"] == text


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.name)
def test_what_is_shipped_is_good(path: Path) -> None:
    workflow = load_workflow(path.read_bytes(), path.name, CATALOGUE)
    assert workflow.description
    assert all(use.enabled for use in workflow.steps)


def test_the_shipped_set_up_has_the_order_of_the_original() -> None:
    workflow = load_workflow((SHIPPED / "comfyui-setup.yaml").read_bytes(), "x", CATALOGUE)
    assert workflow.name == "ComfyUI set-up"
    assert [use.use for use in workflow.steps] == [
        "test_ssh",
        "setup_civitdl",
        "set_ui_home",
        "configure_links",
        "install_custom_nodes",
    ]


# -- bad files -----------------------------------------------------------------------------------------------------


def test_every_problem_at_once_in_the_order_of_the_lines() -> None:
    found = problems(
        """\
nme: x
version: 2
step_delay: soon
steps:
  - use: test_shh
  - use: set_ui_home
    wiht: {}
    with: {pth: /x}
    on_failure: retry
    enabled: maybe
  - use: install_custom_nodes
    with:
      mode: quick
      nodes: [a]
    time_limit: 0
  - use: install_custom_nodes
  - test_ssh
"""
    )
    assert [line for line, _ in found] == [1, 1, 2, 3, 5, 7, 8, 9, 10, 13, 14, 15, 16, 17]
    text = "\n".join(message for _, message in found)
    for expected in (
        "'nme' is not a key of a workflow (did you mean name?); allowed: name, description",
        "name is missing",
        "version is 1",
        "step_delay is a number of seconds, or like 90s, 45m, 1h30m",
        "there is no step 'test_shh' (did you mean test_ssh?); there are: configure_links,",
        "'wiht' is not a key of a step (did you mean with?); allowed: use, id, with",
        "pth is not a parameter of set_ui_home (did you mean path?); it has: path",
        "on_failure is stop or continue",
        "enabled is true or false",
        "mode is one of fast, slow, not 'quick'",
        "nodes must be a str",
        "time_limit is at least one second",
        "the id 'install_custom_nodes' is taken: give this step another one",
        "a step is a mapping, like '- use: test_ssh'",
    ):
        assert expected in text


def test_the_sentence_names_file_and_line() -> None:
    with pytest.raises(VastDeskError, match=r"the workflow my.yaml cannot be used:\n  my.yaml:4: there is no step 'x'"):
        load(steps("  - use: x"))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("just text", 1, "a workflow is a mapping with name"),
        ("- use: test_ssh", 1, "a workflow is a mapping"),
        ("name: x\n", 1, "steps is missing"),
        ("name: x\nsteps:\n", 2, "steps is a list with at least one step"),
        ("name: x\nsteps: []\n", 2, "steps is a list with at least one step"),
        ("name: x\nsteps: {use: test_ssh}\n", 2, "steps is a list"),
        ("name: x\nsteps:\n\t- use: test_ssh\n", 3, "a tab"),
        ("name: 'x\nsteps: 5\n", 3, "this is not YAML"),
        ("name: x\nname: y\nsteps: [{use: test_ssh}]\n", 2, "'name' is there already, in line 1"),
        ("name: x\nsteps:\n- use: test_ssh\n  use: wait\n", 4, "'use' is there already, in line 3"),
        ("name: &a x\ndescription: *a\nsteps: [{use: test_ssh}]\n", 1, "anchors and aliases"),
        ("name: !!python/object:os.system x\nsteps: [{use: test_ssh}]\n", 1, "the tag"),
        ("name: !secret x\nsteps: [{use: test_ssh}]\n", 1, "the tag"),
        ("name: x\n---\nname: y\n", 2, "one workflow"),
        ("name: [x]\nsteps: [{use: test_ssh}]\n", 1, "name is a text"),
        ("name: ''\nsteps: [{use: test_ssh}]\n", 1, "name must not be empty"),
        ("name:\nsteps: [{use: test_ssh}]\n", 1, "name is missing"),
        ("? [a, b]\n: x\nname: x\nsteps: [{use: test_ssh}]\n", 1, "a key is a text"),
        ("name: x\nstep_delay: 2h\nsteps: [{use: test_ssh}]\n", 2, "step_delay is at most 1h"),
        ("name: x\nstep_delay: -1\nsteps: [{use: test_ssh}]\n", 2, "step_delay is a number"),
        ("name: x\nstep_delay: .nan\nsteps: [{use: test_ssh}]\n", 2, "step_delay is a number"),
        ("name: x\nstep_delay: [1]\nsteps: [{use: test_ssh}]\n", 2, "step_delay is a number"),
        (steps("  - use: test_ssh", "    time_limit: 30d"), 5, "time_limit is a number"),
        (steps("  - use: test_ssh", "    time_limit: 200h"), 5, "time_limit is at most 168h"),
        (steps("  - use: test_ssh", "    id: ../etc"), 5, "id is 1 to 64 letters"),
        (steps("  - use: test_ssh", "    with: text"), 5, "with is a mapping"),
        (steps("  - id: x"), 4, "use is missing"),
        (steps("  - use: run_command"), 4, "needed is needed"),
        (steps("  - use: test_ssh", "  - use: wait", "    id: TEST_SSH"), 5, "the id 'TEST_SSH' is taken"),
        (b"name: x\nsteps: \xff\n", 2, "not UTF-8"),
        ("name: x\nsteps:\n  - use: a\x00b\n", 3, "control character (U+0000)"),
        ("name: \ud800\n", 1, "control character (U+D800)"),
        ("name: " + "x" * 2_000_000, 1, "larger than 1024 KiB"),
        (b"x" * 2_000_000, 1, "larger than 1024 KiB"),
        ("[" * 20_000, 1, "nested too deeply"),
        ("{a: " * 20_000, 1, "nested too deeply"),
        (steps(*[f"  - {{use: test_ssh, id: s{number}}}" for number in range(201)]), 4, "at most 200 steps, not 201"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, line: int, says: str) -> None:
    found = problems(text)
    assert any(at == line and says in message for at, message in found), found


def test_a_bomb_of_aliases_is_refused_before_it_is_lit() -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    )
    assert "anchors and aliases" in problems(bomb)[0][1]


def test_a_file_that_is_no_workflow_at_all_does_not_fill_the_screen() -> None:
    assert len(problems("".join(f"key{number}: x\n" for number in range(1000)))) == 50


def test_hostile_names_are_shown_harmlessly() -> None:
    ((_, message),) = problems(steps('  - use: "a\\e[31m\\nb"'))
    assert message.isprintable()


@given(st.text(max_size=60) | st.text("{}[]&*!|>'\"%@`#:,-? \n\tab", max_size=60) | st.binary(max_size=60))
def test_whatever_is_in_the_file_it_is_a_workflow_or_a_list_of_problems(text: str | bytes) -> None:
    for whole in (text, "name: x\nsteps:\n - use: " + text if isinstance(text, str) else text):
        try:
            load(whole)
        except BadWorkflow as error:
            assert error.problems
            assert all(problem.line >= 1 for problem in error.problems)


# -- stored with the run, and written back ---------------------------------------------------------------------------


def test_what_is_stored_comes_back_equal() -> None:
    workflow = load(GOOD)
    assert Workflow.from_json(json.loads(json.dumps(workflow.to_json()))) == workflow


@pytest.mark.parametrize("saved", [{}, {"name": 5}, {**load(GOOD).to_json(), "steps": [{"id": 1}]}])
def test_what_is_stored_may_be_damaged(saved: dict[str, Any]) -> None:
    with pytest.raises(VastDeskError, match="damaged"):
        Workflow.from_json(saved)


def test_a_workflow_can_be_written_as_a_file_again() -> None:
    workflow = load(GOOD)
    text = dump_workflow(workflow, CATALOGUE)
    assert load(text) == workflow
    assert "mode" not in text  # only what differs from the defaults
    assert "45m" in text


# -- choices -------------------------------------------------------------------------------------------------------


def enabled(workflow: Workflow) -> list[str]:
    return [use.id for use in workflow.enabled_steps]


def test_only_these_steps_even_if_the_file_switches_them_off() -> None:
    assert enabled(load(GOOD).with_choices(CATALOGUE, only=["nodes"])) == ["nodes"]


def test_steps_may_be_named_by_what_they_use() -> None:
    assert enabled(load(GOOD).with_choices(CATALOGUE, only=["install_custom_nodes", "test_ssh"])) == [
        "test_ssh",
        "nodes",
    ]


def test_all_but_these_steps() -> None:
    assert enabled(load(GOOD).with_choices(CATALOGUE, skip=["test_ssh"])) == ["set_ui_home"]


def test_parameters_are_checked_and_converted() -> None:
    chosen = load(GOOD).with_choices(CATALOGUE, sets=["nodes.count=7", "set_ui_home.path=/a=b"])
    assert chosen.steps[2].params["count"] == 7
    assert chosen.steps[1].params["path"] == "/a=b"
    assert load(GOOD).steps[2].params["count"] == 2


def test_the_step_delay_may_be_chosen() -> None:
    assert load(GOOD).with_choices(CATALOGUE, step_delay="1m").step_delay_s == 60
    assert load(GOOD).with_choices(CATALOGUE, step_delay=0).step_delay_s == 0


def test_without_choices_nothing_changes() -> None:
    assert load(GOOD).with_choices(CATALOGUE) == load(GOOD)


def test_wrong_choices_are_all_named_with_what_exists() -> None:
    with pytest.raises(VastDeskError) as caught:
        load(GOOD).with_choices(
            CATALOGUE,
            only=["nods"],
            skip=["what"],
            sets=["nodes.cout=1", "nodes.mode=quick", "nodes", "nodes.x", "=", "x.y=1"],
            step_delay="later",
        )
    assert (caught.value.kind, caught.value.exit_code) == ("bad_choice", 2)
    for expected in (
        "the workflow has no step 'nods' (did you mean nodes?); its steps: test_ssh, set_ui_home, nodes",
        "the workflow has no step 'what'; its steps:",
        "nodes.cout is not a parameter of install_custom_nodes (did you mean count?); it has: nodes, mode, count, only",
        "nodes.mode is one of fast, slow, not 'quick'",
        "'nodes' is not like step.param=value",
        "'nodes.x' is not like step.param=value",
        "'=' is not like step.param=value",
        "the workflow has no step 'x'",
        "the step delay is a number of seconds",
    ):
        assert expected in str(caught.value)


def test_choosing_nothing_at_all_is_refused() -> None:
    with pytest.raises(VastDeskError, match="no step is left to run"):
        load(GOOD).with_choices(CATALOGUE, only=["nodes"], skip=["nodes"])
