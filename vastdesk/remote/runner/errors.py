"""The failures a step can name, each with its sentence and the next action, in one place.

`docs/troubleshooting.md` has an entry for every kind; a test compares the two.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple


class Kind(NamedTuple):
    """A kind of failure. `sentence` and `action` are `str.format` templates over the facts given."""

    sentence: str
    action: str


KINDS: Dict[str, Kind] = {
    "disk_full": Kind(
        "the disk of the instance is full ({path})", "Free some space or rent a larger disk, then resume the run."
    ),
    "internal": Kind("the step broke off: {detail}", "Copy the details and report it; the run can be resumed."),
    "cancelled": Kind("the step was cancelled", "Run or resume it again when you like."),
    "unknown_step": Kind(
        "this runner has no step {step}", "Use the same version of VastDesk on both sides: start the run anew."
    ),
    "bad_params": Kind("{problem}", "Correct this parameter of the step and run it again."),
    "tool_missing": Kind(
        "{tool} cannot be run on the instance: {detail}",
        "Install it there (for git: apt-get install git) and resume the run.",
    ),
    "no_folder": Kind(
        "there is no folder {path} on the instance", "Correct the path, or create the folder, and run it again."
    ),
    "not_permitted": Kind(
        "{path} cannot be written: {detail}",
        "Log in as root, or give this user the right to write there, and run it again.",
    ),
    "no_comfyui": Kind(
        "there is no ComfyUI in {path}", "Set the path of ComfyUI for this instance, or install ComfyUI first."
    ),
    "comfyui_not_found": Kind(
        "no ComfyUI was found on the instance", "Set the path of ComfyUI for this instance, or install ComfyUI first."
    ),
    "python_not_found": Kind(
        "the Python environment of ComfyUI was not found",
        "Set the path of its python for this instance, like /venv/main/bin/python.",
    ),
    "python_broken": Kind(
        "the Python environment {path} does not work: {detail}",
        "Repair or recreate this environment, or set another python for this instance.",
    ),
    "no_installer": Kind(
        "neither uv nor a pip of 22.2 or newer works with {path}: {detail}",
        "Install pip into this environment (python -m ensurepip), or uv on the instance, and resume the run.",
    ),
    "bad_node_list": Kind(
        "the node list cannot be read: {detail}",
        "It is a CSV file with the header Name,RepoUrl,Subfolder,RequirementsFile; correct it and run it again.",
    ),
    "source_failed": Kind(
        "{repository} could not be cloned: {detail}", "Check the address, or use the built-in node list (source: list)."
    ),
    "nodes_failed": Kind("{note}", "Open the failed nodes for their reasons; Retry failed runs only those."),
    "nodes_not_loading": Kind(
        "{note}",
        "Open the list for the reason of each; with fix: auto their own requirement files are installed again.",
    ),
    "cannot_verify": Kind(
        "the nodes could not be verified: {detail}", "Look at the output of this step, repair ComfyUI and run it again."
    ),
    "install_failed": Kind(
        "{what} could not be installed: {detail}", "Look at the output of this step; the environment is as before."
    ),
    "protected_moved": Kind(
        "a protected package was moved and could not be put back: {detail}",
        "Restore the environment from {freeze} before ComfyUI is started again.",
    ),
    "ui_home_missing": Kind("UI_HOME is not set in /etc/environment{suggestion}", "Run the step Set UI_HOME first."),
    "not_written": Kind(
        "{path} does not hold what was written: {detail}", "Look at the file on the instance and run it again."
    ),
    "bad_yaml": Kind(
        "{path} is not valid YAML: {detail}",
        "Correct the file on the instance (or move it away) and run it again; it was left as it was.",
    ),
    "civitai_refused": Kind(
        "CivitAI refuses the token ({detail})",
        "Create a new API key on civitai.com under Account settings and store it in VastDesk.",
    ),
    "civitai_unreachable": Kind(
        "the token could not be checked: CivitAI cannot be reached ({detail})",
        "Try again later; nothing is wrong on the instance.",
    ),
    "command_failed": Kind(
        "the script ended with {how}{last}", "Look at the output of this step, correct the script and run it again."
    ),
}


class StepError(Exception):
    """A failure with a kind from the table. `str()` is the sentence, `action` the next thing to do."""

    def __init__(self, kind: str, **facts: Any) -> None:
        self.kind = kind
        self.facts = facts
        entry = KINDS[kind]
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        super().__init__(self.sentence)
