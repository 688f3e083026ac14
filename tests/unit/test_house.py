"""The rules of the house, checked on the tree itself: who may import what, what nobody may write, what gets shipped."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("vastdesk", "tests", "bench", "packaging")

TASK_OWNER = "vastdesk/remote/owned.py"
"""The only file that makes tasks of its own; everybody else asks a `TaskOwner` or an `asyncio.TaskGroup`."""

ONLY_IN = {
    "asyncssh": ("vastdesk/remote/",),
    "sqlite3": ("vastdesk/store/",),
    "keyring": ("vastdesk/store/secrets.py",),
    "PySide6": ("vastdesk/ui/", "vastdesk/app.py", "vastdesk/workers/bridge.py"),
}

MAY_SLEEP = {
    "vastdesk/remote/runner/": "on the instance there is no event loop to stop",
    "vastdesk/store/db.py": "only on the thread that owns the database",
    "vastdesk/remote/practice/processes.py": "blocking by name, called in a thread",
}

LONG_FILES: dict[str, str] = {
    "vastdesk/app.py": "the order of start and shutdown, to be read in one piece",
    "vastdesk/ui/shell/window.py": "where all pages and menus meet; what they are is elsewhere already",
}
"""Files that may exceed the limit, each with the reason why it is one room and not two."""
LINE_LIMIT = 400


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """(path from the root, text) of every Python file below these folders."""
    for folder in folders or ("vastdesk",):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """(`file:line`, node) of all nodes that have a line, in the whole program."""
    return [
        (f"{name}:{node.lineno}", node)
        for name, text in sources()
        for node in ast.walk(ast.parse(text, name))
        if isinstance(node, ast.expr | ast.stmt | ast.ExceptHandler)
    ]


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """(place, call, what is called as written: `asyncio.create_task`, `self._dialog.exec`)."""
    for place, node in nodes():
        if isinstance(node, ast.Call):
            yield place, node, ast.unparse(node.func)


def imports() -> Iterator[tuple[str, str]]:
    """(place, top-level package) of every absolute import, late ones included."""
    for place, node in nodes():
        if isinstance(node, ast.Import):
            yield from ((place, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield place, (node.module or "").partition(".")[0]


def test_the_layers_hold() -> None:
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ONLY_IN)
def test_each_dependency_stays_in_its_room(package: str) -> None:
    assert not [place for place, name in imports() if name == package and not place.startswith(ONLY_IN[package])]


def test_the_runner_stands_on_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"__future__"}
    runner = [(place, name) for place, name in imports() if place.startswith("vastdesk/remote/runner/")]
    assert runner
    assert not [(place, name) for place, name in runner if name not in allowed]


def test_tasks_have_an_owner() -> None:
    """A task nobody holds may vanish in the middle, and its exception with it. Task groups hold theirs."""
    found = []
    for place, _call, name in calls():
        receiver, _, method = name.rpartition(".")
        made = method == "create_task" and "group" not in receiver.lower()
        if (made or method == "ensure_future") and not place.startswith(TASK_OWNER):
            found.append(place)
    assert not found


def test_nobody_blocks_the_loop_or_nests_another() -> None:
    """`exec()` and processEvents run an event loop inside the event loop; time.sleep stops it."""
    found = [
        place
        for place, _call, name in calls()
        if name.endswith((".exec", "processEvents"))
        or (name == "time.sleep" and not place.startswith(tuple(MAY_SLEEP)))
    ]
    assert not found


def test_no_shell_reads_what_we_build() -> None:
    found = [place for place, _call, name in calls() if name in ("os.system", "os.popen", "subprocess.getoutput")]
    found += [
        place
        for place, call, _name in calls()
        for word in call.keywords
        if word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
    ]
    assert not found


def test_host_keys_are_never_ignored() -> None:
    """In asyncssh `known_hosts=None` means: accept anybody."""
    found = [
        place
        for place, call, _name in calls()
        for word in call.keywords
        if word.arg == "known_hosts" and isinstance(word.value, ast.Constant) and word.value.value is None
    ]
    assert not found


def test_no_exception_is_swallowed_whole() -> None:
    """`except:` catches the interpreter's own exits; `except Exception: pass` hides a bug for ever."""
    found = []
    for place, node in nodes():
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
            if node.type is None or (wide and silent):
                found.append(place)
    assert not found


def test_no_room_grows_into_two() -> None:
    lengths = {name: text.count("\n") for name, text in sources(*OURS)}
    long = {name: length for name, length in lengths.items() if length > LINE_LIMIT and name not in LONG_FILES}
    assert not long, f"more than {LINE_LIMIT} lines; split them, or say in LONG_FILES why each is one room"
    assert not [name for name in LONG_FILES if lengths.get(name, 0) <= LINE_LIMIT], "no longer long: off the list"


def test_the_tree_knows_no_developers_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # Written in pieces, so that this file does not find itself.
    paths = ["/work/" + "shared", "/work/" + "main", "../" + "shared/", "/root/" + ".pyenv"]
    if len(ROOT.parts) > 2:
        paths.append(f"{ROOT}/")
    options = [word for path in paths for word in ("-e", path)]
    done = subprocess.run(["git", "grep", "-nIF", *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr


def test_the_headless_path_needs_no_qt() -> None:
    """Imports every module below the window while Qt cannot be imported."""
    script = """
import importlib, pathlib, sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "shiboken6", "qasync", "PyQt5", "PyQt6"):
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, NoQt())
import vastdesk
root = pathlib.Path(vastdesk.__path__[0])
paths = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py")]
names = [".".join(path.parts).removesuffix(".__init__") for path in paths if path.parts[1] != "_resources"]
others = ("vastdesk.ui", "vastdesk.app", "vastdesk.workers.bridge")
if sys.platform == "win32":
    others += ("vastdesk.remote.practice", "vastdesk.remote.runner")  # they run on Unix only
headless = [name for name in names if not name.startswith(others) and "__main__" not in name]
for name in headless:
    importlib.import_module(name)
print(len(headless))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


@pytest.mark.slow
def test_a_wheel_carries_all_it_needs(tmp_path: Path) -> None:
    """Built as a user's pip would, then used from an unpacked copy: the resources and the runner are found there."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), "."]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    resources = {path.relative_to(ROOT / "resources").as_posix() for path in _files(ROOT / "resources")}
    assert not resources - {name.removeprefix("vastdesk/_resources/") for name in packed}
    assert not [name for name in packed if not name.startswith(("vastdesk/", "vastdesk-"))]
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from vastdesk.remote.package import runner_package\n"
        "from vastdesk.store.resources import resource_path\n"
        "path = resource_path('nodes/default.csv')\n"
        "assert path.is_file() and str(path).startswith(sys.argv[1]), path\n"
        "assert len(runner_package().data) > 1000\n"
    )
    use = [sys.executable, "-c", script, str(tmp_path / "installed")]
    done = subprocess.run(use, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
