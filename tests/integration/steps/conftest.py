"""One git host and one package index for a whole test process; a machine of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.git_host import FakeGitHost
from tests.fakes.package_index import PackageIndex
from tests.integration.steps.world import StepWorld

GOOD = "NODE_CLASS_MAPPINGS = {}\n"
TORCH = ("torch==2.8.0+cu128", "numpy==2.1.3")


@pytest.fixture(scope="session")
def shared_index() -> Iterator[PackageIndex]:
    with PackageIndex() as index:
        index.add_cuda_torch()
        for name, version in (("colorama", "0.4.6"), ("einops", "0.8.1"), ("einops", "0.7.0"), ("plain-one", "1.0")):
            index.add(name, version)
        index.add("okdep", "2.0", ["colorama"])
        index.add("needs-old-numpy", "1.0", ["numpy<2"])
        index.add("from-source", "1.0", kind="sdist")
        index.add("hard-to-build", "1.0", kind="needs_compiler")
        index.add("wants-hard", "1.0", ["colorama", "hard-to-build"])
        for name in (
            "opencv-python",
            "opencv-python-headless",
            "opencv-contrib-python",
            "opencv-contrib-python-headless",
        ):
            index.add(name, "4.10.0", modules=["cv2"])
        yield index


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    """For tests that count its requests or break it."""
    with PackageIndex() as index:
        index.add_cuda_torch()
        index.add("colorama", "0.4.6")
        yield index


@pytest.fixture(scope="session")
def git_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHost]:
    with FakeGitHost(tmp_path_factory.mktemp("git") / "host") as host:
        host.add("Plain", {"__init__.py": GOOD})
        host.add("Pack", {"__init__.py": GOOD})
        host.add("Subpack", {"__init__.py": GOOD})
        for name, requirements in REQUIREMENTS.items():
            host.add(name, {"__init__.py": GOOD, "requirements.txt": requirements})
        yield host


REQUIREMENTS = {
    "Colour": "colorama\ntorch\n",
    "Deeper": "okdep>=1  # with a comment\n",
    "Einops": "einops\n",
    "OldNumpy": "colorama\nnumpy<2\n",
    "OldInside": "needs-old-numpy\n",
    "Nowhere": "colorama\nno-such-package>=1\n",
    "Hard": "wants-hard\n",
    "Source": "from-source\n",
}


@pytest.fixture
def bare(tmp_path: Path, shared_index: PackageIndex) -> StepWorld:
    """ComfyUI, but no Python environment yet."""
    world = StepWorld(tmp_path / "instance", shared_index)
    world.add_comfyui()
    return world


@pytest.fixture
def world(bare: StepWorld) -> StepWorld:
    """As a Vast image has it: ComfyUI, its environment, uv. Without packages."""
    bare.add_python()
    return bare


@pytest.fixture
def gpu(bare: StepWorld) -> StepWorld:
    """The same with torch for CUDA and numpy 2."""
    bare.add_python(TORCH)
    return bare


def row(host: FakeGitHost, name: str, *, subfolder: str = "", requirements: str = "", ref: str = "") -> str:
    """A row of a node list."""
    return f"{name},{host.url(name)},{subfolder},{requirements},{ref}\n"


def rows(host: FakeGitHost, *names: str) -> str:
    """Rows with their requirement files, as far as the host has one."""
    return "".join(row(host, name, requirements="requirements.txt" if name in REQUIREMENTS else "") for name in names)
