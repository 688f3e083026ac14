"""install_custom_nodes on real repositories, a real index and a real environment: what is seen and what is on disk."""

from __future__ import annotations

import json
import subprocess

from tests.fakes.git_host import FakeGitHost
from tests.integration.steps.conftest import GOOD, row, rows
from tests.integration.steps.world import HEADER, StepWorld


def test_a_list_from_the_first_row_to_the_closing_note(gpu: StepWorld, git_host: FakeGitHost) -> None:
    run = gpu.install(rows(git_host, "Plain", "Colour", "Deeper"))
    assert run.note == "Successfully installed 3/3 custom nodes · all dependencies verified"
    first = run.events[0]["tasks"]
    assert [(task["label"], task["kind"]) for task in first] == [
        ("Read node list", "setup"),
        ("Configure venv path", "setup"),
    ]
    assert list(run.labels.values()) == [
        "Read node list",
        "Configure venv path",
        "Plain",
        "Colour",
        "Install dependencies",
        "Deeper",
        "Install dependencies",
        "Install dependencies",
        "Verify Dependencies",
    ]
    assert run.states("Plain") == ["running", "succeeded"]
    assert run.states("Colour") == ["running", "waiting", "running", "succeeded"]
    assert run.states("Colour/Install dependencies") == ["running", "succeeded"]
    relabelled = [event["label"] for event in run.of("Install dependencies") if "label" in event]
    assert relabelled == ["Install dependencies"]
    progress = [event["progress"] for event in run.of("Install dependencies") if "progress" in event]
    assert progress[-1] == {"done": 2, "total": 2, "unit": "packages"}
    assert gpu.freeze() == ["colorama==0.4.6", "numpy==2.1.3", "okdep==2.0", "torch==2.8.0+cu128"]


def test_the_same_run_twice_changes_nothing(gpu: StepWorld, git_host: FakeGitHost) -> None:
    listed = rows(git_host, "Plain", "Colour", "OldNumpy")
    gpu.install(listed)
    tree, packages = gpu.tree(), gpu.freeze()
    run = gpu.install(listed)
    assert gpu.tree() == tree
    assert gpu.freeze() == packages
    assert run.note == "Installed 2/3 custom nodes (1 failed) · 2 already there · all dependencies verified"
    assert run.state("Colour") == "skipped"
    assert run.last_note("Plain") == f"already installed ({git_host.head('Plain')[:7]})"


def test_a_node_that_moves_numpy_fails_with_its_line_and_the_others_go_on(
    gpu: StepWorld, git_host: FakeGitHost
) -> None:
    run = gpu.install(rows(git_host, "OldNumpy", "OldInside", "Nowhere", "Colour"))
    assert run.succeeded
    assert run.note == "Installed 1/4 custom nodes (3 failed) · all dependencies verified"
    assert run.last_note("OldNumpy") == "cloned, requirements failed"
    assert run.last_note("OldNumpy/Install dependencies") == (
        "requirements.txt line 2, `numpy<2`, does not fit numpy 2.1.3, which is installed and stays"
    )
    assert run.last_note("OldInside/Install dependencies") == (
        "requirements.txt line 1, `needs-old-numpy`, needs numpy<2, but numpy 2.1.3 is installed and stays"
    )
    assert run.last_note("Nowhere/Install dependencies") == (
        "requirements.txt line 2, `no-such-package>=1`, was not found in the package index"
    )
    assert run.state("Colour") == "succeeded"
    assert "numpy==2.1.3" in gpu.freeze()


def test_of_two_nodes_that_exclude_each_other_the_later_one_fails(world: StepWorld, git_host: FakeGitHost) -> None:
    git_host.add("WantsOldEinops", {"__init__.py": GOOD, "r.txt": "einops<0.8\n"})
    git_host.add("WantsNewEinops", {"__init__.py": GOOD, "r.txt": "einops>=0.8\n"})
    listed = "".join(row(git_host, name, requirements="r.txt") for name in ("WantsOldEinops", "WantsNewEinops"))
    run = world.install(listed)
    assert run.state("WantsOldEinops") == "succeeded"
    note = run.last_note("WantsNewEinops/Install dependencies")
    assert note == "r.txt line 1, `einops>=0.8`, does not fit `einops<0.8` of WantsOldEinops"
    assert world.freeze() == ["einops==0.7.0"]


def test_a_package_that_needs_a_compiler_fails_its_node_alone(world: StepWorld, git_host: FakeGitHost) -> None:
    run = world.install(rows(git_host, "Hard", "Deeper", "Source"))
    assert run.state("Source") == "succeeded"
    assert run.last_note("Hard") == "cloned, requirements failed"
    assert "hard-to-build could not be built: error: command 'gcc' failed" in run.last_note("Hard/Install dependencies")
    assert "from-source==1.0" in world.freeze()


def test_on_node_failure_fail_fails_the_step_in_the_end(world: StepWorld, git_host: FakeGitHost) -> None:
    git_host.misbehave("Gone", "missing")
    run = world.install(row(git_host, "Gone") + rows(git_host, "Plain"), on_node_failure="fail")
    assert not run.succeeded
    assert run.result["kind"] == "nodes_failed"
    assert run.note.startswith("Installed 1/2 custom nodes (1 failed) · all dependencies verified.")
    assert (world.custom_nodes / "Plain" / "__init__.py").exists()


def test_only_the_named_nodes(world: StepWorld, git_host: FakeGitHost) -> None:
    run = world.install(rows(git_host, "Plain", "Einops"), only=["Einops", "Strange"])
    assert run.note == "Successfully installed 1/1 custom nodes · all dependencies verified"
    assert not (world.custom_nodes / "Plain").exists()
    assert "The list has no node Strange" in run.output


def test_a_node_that_does_not_import_is_a_dependency_problem(world: StepWorld, git_host: FakeGitHost) -> None:
    git_host.add("Broken", {"__init__.py": "import module_nobody_has\n"})
    (world.custom_nodes / "stranger").mkdir()
    (world.custom_nodes / "stranger" / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    run = world.install(row(git_host, "Broken") + rows(git_host, "Plain"))
    assert run.note == "Successfully installed 2/2 custom nodes · 1 dependency problems"
    assert run.state("Verify Dependencies") == "failed"
    assert run.last_note("Verify Dependencies/Broken") == "No module named 'module_nobody_has'"


def test_without_main_py_the_verification_says_so(world: StepWorld, git_host: FakeGitHost) -> None:
    (world.comfyui / "main.py").unlink()
    run = world.install(rows(git_host, "Plain"), path=str(world.comfyui), python=str(world.python))
    assert run.note == "Successfully installed 1/1 custom nodes · 1 dependency problems"
    assert f"main.py is missing in {world.comfyui}" in run.last_note("Verify Dependencies/ComfyUI")


def test_the_auto_installers_repository_as_source(world: StepWorld, git_host: FakeGitHost) -> None:
    listed = HEADER.replace(",Ref", "") + f"Plain,{git_host.url('Plain')},,"  # no final newline, as upstream had it
    git_host.add("Auto-installer", {"scripts/custom_nodes.csv": listed, "scripts/install.sh": "touch /tmp/no\n"})
    run = world.run("install_custom_nodes", {"source": "repository", "repository": git_host.url("Auto-installer")})
    assert run.note == "Successfully installed 1/1 custom nodes · all dependencies verified"
    assert list(run.labels.values())[:2] == ["Clone Auto-installer", "Configure venv path"]


def test_a_source_that_cannot_be_cloned_fails_the_step(world: StepWorld, git_host: FakeGitHost) -> None:
    url = git_host.misbehave("No-installer", "missing")
    run = world.run("install_custom_nodes", {"source": "repository", "repository": url})
    assert run.result["kind"] == "source_failed"
    assert run.state("Clone Auto-installer") == "failed"


def test_never_more_than_four_run_at_once(world: StepWorld, git_host: FakeGitHost) -> None:
    names = [f"Many{number}" for number in range(9)]
    for name in names:
        git_host.add(name, {"__init__.py": GOOD, "requirements.txt": "einops\nplain-one\n"})
    run = world.install("".join(row(git_host, name, requirements="requirements.txt") for name in names))
    assert run.note == "Successfully installed 9/9 custom nodes · all dependencies verified"
    assert run.most_running() == 4


def test_install_py_runs_once_under_the_constraints(gpu: StepWorld, git_host: FakeGitHost) -> None:
    script = (
        "import os, subprocess, sys\n"
        "open('ran.txt', 'a').write('x')\n"
        "subprocess.run(['uv', 'pip', 'install', 'numpy<2'])\n"
        "sys.exit(0 if os.environ['COMFYUI_PATH'] else 3)\n"
    )
    git_host.add("Script", {"__init__.py": GOOD, "install.py": script, ".gitignore": "ran.txt\n"})
    run = gpu.install(row(git_host, "Script"))
    assert run.states("Script") == ["running", "waiting", "running", "succeeded"]
    assert run.state("Script/Run install.py") == "succeeded"
    assert "numpy==2.1.3" in gpu.freeze()
    again = gpu.install(row(git_host, "Script"))
    assert again.state("Script") == "skipped"
    assert (gpu.custom_nodes / "Script" / "ran.txt").read_text() == "x"


def test_install_py_that_moves_a_protected_package_fails_and_it_is_put_back(
    gpu: StepWorld, git_host: FakeGitHost
) -> None:
    script = (
        "import os, subprocess, sys\n"
        "env = {k: v for k, v in os.environ.items() if 'CONSTRAINT' not in k}\n"
        "subprocess.run(['uv', 'pip', 'install', '-q', 'numpy<2'], env=env, check=True)\n"
    )
    git_host.add("Mover", {"__init__.py": GOOD, "install.py": script})
    run = gpu.install(row(git_host, "Mover") + rows(git_host, "Plain"))
    assert run.note == "Installed 1/2 custom nodes (1 failed) · all dependencies verified"
    assert run.last_note("Mover") == "cloned, install.py failed"
    note = run.last_note("Mover/Run install.py")
    assert note == "it moved protected packages, which were put back: numpy 2.1.3 → 1.26.4"
    assert "numpy==2.1.3" in gpu.freeze()


def test_install_py_that_fails_runs_again_next_time(world: StepWorld, git_host: FakeGitHost) -> None:
    script = "import sys, os\nprint('no luck'); sys.exit(0 if os.path.exists('/proc/self/luck') else 7)\n"
    git_host.add("Unlucky", {"__init__.py": GOOD, "install.py": script})
    for _ in range(2):
        run = world.install(row(git_host, "Unlucky"))
        assert run.note == "Installed 0/1 custom nodes (1 failed) · all dependencies verified"
        assert run.last_note("Unlucky/Run install.py") == "it ended with exit code 7: no luck"


def test_a_run_that_was_killed_between_clone_and_packages_is_completed(world: StepWorld, git_host: FakeGitHost) -> None:
    subprocess.run(["git", "clone", "-q", git_host.url("Einops"), world.custom_nodes / "Einops"], check=True)
    run = world.install(rows(git_host, "Einops"))
    assert run.note == "Successfully installed 1/1 custom nodes · all dependencies verified"
    assert world.freeze() == ["einops==0.8.1"]


def test_a_missing_requirements_file_is_a_note(world: StepWorld, git_host: FakeGitHost) -> None:
    run = world.install(row(git_host, "Plain", requirements="gone.txt"))
    assert run.state("Plain") == "succeeded"
    assert run.state("Plain/Install dependencies") == "skipped"
    assert run.last_note("Plain/Install dependencies") == "there is no gone.txt in the repository"


def test_the_packages_before_are_kept(gpu: StepWorld, git_host: FakeGitHost) -> None:
    gpu.install(rows(git_host, "Colour"))
    (kept,) = (gpu.home / ".vastdesk" / "freezes").iterdir()
    assert kept.read_text() == "numpy==2.1.3\ntorch==2.8.0+cu128\n"


def test_bad_rows_fail_with_their_line_and_the_others_go_on(world: StepWorld, git_host: FakeGitHost) -> None:
    listed = "Escape,https://host/x.git,../../etc,\n\n# comment\n" + rows(git_host, "Plain").replace("\n", "\r\n")
    run = world.install(listed)
    assert run.note == "Installed 1/2 custom nodes (1 failed) · all dependencies verified"
    assert run.last_note("Escape") == "line 2: the subfolder leaves the folder"


def test_a_list_without_a_header_fails_the_step(world: StepWorld) -> None:
    run = world.run("install_custom_nodes", {"nodes": "default"})
    assert run.result["kind"] == "bad_node_list"
    assert run.state("Read node list") == "failed"


def test_a_broken_environment_is_named(bare: StepWorld, git_host: FakeGitHost) -> None:
    bare.python.parent.mkdir(parents=True)
    bare.python.write_text("#!/bin/sh\necho 'libpython is gone' >&2; exit 127\n")
    bare.python.chmod(0o755)
    run = bare.install(rows(git_host, "Plain"))
    assert run.result["kind"] == "python_broken"
    assert "libpython is gone" in run.last_note("Configure venv path")


def test_a_full_disk_ends_the_job(world: StepWorld, git_host: FakeGitHost) -> None:
    world.add_tool(
        "git",
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho 'fatal: write error: No space left on device'; exit 128\n",
    )
    run = world.install(rows(git_host, "Plain", "Einops"))
    assert run.result["fatal"] is True
    assert run.result["kind"] == "disk_full"
    assert not list(world.custom_nodes.glob("*vastdesk-part*"))


def test_a_disk_that_fills_while_packages_are_installed_ends_the_job(world: StepWorld, git_host: FakeGitHost) -> None:
    real = (world.tools / "uv").resolve()
    (world.tools / "uv").unlink()
    world.add_tool(
        "uv",
        f'#!/bin/sh\ncase "$*" in *--dry-run*|*--version*) exec {real} "$@";; esac\n'
        "echo 'error: failed to write: No space left on device (os error 28)'; exit 2\n",
    )
    run = world.install(rows(git_host, "Einops"))
    assert run.result["kind"] == "disk_full"
    assert run.result["fatal"] is True


def test_a_thousand_rows(world: StepWorld) -> None:
    for number in range(1000):
        folder = world.custom_nodes / f"pack{number}"
        folder.mkdir()
        (folder / "__init__.py").write_text(GOOD)
    listed = "".join(f"pack{number},https://host/pack{number}.git,,\n" for number in range(1000))
    run = world.install(listed)
    assert run.note == "Successfully installed 1000/1000 custom nodes · 1000 already there · all dependencies verified"
    plans = [task["id"] for event in run.events for task in event.get("tasks", [])]
    assert len(plans) == len(set(plans)) == 1003


def test_opencv_comes_in_once(world: StepWorld, git_host: FakeGitHost) -> None:
    for name, wanted in (
        ("CvPlain", "opencv-python\n"),
        ("CvHeadless", "opencv-python-headless>=4\n"),
        ("CvBig", "opencv-contrib-python\n"),
    ):
        git_host.add(name, {"__init__.py": GOOD, "requirements.txt": wanted})
    listed = "".join(row(git_host, n, requirements="requirements.txt") for n in ("CvPlain", "CvHeadless", "CvBig"))
    assert world.install(listed).note == "Successfully installed 3/3 custom nodes · all dependencies verified"
    assert world.freeze() == ["opencv-contrib-python==4.10.0"]


def test_events_hold_no_more_than_they_may(world: StepWorld, git_host: FakeGitHost) -> None:
    run = world.install(f"{'x' * 10_000},{git_host.url('Plain')},,\n" + rows(git_host, "Plain"))
    assert run.note == "Installed 1/2 custom nodes (1 failed) · all dependencies verified"
    assert all(len(json.dumps(event)) < 9000 for event in run.events)


def test_a_git_that_does_not_run_is_named_before_anything_else(world: StepWorld, git_host: FakeGitHost) -> None:
    world.add_tool("git", "#!/bin/sh\necho 'libcurl is gone'; exit 127\n")
    run = world.install(rows(git_host, "Plain"))
    assert run.result["kind"] == "tool_missing"
    assert "libcurl is gone" in run.note
    assert "apt-get install git" in run.note
