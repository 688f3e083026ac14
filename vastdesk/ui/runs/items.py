"""The runs of the history as the list shows them: kept, filtered and sorted in plain Python, because ten thousand of
them through a proxy model would stop the window for a second. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from vastdesk.domain.counts import RunCounts
from vastdesk.domain.events import ACTIVE_RUN_STATES
from vastdesk.domain.sentences import display_text

if TYPE_CHECKING:
    from vastdesk.workers.observer import RunHead


class Column(IntEnum):
    """In their order on the screen."""

    STATE = 0
    WORKFLOW = 1
    INSTANCE = 2
    STARTED = 3
    TOOK = 4
    DONE = 5
    SUCCESS = 6


SORTABLE = frozenset({Column.STATE, Column.WORKFLOW, Column.INSTANCE, Column.STARTED, Column.TOOK})
"""The rest is read only for the rows one sees."""

GROUPS: Mapping[str, frozenset[str]] = {
    "all": frozenset(),
    "on": ACTIVE_RUN_STATES | {"queued"},
    "blocked": frozenset({"blocked"}),
    "succeeded": frozenset({"succeeded"}),
    "failed": frozenset({"failed", "lost", "interrupted"}),
    "cancelled": frozenset({"cancelled"}),
}
"""What the list can be narrowed to, by states."""


@dataclass(frozen=True, slots=True)
class Item:
    """A run in the list. `workflow` and `instance` are harmless to show; `words` is what is searched."""

    head: RunHead
    state: str
    workflow: str
    instance: str
    words: str

    @property
    def id(self) -> str:
        return self.head.id

    @property
    def is_over(self) -> bool:
        return self.head.ended_ts is not None

    def took_s(self, now_ts: float) -> float:
        """Up to now while it is on."""
        end = now_ts if self.head.ended_ts is None else self.head.ended_ts
        return max(0.0, end - self.head.created_ts)


@dataclass(frozen=True, slots=True)
class Filter:
    """`text`: all its words must be in a run's; `group` one of GROUPS; `instance` an id, "" for all."""

    text: str = ""
    group: str = "all"
    instance: str = ""

    @property
    def is_open(self) -> bool:
        """Lets everything through."""
        return self == Filter()

    def passes(self) -> Callable[[Item], bool]:
        states, wanted, instance = GROUPS[self.group], self.text.casefold().split(), self.instance

        def check(item: Item) -> bool:
            return (
                (not states or item.state in states)
                and (not instance or item.head.instance_id == instance)
                and all(word in item.words for word in wanted)
            )

        return check


class Items:
    """All runs, and those that are shown in their order. Every change is a handful of milliseconds for 10,000."""

    def __init__(self) -> None:
        self._all: dict[str, Item] = {}
        self.counts: dict[tuple[str, float | None], RunCounts] = {}
        self.shown: list[Item] = []
        self.hidden: set[str] = set()
        """Cleared, and not yet forgotten."""
        self.filter = Filter()
        self.column = Column.STARTED
        self.descending = True

    @property
    def total(self) -> int:
        return sum(id not in self.hidden for id in self._all) if self.hidden else len(self._all)

    def take(self, heads: Sequence[RunHead], names: Mapping[str, str], states: Mapping[str, str], removed: str) -> None:
        """A new history. `names` by instance id, `removed` for those that are gone; `states` newer than the heads'."""
        old = self._all
        self._all = {}
        shown_names = {id: display_text(name) for id, name in names.items()}
        for head in heads:
            instance = shown_names.get(head.instance_id, removed)
            state = states.get(head.id, head.state)
            known = old.get(head.id)
            if known is None or known.head != head or known.state != state or known.instance != instance:
                known = _item(head, state, instance)
            self._all[head.id] = known
        self.hidden &= self._all.keys()
        self.arrange()

    def set_states(self, states: Mapping[str, str]) -> bool:
        """What open runs have become since. Whether other rows are shown than before."""
        changed = {id: state for id, state in states.items() if id in self._all and self._all[id].state != state}
        for id, state in changed.items():
            self._all[id] = replace(self._all[id], state=state)
        if not changed:
            return False
        if self.filter.group != "all" or self.column == Column.STATE:
            self.arrange()
            return True
        self.shown = [self._all[item.id] if item.id in changed else item for item in self.shown]
        return False

    def arrange(self) -> None:
        """Filters and sorts."""
        passes = self.filter.passes()
        hidden = self.hidden
        chosen = [item for item in self._all.values() if item.id not in hidden and passes(item)]
        if (self.column, self.descending) != (Column.STARTED, True):  # the history comes in that order
            chosen.sort(key=_KEYS[self.column], reverse=self.descending)
        self.shown = chosen

    def counts_of(self, item: Item) -> RunCounts | None:
        """None when nobody has read them yet."""
        return self.counts.get((item.id, item.head.ended_ts))

    def finished(self) -> list[str]:
        """The ids of the runs on the list that are over."""
        return [item.id for item in self.shown if item.is_over]


def _item(head: RunHead, state: str, instance: str) -> Item:
    workflow = display_text(head.workflow or "")
    return Item(head, state, workflow, instance, f"{workflow}\n{instance}\n{head.id}\n{state}".casefold())


_KEYS: Mapping[Column, Callable[[Item], Any]] = {
    Column.STATE: lambda item: (item.state, -item.head.created_ts),
    Column.WORKFLOW: lambda item: (item.workflow.casefold(), -item.head.created_ts),
    Column.INSTANCE: lambda item: (item.instance.casefold(), -item.head.created_ts),
    Column.STARTED: lambda item: item.head.created_ts,
    # Runs that are on count as longest: nobody knows their end.
    Column.TOOK: lambda item: (item.head.ended_ts or 9e12) - item.head.created_ts,
}
