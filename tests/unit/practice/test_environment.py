"""What of the caller's environment reaches the practice instance: the way to the package index, and nothing else."""

from __future__ import annotations

from pathlib import Path

from vastdesk.remote.practice.environment import image_file, index_variables, session_environment
from vastdesk.remote.practice.layout import Layout

LAYOUT = Layout(Path("/data/practice"))
CALLER = {
    "PATH": "/evil/bin",
    "HOME": "/home/somebody",
    "AWS_SECRET_ACCESS_KEY": "canary-1",
    "UV_PUBLISH_TOKEN": "canary-2",
    "PIP_TARGET": "/somewhere/else",
    "PIP_INDEX_URL": "https://mirror.example/simple",
    "UV_DEFAULT_INDEX": "https://mirror.example/simple",
    "SSL_CERT_FILE": "/etc/ssl/company.pem",
    "https_proxy": "http://proxy.example:3128",
    "NO_PROXY": "intranet.example",
    "PYTHONPATH": "/evil/lib",
    "VIRTUAL_ENV": "/evil/venv",
    "SSH_AUTH_SOCK": "/evil/agent",
}


def test_only_the_way_to_the_index_is_passed_on() -> None:
    assert index_variables(CALLER) == {
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
        "https_proxy": "http://proxy.example:3128",
        "NO_PROXY": "intranet.example,127.0.0.1,localhost,::1",
        "no_proxy": "intranet.example,127.0.0.1,localhost,::1",
    }


def test_a_session_has_its_own_places_and_no_secret() -> None:
    got = session_environment(LAYOUT, "id1", CALLER)
    assert got["HOME"] == "/data/practice/home"
    assert got["PATH"].split(":")[0] == "/data/practice/root/usr/local/bin" and "/evil" not in str(got)
    assert got["VASTDESK_SYSROOT"] == "/data/practice/root" and got["VASTDESK_PRACTICE"] == "id1"
    assert "canary" not in str(got) and "PIP_TARGET" not in got


def test_the_users_own_pip_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text("[global]\n")
    config = str(tmp_path / ".config/pip/pip.conf")
    assert index_variables({"HOME": str(tmp_path)})["PIP_CONFIG_FILE"] == config
    assert index_variables({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"})["PIP_CONFIG_FILE"] == "/dev/null"


def test_etc_environment_keeps_what_steps_wrote_and_follows_the_caller() -> None:
    first = image_file("", LAYOUT, CALLER)
    written = first + 'UI_HOME="/workspace/ComfyUI"\n'
    assert 'PIP_INDEX_URL="https://mirror.example/simple"\n' in first and 'WORKSPACE="/workspace"\n' in first
    assert image_file(written, LAYOUT, CALLER) == written, "nothing changes, so nothing is written"
    later = image_file(written, LAYOUT, {})
    assert "mirror.example" not in later and 'UI_HOME="/workspace/ComfyUI"\n' in later


def test_an_address_with_a_password_is_not_written_into_a_file() -> None:
    caller = {"PIP_INDEX_URL": "https://me:canary@mirror.example/simple", "UV_INDEX": "a=https://t:canary@b.example/"}
    assert "canary" not in image_file("", LAYOUT, caller)
    assert session_environment(LAYOUT, "id1", caller)["PIP_INDEX_URL"] == caller["PIP_INDEX_URL"]
