"""The git host and the package index that other tests stand on, against the real git, pip and uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.git_host import FakeGitHost, Misbehaviour
from tests.fakes.package_index import PackageIndex

ENV = {"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0", "LANG": "C.UTF-8"}

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def clone(tmp_path: Path, url: str, *options: str) -> tuple[int, str, Path]:
    target = tmp_path / f"clone{len(list(tmp_path.iterdir()))}"
    argv = ["git", "clone", *options, url, str(target)]
    done = subprocess.run(argv, env={**ENV, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, target


def head(folder: Path) -> str:
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_clones_are_real_with_progress_tags_and_submodules(tmp_path: Path) -> None:
    with FakeGitHost(tmp_path / "git") as host:
        host.add("Lib", {"lib.py": "x = 1\n"})
        sha = host.add("Node", [{"a": "1"}, {"b": os.urandom(50_000)}], tags=["v1"], submodules={"vendor/lib": "Lib"})
        code, err, target = clone(tmp_path, host.url("Node"), "--progress", "--depth", "1", "--recurse-submodules")
        assert (code, head(target)) == (0, sha)
        assert "Receiving objects: 100%" in err and "remote: Counting objects" in err
        assert (target / "vendor/lib/lib.py").read_text() == "x = 1\n"
        code, _, target = clone(tmp_path, host.url("Node"), "--branch", "v1")
        assert code == 0 and not (target / "b").exists()
        code, _, target = clone(tmp_path, host.url("Node"), "-c", "protocol.version=0")
        assert (code, head(target)) == (0, sha)


def test_the_same_content_has_the_same_hash_everywhere(tmp_path: Path) -> None:
    hosts = [FakeGitHost(tmp_path / name) for name in ("one", "two")]
    assert len({host.add("Node", [{"a": "1"}, {"a": "2"}]) for host in hosts}) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("password", "terminal prompts disabled"),
        ("missing", "not found"),
        ("error", "error: 503"),
        ("cut", "early EOF"),
    ],
)
def test_misbehaving_hosts_look_as_they_do_in_life(tmp_path: Path, how: Misbehaviour, words: str) -> None:
    with FakeGitHost(tmp_path / "git") as host:
        host.add("Node", {"data": os.urandom(20_000)})
        host.misbehave("Node", how)
        code, err, _ = clone(tmp_path, host.url("Node"))
        assert code == 128 and words in err
        host.behave("Node")
        assert clone(tmp_path, host.url("Node"))[0] == 0


def test_a_passing_trouble_passes(tmp_path: Path) -> None:
    with FakeGitHost(tmp_path / "git") as host:
        host.add("Node", {"a": "1"})
        url = host.misbehave("Node", "error", times=1)
        assert [clone(tmp_path, url)[0] for _ in range(2)] == [128, 0]


def test_an_empty_repository_is_cloned_empty(tmp_path: Path) -> None:
    with FakeGitHost(tmp_path / "git") as host:
        code, err, _ = clone(tmp_path, host.misbehave("Node", "empty"))
    assert code == 0 and "empty repository" in err


def test_a_hanging_host_lets_go_when_it_stops(tmp_path: Path) -> None:
    host = FakeGitHost(tmp_path / "git")
    host.start()
    argv = ["git", "clone", "-q", host.misbehave("Node", "hang"), str(tmp_path / "clone")]
    with subprocess.Popen(argv, env=ENV, stderr=subprocess.DEVNULL) as git:
        while not host.requests:
            assert git.poll() is None
        host.stop()
        assert git.wait(10) == 128


def test_the_folder_is_all_that_is_served(tmp_path: Path) -> None:
    outside = FakeGitHost(tmp_path / "outside")
    outside.add("Secret", {"a": "1"})
    with FakeGitHost(tmp_path / "git") as host:
        (tmp_path / "git").mkdir(exist_ok=True)
        for path in ("../outside/Secret", "..%2foutside%2fSecret", "./../outside/Secret"):
            assert clone(tmp_path, host.url(path))[0] == 128


@pytest.fixture
def index(tmp_path: Path) -> PackageIndex:
    made = PackageIndex()
    made.add_cuda_torch()
    made.add("colorama", "0.4.6")
    made.add("humanize", "4.0")
    made.add("wants-old-numpy", "1.0", ["numpy<2"])
    made.add("from-source", "1.0", ["colorama"], kind="sdist")
    made.add("hard-to-build", "1.0", kind="needs_compiler")
    return made


@pytest.mark.parametrize("tool", ["pip", "uv"] if UV else ["pip"])
def test_installers_get_along_with_the_index(index: PackageIndex, tmp_path: Path, prepared: Path, tool: str) -> None:
    python = str(prepared / "root/venv/main/bin/python")
    uv = [UV or "uv", "pip"]
    site = tmp_path / "site"

    def install(*what: str) -> tuple[int, str]:
        argv = [python, "-m", "pip", "install"] if tool == "pip" else [*uv, "install", "--python", python]
        argv += ["--target", str(site), *what]
        env = {**ENV, "HOME": str(tmp_path), **index.environment()}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    with index:
        assert install("torch==2.8.0+cu128", "torchvision", "numpy==2.1.3")[0] == 0
        assert {path.name for path in site.glob("*.dist-info")} == {
            "torch-2.8.0+cu128.dist-info",
            "torchvision-0.23.0+cu128.dist-info",
            "numpy-2.1.3.dist-info",
        }
        assert install("from-source")[0] == 0 and (site / "from_source/__init__.py").exists()
        for wrong, words in (
            (["hard-to-build"], "gcc"),
            (["nonexistent-package"], "nonexistent-package"),
            (["wants-old-numpy", "numpy==2.1.3"], "numpy"),
        ):
            code, out = install(*wrong)
            assert code == 1 and words in out
        index.fail("/simple/humanize", times=99)
        assert install("--no-cache-dir" if tool == "pip" else "--no-cache", "humanize")[0] != 0
