"""Finds ComfyUI and its Python on an instance. Used by `probe` and by the steps.

`path_fn` maps a system path (`/opt/ComfyUI`, `~/ComfyUI`) to where it is really, as `Context.path` does; what is
returned are real paths. What the user gave in the profile is used as it is.
"""

from __future__ import annotations

import os
import shlex
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

PathFn = Callable[[str], str]


class Running(NamedTuple):
    """A running ComfyUI: its folder and the interpreter that runs it."""

    pid: int
    comfyui: str
    python: Optional[str]


def read_environment_file(path: str) -> Dict[str, str]:
    """The variables of a file like /etc/environment: `K=V`, `K="V"`, `export K='V'`, comments. No file: none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        line = line.strip()
        if line.startswith("export "):
            line = line[len("export ") :].lstrip()
        name, separator, value = line.partition("=")
        if separator and name.strip().replace("_", "a").isalnum() and not name[0].isdigit():
            found[name.strip()] = _unquote(value.strip())
    return found


def _unquote(value: str) -> str:
    try:
        words = shlex.split(value, comments=True)
    except ValueError:  # an unbalanced quote: PAM, which owns this file, takes it as it stands
        return value.strip("\"'")
    if value[:1] in "\"'" or len(words) == 1:
        return words[0] if words else ""
    return value.partition(" #")[0].rstrip()  # spaces without quotes belong to the value, as for PAM


def is_comfyui(path: str) -> bool:
    """Whether a folder holds a ComfyUI: main.py, and one of the things that only ComfyUI has beside it."""
    return os.path.isfile(os.path.join(path, "main.py")) and any(
        os.path.exists(os.path.join(path, name)) for name in ("comfy", "custom_nodes", "nodes.py")
    )


def find_comfyui(profile: Mapping[str, Any], path_fn: PathFn) -> Optional[str]:
    """The folder of ComfyUI, or None. A path in the profile wins, even if nothing is there (yet)."""
    given = profile.get("comfyui")
    if given:
        return _expand(str(given), path_fn)
    candidates = comfyui_candidates(path_fn)
    return candidates[0] if candidates else None


def comfyui_candidates(path_fn: PathFn) -> List[str]:
    """All ComfyUI folders found, the best one first: what the image says, what runs, the usual places."""
    image = read_environment_file(path_fn("/etc/environment"))
    places = [_below(image["UI_HOME"], path_fn)] if image.get("UI_HOME", "").startswith("/") else []
    places += [running.comfyui for running in running_comfyui(path_fn)]
    workspace = image.get("WORKSPACE") or os.environ.get("WORKSPACE") or "/workspace"
    if workspace.startswith("/"):
        places.append(os.path.join(_below(workspace, path_fn), "ComfyUI"))
    usual = ("/workspace/ComfyUI", "/opt/ComfyUI", "/root/ComfyUI", "~/ComfyUI")
    places += [path_fn(place) for place in usual]
    return [place for place in _distinct(places) if is_comfyui(place)]


def find_python(comfy: Optional[str], profile: Mapping[str, Any], path_fn: PathFn) -> Optional[str]:
    """The interpreter whose environment ComfyUI uses, or None. A path in the profile wins."""
    given = profile.get("python")
    if given:
        return _expand(str(given), path_fn)
    candidates = python_candidates(comfy, path_fn)
    return candidates[0] if candidates else None


def python_candidates(comfy: Optional[str], path_fn: PathFn) -> List[str]:
    """All interpreters found that may be ComfyUI's, the best one first."""
    places = []
    for running in running_comfyui(path_fn):
        same = comfy is None or os.path.realpath(running.comfyui) == os.path.realpath(comfy)
        if same and running.python:
            places.append(running.python)
    if comfy:
        places += [os.path.join(comfy, folder, "bin", "python") for folder in ("venv", ".venv")]
    places += [path_fn("/venv/main/bin/python"), path_fn("/opt/environments/python/comfyui/bin/python")]
    return [place for place in _distinct(places) if os.path.isfile(place) and os.access(place, os.X_OK)]


def running_comfyui(path_fn: PathFn) -> List[Running]:
    """Every process whose command is `python … main.py` with a ComfyUI as its folder."""
    root = path_fn("/").rstrip("/")
    found = []
    for pid in _pids():
        words = _proc_list(pid, "cmdline")
        script = next((word for word in words[1:] if os.path.basename(word) == "main.py"), None)
        if script is None or "python" not in os.path.basename(words[0]):
            continue
        folder = os.path.dirname(os.path.join(_proc_link(pid, "cwd"), script))
        # Below a system root of its own (practice, tests) the machine's real ComfyUI is none of our business.
        if is_comfyui(folder) and (not root or os.path.realpath(folder).startswith(os.path.realpath(root) + "/")):
            found.append(Running(pid, folder, _interpreter(pid, words[0])))
    return found


def _interpreter(pid: int, word: str) -> Optional[str]:
    """The interpreter as it was called: /proc/PID/exe would follow the link of a virtual environment out of it."""
    if word.startswith("/"):
        return word
    if "/" in word:
        return os.path.normpath(os.path.join(_proc_link(pid, "cwd"), word))
    for entry in _proc_list(pid, "environ"):
        if entry.startswith("PATH="):
            for folder in entry[len("PATH=") :].split(":"):
                candidate = os.path.join(folder, word)
                if folder and os.access(candidate, os.X_OK):
                    return candidate
    return _proc_link(pid, "exe") or None


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdigit():
            yield int(name)


def _proc_list(pid: int, name: str) -> List[str]:
    try:
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            raw = file.read()
    except OSError:
        return [""]
    return [os.fsdecode(part) for part in raw.split(b"\0")]


def _proc_link(pid: int, name: str) -> str:
    try:
        return os.readlink("/proc/%d/%s" % (pid, name))
    except OSError:
        return ""


def _below(value: str, path_fn: PathFn) -> str:
    """A path that a file of the image names: below the system root, unless it is already."""
    root = path_fn("/").rstrip("/")
    return value if root and value.startswith(root + "/") else path_fn(value)


def _expand(given: str, path_fn: PathFn) -> str:
    return path_fn(given) if given == "~" or given.startswith("~/") else given


def _distinct(paths: List[str]) -> List[str]:
    """Without repetitions: two names of one folder (a link to the workspace) count once."""
    seen: Dict[str, str] = {}
    for path in paths:
        # An interpreter keeps its own name: the link to the base Python is what makes a virtual environment one.
        folder, name = (path, "") if os.path.isdir(path) else os.path.split(path)
        seen.setdefault(os.path.join(os.path.realpath(folder), name), path)
    return list(seen.values())
