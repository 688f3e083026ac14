"""What the store hands out and takes in, as frozen rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Place = Literal["waiting", "active", "ended"]
"""Where a run stands towards its instance: `active` runs hold it (one at most), `waiting` ones come after it in the
order of their making (`--queue`), `ended` ones are final."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be made."""

    id: str
    instance_id: str
    workflow: Mapping[str, Any]
    """The resolved workflow, as JSON."""
    retry_of: str | None = None
    queue: bool = False
    """Wait behind the instance's current run instead of being refused."""
    request: Mapping[str, Any] | None = None
    """What was asked for, as JSON: the same id asked for again in the same words is the same run. None: the
    workflow."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored. `state` follows the `run_state` events; times are UTC seconds."""

    id: str
    instance_id: str
    workflow: Mapping[str, Any]
    state: str
    created_ts: float
    retry_of: str | None
    owner: str | None
    """Id of the process that drives it, dead or alive: `Store.is_driven` knows which."""
    place: Place
    ended_ts: float | None
    last_rseq: int
    """Number of the newest stored event, 0 when there is none."""


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run as the history lists it. Times are UTC seconds; `workflow` is its name."""

    id: str
    instance_id: str
    workflow: str
    state: str
    created_ts: float
    ended_ts: float | None
    retry_of: str | None
    last_rseq: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job of a run. `spec` is None for a job whose events came before (or without) its spec."""

    run_id: str
    id: str
    spec: Mapping[str, Any] | None
    created_ts: float
    last_seq: int


@dataclass(frozen=True, slots=True)
class Command:
    """Something the user asked of a run."""

    kind: str
    """`cancel`, `resume`, …"""
    reason: str
    ts: float
