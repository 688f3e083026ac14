"""Facts about the machine, for the Overview and for choosing defaults. Bounded in time, never fails as a whole."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import subprocess
import sys
from typing import Any, Callable, Dict, List, Optional

from . import VERSION, discover, home
from .home import system_path

TOOL_S = 5.0
GPU_FIELDS = ("index", "name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu", "driver_version")


def probe(home_dir: str) -> Dict[str, Any]:
    """Everything. What cannot be found out is None; a section that breaks says so in `problems`."""
    facts: Dict[str, Any] = {"problems": []}
    sections: List[Callable[[], Dict[str, Any]]] = [
        lambda: _runner(home_dir),
        _system,
        lambda: _disks(home_dir),
        _gpus,
        _tools,
        _comfyui,
        _vast,
    ]
    for section in sections:
        try:
            facts.update(section())
        except Exception as error:  # noqa: BLE001 – strange machines are what a probe is for
            facts["problems"].append("%s: %s" % (type(error).__name__, error))
    return facts


def _runner(home_dir: str) -> Dict[str, Any]:
    return {
        "runner": {"sha256": home.runner_sha256(), "version": VERSION, "home": home_dir},
        "python": {"path": os.path.abspath(sys.executable), "version": platform.python_version()},
        "boot_id": home.boot_id(),
    }


def _system() -> Dict[str, Any]:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {
        "os": _os_name(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "user": user,
        "home": home.user_home(),
        "cpu_count": _cpu_count(),
        "memory": _memory(),
    }


def _os_name() -> str:
    release = discover.read_environment_file(system_path("/etc/os-release"))
    return release.get("PRETTY_NAME") or platform.system()


def _cpu_count() -> Optional[int]:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> Dict[str, Optional[int]]:
    """Bytes. A container's own limit counts where it is lower than the host's memory."""
    table = {}
    for line in _read("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            table[name] = int(words[0]) * 1024
    total, available = table.get("MemTotal"), table.get("MemAvailable")
    limit = _cgroup_number("memory.max", "memory/memory.limit_in_bytes")
    used = _cgroup_number("memory.current", "memory/memory.usage_in_bytes")
    if limit is not None and total is not None and limit < total:
        total = limit
        if used is not None:
            available = min(available or limit, max(0, limit - used))
    return {"total": total, "available": available}


def _cgroup_number(*names: str) -> Optional[int]:
    for name in names:
        text = _read("/sys/fs/cgroup/" + name).strip()
        if text.isdigit():
            return int(text)
    return None


def _disks(home_dir: str) -> Dict[str, Any]:
    workspace = home.workspace()
    found = {"home": _disk(home_dir)}
    if os.path.isdir(workspace):
        found["workspace"] = _disk(workspace)
    kind = found["home"].get("filesystem") or ""
    warning = None
    if kind.startswith(("nfs", "cifs", "smb", "fuse.sshfs", "9p")):
        warning = "the home folder is on a network file system (%s), where file locks may not hold" % kind
    return {"disk": found, "home_warning": warning}


def _disk(path: str) -> Dict[str, Any]:
    usage = shutil.disk_usage(path)
    return {"path": path, "total": usage.total, "free": usage.free, "filesystem": filesystem_type(path)}


def filesystem_type(path: str) -> Optional[str]:
    """By the longest mount point above it."""
    real = os.path.realpath(path)
    best, kind = "", None
    for line in _read("/proc/self/mounts").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _gpus() -> Dict[str, Any]:
    query = "--query-gpu=" + ",".join(GPU_FIELDS)
    output = _tool("nvidia-smi", query, "--format=csv,noheader,nounits")
    rows = [[cell.strip() for cell in line.split(",")] for line in (output or "").splitlines()]
    return {"gpus": [_gpu(row) for row in rows if len(row) == len(GPU_FIELDS)]}


def _gpu(row: List[str]) -> Dict[str, Any]:
    """Cells may say `[N/A]` or `[Not Supported]`: None."""
    index, name, total, used, load, temperature, driver = row
    return {
        "index": _number(index),
        "name": name,
        "memory_total": _mebibytes(total),
        "memory_used": _mebibytes(used),
        "load": _number(load),
        "temperature": _number(temperature),
        "driver": driver,
    }


def _number(text: str) -> Optional[int]:
    return int(text) if text.isdigit() else None


def _mebibytes(text: str) -> Optional[int]:
    number = _number(text)
    return None if number is None else number << 20


def _tools() -> Dict[str, Any]:
    git = (_tool("git", "--version") or "").split()
    pip = any(shutil.which(name, path=_path()) for name in ("pip", "pip3"))
    return {
        "git": git[2] if len(git) > 2 else None,
        "uv": shutil.which("uv", path=_path()),
        "pip": pip,
        "supervisor": os.path.exists(system_path("/etc/supervisor/supervisord.conf"))
        or os.path.isdir(system_path("/etc/supervisor/conf.d")),
    }


def _comfyui() -> Dict[str, Any]:
    places = discover.comfyui_candidates(system_path)
    comfyui = places[0] if places else None
    pythons = discover.python_candidates(comfyui, system_path)
    running = [found._asdict() for found in discover.running_comfyui(system_path)]
    return {
        "comfyui": {"path": comfyui, "candidates": places, "running": running},
        "comfyui_python": {"path": pythons[0] if pythons else None, "candidates": pythons},
    }


def _vast() -> Dict[str, Any]:
    """What Vast's images tell: the label of the container, and how far their own provisioning is."""
    label = _read(system_path("/root/.vast_containerlabel")).strip() or os.environ.get("VAST_CONTAINERLABEL")
    markers = (
        ("failed", "/.provisioning_failed"),
        ("running", "/.provisioning"),
        ("complete", "/.provisioning_complete"),
    )
    state = next((name for name, path in markers if os.path.exists(system_path(path))), None)
    return {"container_label": label or None, "provisioning": state, "workspace": home.workspace()}


def _path() -> str:
    """The PATH of this session, then what the image says, then where tools usually are."""
    parts = [os.environ.get("PATH", ""), home.image_environment().get("PATH", "")]
    return ":".join([part for part in parts if part] + ["/usr/local/bin:/usr/bin:/bin:/usr/local/nvidia/bin"])


def _tool(name: str, *arguments: str) -> Optional[str]:
    """The output of a tool, or None if it is not there, fails or hangs."""
    path = shutil.which(name, path=_path())
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
