"""Machines and SSH strings."""

from __future__ import annotations

import shlex

import pytest

from tests.ui.fakes import HOSTILE_NAMES
from vastdesk.domain.instances import Endpoint, Instance
from vastdesk.domain.ssh_string import parse_ssh
from vastdesk.ui.machines.target import proposed_name, ssh_command, understand


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_nothing_is_no_mistake(text: str) -> None:
    assert understand(text).target is None and not understand(text).problem


def test_a_text_is_understood_or_its_problem_told() -> None:
    assert understand("ssh -p 41234 root@ssh5.vast.ai").target == parse_ssh("ssh -p 41234 root@ssh5.vast.ai")
    assert "-X" in understand("ssh -X root@h").problem


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_any_text_can_be_pasted(text: str) -> None:
    understood = understand(text)
    assert len(understood.problem) < 300


def test_a_name_nobody_has_is_proposed() -> None:
    target = parse_ssh("root@box:2222")
    taken: set[str] = set()
    for name in ("box", "box:2222", "root@box:2222", "box 2", "box 3"):
        assert proposed_name(target, taken) == name
        taken.add(name)


@pytest.mark.parametrize(
    "instance",
    [
        Instance("i", "n", (Endpoint("h", 22, "root"),)),
        Instance("i", "n", (Endpoint("h", 2222, "me"),), identity_file="/home/a b/it's a key", jump="j@k:22"),
        Instance("i", "n", (Endpoint("2001:db8::1", 2222, "me"),), identity_file="~/.ssh/a key"),
    ],
)
def test_the_command_leads_to_the_same_place(instance: Instance) -> None:
    text = ssh_command(instance)
    target = parse_ssh(text)
    assert target.endpoint() == instance.endpoints[0]
    assert (target.identity_file, target.jump) == (instance.identity_file, instance.jump)
    assert shlex.split(text)[0] == "ssh"
    assert "'~" not in text


def test_a_machine_without_an_address_has_no_command() -> None:
    assert ssh_command(Instance("i", "n", ())) == ""
