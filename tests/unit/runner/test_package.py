"""What is shipped: reproducible, Python 3.8 all through, standard library only, imports that hold in a zip."""

from __future__ import annotations

import ast
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from vastdesk.remote import package

SOURCES = package.runner_sources()


def test_the_same_sources_make_the_same_bytes() -> None:
    one = package.build(SOURCES)
    other = package.build(dict(reversed(SOURCES.items())))
    assert one == other and one.sha256 == hashlib.sha256(one.data).hexdigest()
    assert package.runner_package() is package.runner_package()
    assert package.build(SOURCES | {"cli.py": b"x"}).sha256 != one.sha256
    assert len(repr(one)) < 200


def test_it_holds_the_runner_below_one_name_and_no_trace_of_who_built_it() -> None:
    with zipfile.ZipFile(io.BytesIO(package.runner_package().data)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {name.partition("/")[0] for name in names} == {"__main__.py", "vastdesk_runner"}
        assert "vastdesk_runner/steps/__init__.py" in names
        assert not [name for name in names if "pycache" in name]
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.compress_type == zipfile.ZIP_STORED


def test_line_endings_of_a_checkout_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").touch()
    assert package._sources(tmp_path, "") == {"a.py": b"x = 1\n"}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_file_is_python_3_8_with_relative_imports(name: str) -> None:
    tree = ast.parse(SOURCES[name], name, feature_version=(3, 8))
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not [module for module in modules if module.partition(".")[0] not in {*sys.stdlib_module_names}], modules


def test_no_file_uses_what_python_3_8_has_not() -> None:
    vermin = Path(sys.executable).with_name("vermin")
    command = [str(vermin), "-t=3.8-", "--violations", "--no-tips", str(Path(package.__file__).with_name("runner"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_runs_from_one_file(tmp_path: Path) -> None:
    path = tmp_path / "vastdesk-runner.pyz"
    path.write_bytes(package.runner_package().data)
    command = [sys.executable, "-S", "-E", str(path), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env={})
    assert done.stdout == f"vastdesk-runner 1 ({package.runner_package().sha256[:12]})\n"
