"""What this VastDesk is made of: versions and licences, for the About page and for reports."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSysInfo, qVersion
from PySide6.QtGui import QGuiApplication

from vastdesk import __version__

PACKAGES = (
    "asyncssh",
    "cryptography",
    "desktop-notifier",
    "filelock",
    "keyring",
    "platformdirs",
    "PySide6-Essentials",
    "PyYAML",
    "qasync",
    "rich",
)
"""What pyproject.toml names."""


@dataclass(frozen=True)
class Component:
    """A part by others."""

    name: str
    version: str
    licence: str


def components() -> list[Component]:
    """Those that are installed, by name."""
    found = []
    for name in PACKAGES:
        try:
            about = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(Component(name, about["Version"], _licence(about)))
    return found


def details(data_dir: Path) -> str:
    """A few lines for a report. No secret is in them; the folder may hold a person's name, and they can see that."""
    parts = ", ".join(f"{part.name} {part.version}" for part in components())
    return "\n".join(
        (
            f"VastDesk {__version__}",
            f"Python {platform.python_version()}, Qt {qVersion()} ({QGuiApplication.platformName()})",
            f"{QSysInfo.prettyProductName()}, {platform.machine()}",
            parts,
            f"Data folder: {data_dir}",
        )
    )


def _licence(about: object) -> str:
    """The short expression where there is one; old packages write whole texts, or only a classifier."""
    get = about.get  # type: ignore[attr-defined]
    expression = get("License-Expression") or get("License") or ""
    if expression and len(expression) < 60 and "\n" not in expression:
        return str(expression)
    classifiers = about.get_all("Classifier") or []  # type: ignore[attr-defined]
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    return ", ".join(named) or "see its own files"
