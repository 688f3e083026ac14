"""What a machine said of itself (runner/probe.py), as facts to show. Machines say odd things: nothing here trusts the
shape of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication

from vastdesk.domain.sentences import display_text, format_bytes
from vastdesk.ui.kit import Fact

MAX_GPUS = 16


def _tr(text: str) -> str:
    return QCoreApplication.translate("MachineFacts", text)


def machine_facts(facts: Mapping[str, Any]) -> list[Fact]:
    """GPU, memory, disks, system, Python, ComfyUI: in the order in which people ask for them."""
    return [fact for fact in _all(facts) if fact.value]


def found_paths(facts: Mapping[str, Any]) -> tuple[str, str]:
    """(ComfyUI's folder, its Python), "" where none was found."""
    return _text(_in(facts, "comfyui", "path")), _text(_in(facts, "comfyui_python", "path"))


def _all(facts: Mapping[str, Any]) -> Iterator[Fact]:
    gpus = facts.get("gpus")
    if isinstance(gpus, list) and gpus:
        for gpu in gpus[:MAX_GPUS]:
            yield Fact(_tr("GPU"), _gpu(gpu))
    else:
        yield Fact(_tr("GPU"), _tr("none found"))
    yield Fact(_tr("Memory"), _free_of(_in(facts, "memory", "available"), _in(facts, "memory", "total")))
    disks = facts.get("disk")
    for disk in list(disks.values())[:8] if isinstance(disks, Mapping) else ():
        yield Fact(_tr("Disk"), _disk(disk))
    yield Fact(_tr("System"), _joined(facts.get("os"), facts.get("machine"), _cores(facts.get("cpu_count"))))
    yield Fact(_tr("ComfyUI"), _comfyui(facts), mono=True)
    yield Fact(_tr("Python of ComfyUI"), _text(_in(facts, "comfyui_python", "path")) or _tr("not found"), mono=True)
    yield Fact(_tr("System Python"), _joined(_in(facts, "python", "version"), _in(facts, "python", "path")))
    yield Fact(_tr("Tools"), _tools(facts))
    yield Fact(_tr("Provisioning"), _text(facts.get("provisioning")))
    yield Fact(_tr("Note"), _text(facts.get("home_warning")))


def _in(facts: object, *names: str) -> object:
    for name in names:
        facts = facts.get(name) if isinstance(facts, Mapping) else None
    return facts


def _text(value: object) -> str:
    return display_text(value) if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _joined(*parts: object) -> str:
    return " · ".join(text for part in parts if (text := _text(part)))


def _free_of(free: object, total: object) -> str:
    known_free, known_total = _number(free), _number(total)
    if known_total is None:
        return ""
    if known_free is None:
        return format_bytes(known_total)
    return _tr("{free} free of {total}").format(free=format_bytes(known_free), total=format_bytes(known_total))


def _gpu(gpu: object) -> str:
    load = _number(_in(gpu, "load"))
    return _joined(
        _in(gpu, "name"),
        format_bytes(_number(_in(gpu, "memory_total"))),
        "" if load is None else _tr("{percent} % busy").format(percent=int(load)),
    )


def _disk(disk: object) -> str:
    return _joined(_free_of(_in(disk, "free"), _in(disk, "total")), _in(disk, "path"))


def _cores(count: object) -> str:
    number = _number(count)
    return "" if number is None else _tr("{count} cores").format(count=int(number))


def _comfyui(facts: Mapping[str, Any]) -> str:
    running = _in(facts, "comfyui", "running")
    path = _text(_in(facts, "comfyui", "path"))
    if not path:
        return _tr("not found")
    return _tr("{path} (running)").format(path=path) if isinstance(running, list) and running else path


def _tools(facts: Mapping[str, Any]) -> str:
    git = _text(facts.get("git"))
    return _joined(
        f"git {git}" if git else _tr("no git"),
        "uv" if facts.get("uv") else "",
        "pip" if facts.get("pip") is True else "",
        "supervisor" if facts.get("supervisor") is True else "",
    )
