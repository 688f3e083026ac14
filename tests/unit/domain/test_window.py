"""The rules of the window: four rows of hundreds of nodes, and nobody is lost."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.events import FINISHED_TASK_STATES, OK_TASK_STATES, TASK_STATES
from vastdesk.domain.tasklist import Window, window


@dataclass(frozen=True)
class Node:
    id: str
    state: str
    started_seq: int | None = None
    finished_seq: int | None = None

    @property
    def label(self) -> str:
        return self.id


def ids(seen: Window[Node]) -> list[str]:
    return [task.id for task in seen.rows]


@pytest.mark.parametrize("total", [0, 1, 2, 3, 4])
def test_up_to_four_nodes_are_all_rows_in_plan_order(total: int) -> None:
    nodes = [Node(f"n{i}", "pending") for i in range(total)]
    assert window(nodes) == Window(None, tuple(nodes), None)


def test_of_few_nodes_the_plan_decides_the_order_not_the_start() -> None:
    nodes = [Node("a", "running", 9), Node("b", "succeeded", 1, 2), Node("c", "pending")]
    assert ids(window(nodes)) == ["a", "b", "c"]


def test_before_any_node_starts_there_is_no_node_row() -> None:
    seen = window([Node(str(i), "pending") for i in range(1000)])
    assert seen.rows == ()
    assert seen.above is None
    assert seen.below is not None
    assert (seen.below.label, seen.below.state) == ("1000 others (0/1000)", "pending")


def test_nodes_that_were_there_already_take_their_place_when_they_finish() -> None:
    nodes = [Node(f"n{i}", "skipped", None, 10 + i) for i in range(5)] + [Node("x", "running", 12)]
    seen = window(nodes)
    assert ids(seen) == ["n2", "x", "n3", "n4"]  # ties in plan order: n2 finished where x started
    assert seen.above is not None
    assert (seen.above.label, seen.above.state) == ("2 others (2/2)", "succeeded")
    assert seen.below is None


def test_should_more_than_four_run_the_last_to_start_are_rows_and_the_others_count_below() -> None:
    nodes = [Node(f"n{i}", "running", 10 - i) for i in range(6)]
    seen = window(nodes)
    assert ids(seen) == ["n3", "n2", "n1", "n0"]
    assert seen.below is not None
    assert seen.below.label == "2 others (0/2)"


@pytest.mark.parametrize("state", ["failed", "cancelled", "interrupted", "lost"])
def test_whatever_did_not_end_well_makes_the_placeholder_above_failed(state: str) -> None:
    nodes = [Node("bad", state, 1, 2)] + [Node(f"n{i}", "succeeded", 3 + 2 * i, 4 + 2 * i) for i in range(5)]
    above = window(nodes).above
    assert above is not None
    assert (above.label, above.state) == ("2 others (1/2)", "failed")


def test_tasks_may_be_mappings() -> None:
    nodes: list[dict[str, object]] = [
        {"id": str(i), "label": str(i), "state": "pending", "started_seq": None, "finished_seq": None} for i in range(6)
    ]
    nodes[4] = {**nodes[4], "state": "running", "started_seq": 3}
    seen = window(nodes)
    assert seen.rows == (nodes[4],)
    assert seen.below is not None
    assert seen.below.label == "5 others (0/5)"


@st.composite
def node_lists(draw: st.DrawFn) -> list[Node]:
    """Nodes in any mixture of states, with numbers as the reducer gives them, or missing, or equal."""
    total = draw(st.sampled_from([0, 1, 3, 4, 5, 6, 9, 34, 100, 1000]))
    state = st.sampled_from(sorted(TASK_STATES))
    number = st.none() | st.integers(1, 50)
    few = draw(st.lists(st.builds(Node, st.just("x"), state, number, number), min_size=1, max_size=12))
    return [
        Node(f"n{i}", few[i % len(few)].state, few[i % len(few)].started_seq, few[i % len(few)].finished_seq)
        for i in range(total)
    ]


@given(node_lists())
def test_nobody_is_lost(nodes: list[Node]) -> None:
    seen = window(nodes)
    above = seen.above.count if seen.above else 0
    below = seen.below.count if seen.below else 0
    assert above + len(seen.rows) + below == len(nodes)
    assert len(set(ids(seen))) == len(seen.rows) <= 4


@given(node_lists())
def test_every_running_node_is_a_row(nodes: list[Node]) -> None:
    running = {node.id for node in nodes if node.state == "running"}
    shown_ids = set(ids(window(nodes)))
    assert running <= shown_ids if len(running) <= 4 else shown_ids <= running


@given(node_lists())
def test_the_placeholders_say_what_they_hide(nodes: list[Node]) -> None:
    seen = window(nodes)
    hidden = [node for node in nodes if node not in seen.rows]
    finished = [node for node in hidden if node.state in FINISHED_TASK_STATES]
    ok = sum(node.state in OK_TASK_STATES for node in finished)
    if seen.above is None:
        assert not finished
    else:
        assert seen.above.label == f"{len(finished)} others ({ok}/{len(finished)})"
        assert seen.above.state == ("succeeded" if ok == len(finished) else "failed")
    if seen.below is not None:
        assert seen.below.label == f"{seen.below.count} others (0/{seen.below.count})"
        assert seen.below.state == "pending"


@given(node_lists())
def test_rows_stand_in_the_order_of_their_start(nodes: list[Node]) -> None:
    seen = window(nodes)
    if len(nodes) <= 4:
        assert list(seen.rows) == nodes
        return
    keys = [((row.started_seq or row.finished_seq or -1), nodes.index(row)) for row in seen.rows]
    assert keys == sorted(keys)


@given(node_lists())
def test_no_hidden_node_finished_later_than_a_row(nodes: list[Node]) -> None:
    seen = window(nodes)
    rows_finished = [node.finished_seq or -1 for node in seen.rows if node.state in FINISHED_TASK_STATES]
    hidden = [node.finished_seq or -1 for node in nodes if node not in seen.rows and node.state in FINISHED_TASK_STATES]
    if rows_finished and hidden and len(nodes) > 4:
        assert max(hidden) <= min(rows_finished)
