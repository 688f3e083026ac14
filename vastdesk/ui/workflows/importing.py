"""What is said of an imported file: what it became, and what was left out."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from vastdesk.domain.sentences import display_text
from vastdesk.ui.workflows.library import Imported


def import_words(imported: Imported) -> str:
    """A few sentences for the page."""
    return " ".join(_workflow_words(imported) if imported.config is None else _config_words(imported))


def _workflow_words(imported: Imported) -> list[str]:
    told = [_tr("Imported as “{name}”.").format(name=display_text(imported.name, 100))]
    if imported.left_out:
        labels = ", ".join(imported.left_out)
        told.append(_tr("Left out, because VastDesk has no such step: {labels}.").format(labels=labels))
    return told


def _config_words(imported: Imported) -> list[str]:
    config = imported.config
    assert config is not None
    told = [_tr("Read the configuration of the original tool.")]
    if config.step_delay_s is not None:
        told.append(_tr("Pause between steps: {seconds} s.").format(seconds=f"{config.step_delay_s:g}"))
    if config.comfyui is not None:
        told.append(_tr("ComfyUI folder: {folder}.").format(folder=display_text(config.comfyui)))
    if imported.left_out:
        told.append(_tr("Without meaning here: {keys}.").format(keys=", ".join(imported.left_out)))
    return told


def _tr(text: str) -> str:
    return QCoreApplication.translate("Importing", text)
