"""The exit code of a run, from what its events say."""

from __future__ import annotations

from vastdesk.domain.errors import KINDS
from vastdesk.domain.views import RunView

_BY_STATE = {"succeeded": 0, "cancelled": 130, "lost": 5, "interrupted": 5, "blocked": 3}
_NEUTRAL = {0, 1, 2, 6, 7}


def exit_code(view: RunView) -> int:
    """0 succeeded · 1 failed · 3 blocked · 4 cannot connect or log in · 5 lost or interrupted · 130 cancelled."""
    if view.state in _BY_STATE:
        return _BY_STATE[view.state]
    kind = KINDS.get(view.kind or "")
    if view.state == "failed" and kind is not None and kind.exit_code not in _NEUTRAL:
        return kind.exit_code
    return 1
