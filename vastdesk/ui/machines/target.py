"""Machines and SSH strings: what was understood of a pasted one, and the one that leads to a saved machine."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Instance
from vastdesk.domain.ssh_string import DEFAULT_PORT, SshTarget, parse_ssh


@dataclass(frozen=True, slots=True)
class Understood:
    """`target`, or what is wrong with the text."""

    target: SshTarget | None
    problem: str = ""


def understand(text: str) -> Understood:
    """What a pasted text says; an empty one says nothing, and is no mistake yet."""
    if not text.strip():
        return Understood(None)
    try:
        return Understood(parse_ssh(text))
    except VastDeskError as error:
        return Understood(None, str(error.facts["detail"]))


def proposed_name(target: SshTarget, taken: Collection[str]) -> str:
    """A short name nobody has yet: the host, with the port where that is needed to tell machines apart."""
    for name in (target.host, f"{target.host}:{target.port}", target.name):
        if name not in taken:
            return name
    return next(name for n in range(2, len(taken) + 3) if (name := f"{target.host} {n}") not in taken)


def ssh_command(instance: Instance) -> str:
    """The command that leads there, as `parse_ssh` and a shell read it."""
    if not instance.endpoints:
        return ""
    endpoint = instance.endpoints[0]
    words = ["ssh"]
    if endpoint.port != DEFAULT_PORT:
        words += ["-p", str(endpoint.port)]
    if instance.identity_file and instance.identity is None:
        words += ["-i", instance.identity_file]
    if instance.jump:
        words += ["-J", instance.jump]
    return " ".join(map(_quoted, [*words, f"{endpoint.user}@{endpoint.host}"]))


def _quoted(word: str) -> str:
    """For a shell, which finds the home folder only where the `~` is bare."""
    return "~/" + shlex.quote(word[2:]) if word.startswith("~/") and word[2:] else shlex.quote(word)
