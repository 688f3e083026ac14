"""What a start of a run asks for."""

from __future__ import annotations

from dataclasses import dataclass

from vastdesk.domain.instances import Instance
from vastdesk.domain.workflow import Workflow


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A validated wish to run `workflow` on `instance`.

    `run_id` given makes the start idempotent; `queue` puts it behind the instance's current run instead of being
    refused; `retry_of` is the id of the run whose failed parts it repeats.
    """

    workflow: Workflow
    instance: Instance
    run_id: str | None = None
    queue: bool = False
    retry_of: str | None = None
