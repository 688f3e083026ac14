"""Custom nodes: cloned in parallel, their packages installed once under guard, each proven by an import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ..nodes import params
from ..step import Param, Step

if TYPE_CHECKING:
    from ..context import Context


AUTO_INSTALLER = "https://github.com/unearth4334/ComfyUI-Auto_installer"


def first_row(params: Mapping[str, Any]) -> Dict[str, str]:
    """What is done first depends on where the list comes from."""
    label = "Clone Auto-installer" if params.get("source") == "repository" else "Read node list"
    return {"id": "source", "label": label, "kind": "setup"}


STEP = Step(
    name="install_custom_nodes",
    title="Install custom nodes",
    description="Clones the nodes of a list, installs their packages together without moving torch, numpy and their"
    " kin, and lets ComfyUI import each one.",
    limit_s=1800.0,
    params=(
        Param(
            "nodes", "node_list", "Nodes", default="default", help="default, a CSV file, or git+URL of a repository."
        ),
        Param(
            "source",
            "choice",
            "Source",
            default="list",
            choices=("list", "repository"),
            help="list: the nodes above. repository: scripts/custom_nodes.csv of the repository below.",
        ),
        Param("repository", "text", "Repository", default=AUTO_INSTALLER, help="Read with source: repository."),
        Param("parallel", "int", "Clones at once", default=4, minimum=1, maximum=4),
        Param(
            "on_node_failure",
            "choice",
            "When a node fails",
            default="continue",
            choices=("continue", "fail"),
            help="continue: the step succeeds and says which failed. fail: the step fails in the end.",
        ),
        Param("only", "list", "Only these nodes", default=[], help="Names of the list; empty: all."),
        params.PATH,
        params.PYTHON,
        Param(
            "tries",
            "int",
            "Tries",
            default=3,
            minimum=1,
            maximum=10,
            help="For what may pass: network, index, git host.",
        ),
        Param("retry_wait", "duration", "Wait before a new try", default=2.0, help="Doubles with each further try."),
        Param(
            "stall",
            "duration",
            "Patience",
            default=120.0,
            help="A clone is given up after that long without a sign of life.",
        ),
        params.INDEX,
    ),
    undo="remove the folders from custom_nodes; the packages before are kept in ~/.vastdesk/freezes",
    example={"nodes": "Name,RepoUrl,Subfolder,RequirementsFile\n"},
    first_row=first_row,
)


def run(ctx: Context) -> str:
    from ..nodes import installation

    return installation.run_step(ctx, first_row(ctx.params))
