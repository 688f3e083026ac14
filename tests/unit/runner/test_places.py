"""Finding things on strange machines: environment files, ComfyUI, its Python, homes, file systems, GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vastdesk.remote.runner import discover, home, probe


@pytest.fixture
def path_fn(tmp_path: Path) -> Callable[[str], str]:
    def below(path: str) -> str:
        return str(tmp_path / "home" / path[2:]) if path.startswith("~/") else str(tmp_path) + path.rstrip("/")

    return below


def make_comfyui(folder: Path) -> Path:
    (folder / "custom_nodes").mkdir(parents=True)
    (folder / "main.py").write_text("import time; print('up', flush=True); time.sleep(1000)")
    return folder


def make_python(path: Path) -> str:
    path.parent.mkdir(parents=True)
    path.symlink_to(sys.executable)
    return str(path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", {"A": "1"}),
        ('A="b c"', {"A": "b c"}),
        ("export A='x y'  # note", {"A": "x y"}),
        ("A=b c # note", {"A": "b c"}),
        ("A=", {"A": ""}),
        ('A=""', {"A": ""}),
        ("A=a=b", {"A": "a=b"}),
        ('A="unbalanced', {"A": "unbalanced"}),
        ("# A=1", {}),
        ("no assignment", {}),
        ("1A=x", {}),
        ("=x", {}),
        ("A B=x", {}),
    ],
)
def test_an_environment_file_is_read_as_the_login_does(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    (tmp_path / "environment").write_text(f"\n{line}\n")
    assert discover.read_environment_file(str(tmp_path / "environment")) == expected


def test_no_environment_file_is_an_empty_one(tmp_path: Path) -> None:
    assert discover.read_environment_file(str(tmp_path / "none")) == {}


def test_comfyui_is_found_where_the_image_says_before_the_usual_places(
    tmp_path: Path, path_fn: Callable[[str], str]
) -> None:
    assert discover.find_comfyui({}, path_fn) is None
    home_one = make_comfyui(tmp_path / "home" / "ComfyUI")
    assert discover.find_comfyui({}, path_fn) == str(home_one)
    opt = make_comfyui(tmp_path / "opt" / "ComfyUI")
    data = make_comfyui(tmp_path / "data" / "ComfyUI")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "environment").write_text('WORKSPACE="/data"\n')
    assert discover.comfyui_candidates(path_fn) == [str(data), str(opt), str(home_one)]
    (tmp_path / "etc" / "environment").write_text("WORKSPACE=/data\nUI_HOME=/opt/ComfyUI\n")
    assert discover.find_comfyui({}, path_fn) == str(opt)
    assert discover.find_comfyui({"comfyui": "/my/own"}, path_fn) == "/my/own"


def test_a_link_to_the_workspace_is_one_candidate(tmp_path: Path, path_fn: Callable[[str], str]) -> None:
    real = make_comfyui(tmp_path / "workspace" / "ComfyUI")
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "ComfyUI").symlink_to(real)
    assert discover.comfyui_candidates(path_fn) == [str(real)]


def test_a_folder_with_a_main_py_alone_is_no_comfyui(tmp_path: Path, path_fn: Callable[[str], str]) -> None:
    (tmp_path / "workspace" / "ComfyUI").mkdir(parents=True)
    (tmp_path / "workspace" / "ComfyUI" / "main.py").touch()
    assert discover.find_comfyui({}, path_fn) is None


def test_the_python_of_comfyui(tmp_path: Path, path_fn: Callable[[str], str]) -> None:
    comfy = make_comfyui(tmp_path / "workspace" / "ComfyUI")
    assert discover.find_python(str(comfy), {}, path_fn) is None
    ai_dock = make_python(tmp_path / "opt/environments/python/comfyui/bin/python")
    vast = make_python(tmp_path / "venv/main/bin/python")
    own = make_python(comfy / "venv/bin/python")
    assert discover.python_candidates(str(comfy), path_fn) == [own, vast, ai_dock]
    assert discover.python_candidates(None, path_fn) == [vast, ai_dock]
    assert discover.find_python(str(comfy), {"python": "/my/python"}, path_fn) == "/my/python"


def test_what_runs_is_found_with_the_python_that_runs_it(tmp_path: Path, path_fn: Callable[[str], str]) -> None:
    comfy = make_comfyui(tmp_path / "somewhere")
    python = make_python(tmp_path / "venv/main/bin/python")
    environment = {"PATH": str(Path(python).parent)}
    command = ["python", "main.py", "--port", "1"]
    with subprocess.Popen(command, cwd=comfy, env=environment, stdout=subprocess.PIPE, executable=python) as process:
        assert process.stdout is not None and process.stdout.readline()
        assert discover.running_comfyui(path_fn) == [(process.pid, str(comfy), python)]
        assert discover.find_comfyui({}, path_fn) == str(comfy)
        assert discover.find_python(str(comfy), {}, path_fn) == python
        elsewhere = str(tmp_path / "other")
        assert discover.running_comfyui(lambda path: elsewhere + path) == [], "outside the system root: not ours"
        process.kill()


def test_system_paths_and_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASTDESK_SYSROOT", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("WORKSPACE", raising=False)
    assert home.system_path("/etc/x") == f"{tmp_path}/etc/x"
    assert home.system_path(f"{tmp_path}/etc/x") == f"{tmp_path}/etc/x"
    assert home.system_path("~/x") == "/home/ada/x" and home.system_path("~") == "/home/ada"
    assert home.workspace() == f"{tmp_path}/workspace"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "environment").write_text("WORKSPACE=/data\n")
    assert home.workspace() == f"{tmp_path}/data"
    monkeypatch.setenv("VASTDESK_SYSROOT", "")
    assert home.system_path("/etc/x") == "/etc/x"


def test_the_boot_id_is_of_the_machine_and_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, _, started = home.boot_id().partition(":")
    assert kernel == Path("/proc/sys/kernel/random/boot_id").read_text().strip() and started.isdigit()
    (tmp_path / "boot").write_text("mine\n")
    monkeypatch.setenv("VASTDESK_BOOT_ID", str(tmp_path / "boot"))
    assert home.boot_id() == "mine"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system root with tools of our own."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("VASTDESK_SYSROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKSPACE", raising=False)
    return tmp_path


def add_tool(machine: Path, name: str, script: str) -> None:
    path = machine / "bin" / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def test_gpus_with_gaps_in_their_facts(machine: Path) -> None:
    add_tool(
        machine,
        "nvidia-smi",
        'echo "0, NVIDIA GeForce RTX 4090, 24564, 1, 3, 41, 550.54"\n'
        'echo "1, Odd, [N/A], [N/A], [Not Supported], 30, 550"\n'
        "echo rubbish\n",
    )
    first, second = probe.probe(str(machine))["gpus"]
    assert first["name"] == "NVIDIA GeForce RTX 4090" and first["memory_total"] == 24564 << 20 and first["load"] == 3
    assert second["memory_total"] is None and second["temperature"] == 30


def test_tools_that_fail_or_hang_are_no_news(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "TOOL_S", 0.05)
    add_tool(machine, "nvidia-smi", "exec sleep 1000\n")
    add_tool(machine, "git", "exit 3\n")
    facts = probe.probe(str(machine))
    assert facts["gpus"] == [] and facts["git"] is None and facts["problems"] == []


def test_what_vast_says_of_the_container(machine: Path) -> None:
    assert probe.probe(str(machine))["provisioning"] is None
    (machine / "root").mkdir()
    (machine / "root" / ".vast_containerlabel").write_text("C.123\n")
    (machine / ".provisioning").touch()
    (machine / "etc/supervisor/conf.d").mkdir(parents=True)
    facts = probe.probe(str(machine))
    assert (facts["container_label"], facts["provisioning"], facts["supervisor"]) == ("C.123", "running", True)
    (machine / ".provisioning_failed").touch()
    assert probe.probe(str(machine))["provisioning"] == "failed"


def test_a_section_that_breaks_leaves_the_others(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, object]:
        raise RuntimeError("odd machine")

    monkeypatch.setattr(probe, "_gpus", broken)
    facts = probe.probe(str(machine))
    assert facts["problems"] == ["RuntimeError: odd machine"] and facts["cpu_count"] >= 1


def test_the_file_system_of_a_path_is_that_of_the_longest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = "overlay / overlay rw 0 0\nsrv:/x /mnt/my\\040home nfs4 rw 0 0\nodd\n"
    monkeypatch.setattr(probe, "_read", lambda path: mounts)
    assert probe.filesystem_type("/mnt/my home/x") == "nfs4"
    assert probe.filesystem_type("/mnt/other") == "overlay"
    monkeypatch.setattr(probe, "filesystem_type", lambda path: "nfs4")
    assert "network file system (nfs4)" in probe._disks(str(tmp_path))["home_warning"]


def test_a_container_has_the_memory_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 900 kB\nHugePages_Total: 0\n",
        "/sys/fs/cgroup/memory.max": "512000\n",
        "/sys/fs/cgroup/memory.current": "500000\n",
    }
    monkeypatch.setattr(probe, "_read", lambda path: files.get(path, ""))
    assert probe._memory() == {"total": 512000, "available": 12000}
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert probe._memory() == {"total": 1024000, "available": 921600}


def test_a_home_that_cannot_be_written_is_in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VASTDESK_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc/self")
    monkeypatch.setenv("WORKSPACE", str(tmp_path))
    assert home.runner_home() == str(tmp_path / ".vastdesk")
    assert (tmp_path / ".vastdesk").stat().st_mode & 0o777 == 0o700
    os.chmod(tmp_path / ".vastdesk", 0o755)
    home.runner_home()
    assert (tmp_path / ".vastdesk").stat().st_mode & 0o777 == 0o700
