"""What the runner says about a job (docs/protocol.md §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class JobStatus:
    """`state` is `running finished lost interrupted absent`; `exit` only of a finished job."""

    job: str
    state: str
    last_seq: int = 0
    exit: Mapping[str, Any] | None = None
    heartbeat_age_s: float | None = None
    boot_id: str | None = None
    tail: tuple[str, ...] = ()
    started_from: Mapping[str, str] | None = None
    """The computer and user that started it: `{"host", "user"}`."""

    @property
    def running(self) -> bool:
        return self.state == "running"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError for what is no status."""
        age = value.get("heartbeat_age_s")
        return cls(
            job=str(value["job"]),
            state=str(value["state"]),
            last_seq=int(value.get("last_seq") or 0),
            exit=value.get("exit"),
            heartbeat_age_s=None if age is None else float(age),
            boot_id=value.get("boot_id"),
            tail=tuple(str(line) for line in value.get("tail") or ()),
            started_from=value.get("from"),
        )
