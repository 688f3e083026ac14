"""The environment of everything that runs on the practice instance: clean, but able to reach the package index."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from .layout import MARK, Layout, user_name

STANDARD_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

# By name, not by prefix: PIP_TARGET would install somewhere else, UV_PUBLISH_TOKEN is a secret of its own.
_PIP = (
    "INDEX_URL EXTRA_INDEX_URL FIND_LINKS NO_INDEX TRUSTED_HOST CERT CLIENT_CERT PROXY CONFIG_FILE CONSTRAINT TIMEOUT "
    "DEFAULT_TIMEOUT RETRIES ONLY_BINARY NO_BINARY PREFER_BINARY NO_CACHE_DIR DISABLE_PIP_VERSION_CHECK"
)
_UV = (
    "INDEX INDEX_URL DEFAULT_INDEX EXTRA_INDEX_URL FIND_LINKS NO_INDEX INDEX_STRATEGY INSECURE_HOST NATIVE_TLS "
    "SYSTEM_CERTS CONFIG_FILE NO_CONFIG CONSTRAINT HTTP_TIMEOUT HTTP_RETRIES OFFLINE NO_CACHE"
)
_INDEX_NAMES = frozenset(
    ["SSL_CERT_FILE", *(f"PIP_{name}" for name in _PIP.split()), *(f"UV_{name}" for name in _UV.split())]
)
_PROXY_NAMES = frozenset(["http_proxy", "https_proxy", "all_proxy", "ftp_proxy"])
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def index_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip and uv need of the caller's environment to find their index: mirrors, certificates, proxies."""
    found = {
        name: value for name, value in environ.items() if name in _INDEX_NAMES or name.lower() in _PROXY_NAMES if value
    }
    # Our own git host and SSH server are on loopback, which a proxy cannot reach.
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in listed.split(",") if host.strip()]
    joined = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
    found.update(no_proxy=joined, NO_PROXY=joined)
    if "PIP_CONFIG_FILE" not in found and (config := _pip_config(environ)):
        found["PIP_CONFIG_FILE"] = config
    return found


def _pip_config(environ: Mapping[str, str]) -> str | None:
    """The user's own pip configuration, which pip would look for in the home that is another one here."""
    home = environ.get("HOME")
    if not home:
        return None
    places = [".config/pip/pip.conf", ".pip/pip.conf", "Library/Application Support/pip/pip.conf"]
    config_home = environ.get("XDG_CONFIG_HOME")
    candidates = [Path(config_home, "pip/pip.conf")] if config_home else []
    candidates += [Path(home, place) for place in places]
    return next((str(path) for path in candidates if path.is_file()), None)


def session_environment(layout: Layout, practice_id: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a command on the practice instance."""
    user = user_name()
    return {
        **index_variables(environ),
        "PATH": ":".join([str(layout.bin), *STANDARD_PATH]),
        "HOME": str(layout.home),
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/sh",
        "LANG": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "TMPDIR": str(layout.tmp),
        "VASTDESK_SYSROOT": str(layout.root),
        "VASTDESK_HOME": str(layout.runner_home),
        "VASTDESK_BOOT_ID": str(layout.boot_id),
        MARK: practice_id,
    }


def _holds_credentials(value: str) -> bool:
    return re.search(r"://[^/\s]*@", value) is not None


def image_file(text: str, layout: Layout, environ: Mapping[str, str]) -> str:
    """The text of `/etc/environment`: as it is (`text`), with our variables set to what they are now.

    Steps take the environment of their tools from there, as on a rented machine. A mirror's address that holds a
    password is left out: secrets are not written into files.
    """
    ours = {
        "PATH": ":".join([str(layout.bin), *STANDARD_PATH]),
        "WORKSPACE": "/workspace",
        "DATA_DIRECTORY": "/workspace/",
        **{name: value for name, value in index_variables(environ).items() if not _holds_credentials(value)},
    }
    managed = {*ours, *_INDEX_NAMES}
    kept = [line for line in text.splitlines() if _name_of(line) not in managed]
    lines = [f'{name}="{value}"' for name, value in sorted(ours.items()) if not set('"\\\n$`') & set(value)]
    return "\n".join([*lines, *kept]) + "\n"


def _name_of(line: str) -> str:
    return line.strip().removeprefix("export ").partition("=")[0].strip()
