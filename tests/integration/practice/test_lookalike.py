"""The ComfyUI look-alike: it imports for real, and prints the lines ComfyUI prints."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from vastdesk.remote.practice.nodes import make_repositories, read_nodes

from .conftest import RESOURCES, until


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    folder = tmp_path / "Comfy UI 1.0"  # a space and a dot: both have broken loaders
    shutil.copytree(RESOURCES / "comfyui", folder)
    return folder


def quick_test(comfyui: Path, *options: str, env: Mapping[str, str] | None = None) -> str:
    argv = [sys.executable, "main.py", "--cpu", "--quick-test-for-ci", *options]
    done = subprocess.run(argv, cwd=comfyui, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, "0 whatever fails, as ComfyUI's"
    assert done.stdout == ""
    return done.stderr


def add(comfyui: Path, name: str, **files: str) -> Path:
    folder = comfyui / "custom_nodes" / name
    folder.mkdir()
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text)
    return folder


def test_it_prints_what_comfyui_prints_about_custom_nodes(comfyui: Path) -> None:
    good = add(comfyui, "Good", __init__="from .inner import X\nNODE_CLASS_MAPPINGS = {'X': X}", inner="class X: pass")
    broken = add(comfyui, "Broken", __init__="import not_there_at_all")
    bare = add(comfyui, "Bare", __init__="")
    add(comfyui, "Off.disabled", __init__="raise SystemExit('loaded although it is disabled')")
    single = comfyui / "custom_nodes/websocket_image_save.py"
    out = quick_test(comfyui)
    block = out.split("\nImport times for custom nodes:\n")[1].split("\n\n")[0].splitlines()
    assert sorted(re.sub(r"^ {3}\d\.\d seconds", "", line) for line in block) == sorted(
        [f" (IMPORT FAILED): {bare}", f" (IMPORT FAILED): {broken}", f": {good}", f": {single}"]
    )
    assert f"Cannot import {broken} module for custom nodes: No module named 'not_there_at_all'\n" in out
    assert "Traceback (most recent call last):" in out and "import not_there_at_all" in out
    assert f"Skip {bare} module for custom nodes due to the lack of NODE_CLASS_MAPPINGS" in out
    assert "disabled" not in out.split("Import times")[1]


def test_prestartup_scripts_run_first_and_their_failure_is_told(comfyui: Path) -> None:
    early = add(
        comfyui,
        "Early",
        prestartup_script="import builtins; builtins.early = 1",
        __init__="import builtins; NODE_CLASS_MAPPINGS = {}; assert builtins.early",
    )
    late = add(comfyui, "Late", prestartup_script="1 / 0", __init__="NODE_CLASS_MAPPINGS = {}")
    out = quick_test(comfyui)
    assert f"Failed to execute startup-script: {late}/prestartup_script.py / division by zero\n" in out
    before = out.split("Import times for custom nodes:")[0]
    assert re.search(
        rf"Prestartup times for custom nodes:\n( .*\n)* {{3}}0\.\d seconds: {re.escape(str(early))}\n", before
    )
    assert f" (PRESTARTUP FAILED): {late}\n" in before
    assert "IMPORT FAILED" not in out


def test_nodes_can_be_left_out_but_for_some(comfyui: Path) -> None:
    add(comfyui, "One", __init__="NODE_CLASS_MAPPINGS = {}")
    add(comfyui, "Two", __init__="NODE_CLASS_MAPPINGS = {}")
    out = quick_test(comfyui, "--disable-all-custom-nodes", "--whitelist-custom-nodes", "Two")
    assert "/Two\n" in out and "/One\n" not in out


def test_the_shipped_nodes_load_once_their_packages_are_there(comfyui: Path, tmp_path: Path, prepared: Path) -> None:
    """Every repository is cloned over HTTP, its packages come from an index, its script is run, as a step does it."""
    modules = {
        "tabulate": {"tabulate": "def tabulate(rows): return str(rows)"},
        "colorama": {"colorama": "class Style: RESET_ALL = ''"},
        "humanize": {"humanize": "def naturalsize(size): return str(size)"},
        "python-slugify": {"slugify": "def slugify(text): return text"},
        "sortedcontainers": {"sortedcontainers": "SortedList = sorted"},
        "markdown": {"markdown": "def markdown(text): return text"},
        "packaging": {"packaging": "", "packaging/version.py": "Version = lambda v: tuple(map(int, v.split('.')))"},
    }
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    site = tmp_path / "site"
    with FakeGitHost(tmp_path / "git") as host, PackageIndex() as index:
        make_repositories(RESOURCES, host.repositories, host.environment)
        for name, sources in modules.items():
            index.add(name, "99.0", modules=sources)
        nodes = [node for node in read_nodes(RESOURCES) if node.listed and not node.missing]
        for node in nodes:
            target = comfyui / "custom_nodes" / node.name
            clone = ["git", "clone", "-q", "--depth", "1", "--recurse-submodules", host.url(node.name), str(target)]
            subprocess.run(clone, env=env, check=True)
            if (target / "requirements.txt").exists():
                pip = [str(prepared / "root/venv/main/bin/python"), "-m", "pip", "install", "-q", "--target", str(site)]
                pip += ["--upgrade", "-r", str(target / "requirements.txt")]
                subprocess.run(pip, env={**env, **index.environment()}, check=True)
            if (target / "install.py").exists():
                subprocess.run([sys.executable, "install.py"], cwd=target, env=env, check=True, capture_output=True)
    out = quick_test(comfyui, env={**env, "PYTHONPATH": str(site)})
    assert "IMPORT FAILED" not in out, out
    assert all(f"/custom_nodes/{node.name}\n" in out for node in nodes)


def test_models_of_other_folders_are_found_through_the_yaml(comfyui: Path) -> None:
    (comfyui / "models/Lora").mkdir(parents=True)
    (comfyui / "models/Lora/style.safetensors").touch()
    (comfyui / "extra_model_paths.yaml").write_text("other:\n  base_path: models\n  loras: |\n    Lora/\n    more/\n")
    add(comfyui, "Looks", __init__="import folder_paths\nprint_me = folder_paths.get_filename_list('loras')\n"
        "assert print_me == ['style.safetensors'], print_me\nNODE_CLASS_MAPPINGS = {}")  # fmt: skip
    assert "IMPORT FAILED" not in quick_test(comfyui)


def test_it_stays_up_and_answers(comfyui: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = comfyui / "log"
    with log.open("w") as out, subprocess.Popen(
        [sys.executable, "main.py", "--cpu", "--port", str(port)], cwd=comfyui, stderr=out
    ) as process:  # fmt: skip
        until(lambda: "To see the GUI go to" in log.read_text())

        def get(path: str) -> dict[str, object]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                found = json.load(answer)
                assert isinstance(found, dict)
                return found

        assert get("/prompt") == {"exec_info": {"queue_remaining": 0}}
        assert {"system", "devices"} == set(get("/system_stats"))
        assert get("/object_info")["SaveImageWebsocket"]["python_module"] == "custom_nodes.websocket_image_save"  # type: ignore[index]
        process.terminate()
        assert process.wait(5) == 0
