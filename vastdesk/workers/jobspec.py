"""The job spec that is sent to an instance (docs/protocol.md §4)."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Sequence
from typing import Any

import vastdesk
from vastdesk.domain.instances import Instance
from vastdesk.domain.workflow import StepUse, Workflow
from vastdesk.remote.runner.steps import load


def job_spec(job: str, run: str, steps: Sequence[StepUse], workflow: Workflow, instance: Instance) -> dict[str, Any]:
    """A JSON object without secrets; `secrets` of a step are names only."""
    return {
        "v": 1,
        "job": job,
        "run": run,
        "app": {"host": platform.node(), "user": _user(), "version": vastdesk.__version__},
        "step_delay_s": workflow.step_delay_s,
        "profile": {"comfyui": instance.profile.get("comfyui"), "python": instance.profile.get("python")},
        "steps": [
            {
                "id": use.id,
                "use": use.use,
                "title": use.title,
                "with": dict(use.params),
                "limit_s": use.limit_s,
                "on_failure": use.on_failure,
                "secrets": list(load(use.use).secrets),
            }
            for use in steps
        ],
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no passwd entry, as in some containers
        return "unknown"
