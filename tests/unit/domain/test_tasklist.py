"""The live task list of a step, as the specification shows it. The rules of its window are in test_window.py."""

from __future__ import annotations

import pytest

from tests.unit.domain.eventlog import EventLog
from vastdesk.domain.tasklist import Row, all_node_rows, rows, window
from vastdesk.domain.views import StepView

# -- the examples of the specification -------------------------------------------------------------------------------


def shown(step: StepView) -> str:
    """The list below the setup rows as the specification writes it."""
    words: list[str] = []
    for row in rows(step):
        if row.kind == "others":
            words.append(row.label + (" failed" if row.state == "failed" else ""))
        elif row.depth:
            words[-1] += f" [{row.label} {row.state}]"
        else:
            state = "ok" if row.kind == "node" and row.state == "succeeded" else row.state
            words.append(f"{row.label} {row.text if row.kind == 'resolve' and row.text else state}")
    return " | ".join(words)


def nodes_log(total: int, with_requirements: tuple[int, ...] = ()) -> EventLog:
    log = EventLog()
    log.begin("nodes")
    log.runner("step_started", step="nodes")
    tasks = []
    for number in range(1, total + 1):
        tasks.append({"id": f"n{number}", "label": f"node{number}", "kind": "node"})
        if number in with_requirements:
            tasks.append({"id": f"n{number}/deps", "label": "Install dependencies", "parent": f"n{number}"})
    tasks.append({"id": "resolve", "label": "Resolve dependencies", "kind": "resolve"})
    tasks.append({"id": "verify", "label": "Verify Dependencies", "kind": "verify"})
    log.runner("plan", step="nodes", tasks=tasks)
    return log


def test_one_node_after_another_as_the_original_did() -> None:
    log = nodes_log(10)
    assert shown(log.step()) == "10 others (0/10)"

    log.task("n1", "running")
    assert shown(log.step()) == "node1 running | 9 others (0/9)"

    log.task("n1", "succeeded")
    log.task("n2", "running")
    log.runner("plan", step="nodes", tasks=[{"id": "n2/deps", "label": "Install dependencies", "parent": "n2"}])
    log.task("n2/deps", "running")
    assert shown(log.step()) == "node1 ok | node2 running [Install dependencies running] | 8 others (0/8)"

    log.task("n2/deps", "succeeded")
    log.task("n2", "succeeded")
    log.task("n3", "running")
    log.task("n3", "failed", note="clone failed")
    assert shown(log.step()) == "node1 ok | node2 ok | node3 failed | 7 others (0/7)"

    log.task("n4", "running")
    log.task("n4", "succeeded")
    log.task("n5", "running")
    assert shown(log.step()) == "1 others (1/1) | node2 ok | node3 failed | node4 ok | node5 running | 5 others (0/5)"

    log.task("n5", "succeeded")
    log.task("n6", "running")
    log.task("n6", "succeeded")
    log.task("n7", "running")
    log.task("n7/deps", "running", parent="n7", label="Install dependencies")
    assert shown(log.step()) == (
        "3 others (2/3) failed | node4 ok | node5 ok | node6 ok | node7 running [Install dependencies running]"
        " | 3 others (0/3)"
    )

    log.task("n7/deps", "succeeded")
    log.task("n7", "succeeded")
    for number in (8, 9, 10):
        log.task(f"n{number}", "running")
        log.task(f"n{number}", "succeeded")
    log.task("verify", "running")
    log.task("verify", "succeeded")
    assert shown(log.step()) == (
        "6 others (5/6) failed | node7 ok | node8 ok | node9 ok | node10 ok | Verify Dependencies succeeded"
    )


def test_four_at_once() -> None:
    log = nodes_log(9)
    for number in (1, 2, 3, 4):
        log.task(f"n{number}", "running")
    assert shown(log.step()) == "node1 running | node2 running | node3 running | node4 running | 5 others (0/5)"

    log.task("n2", "succeeded")
    log.task("n5", "running")
    assert shown(log.step()) == (
        "1 others (1/1) | node1 running | node3 running | node4 running | node5 running | 4 others (0/4)"
    )

    log.task("n4", "succeeded")
    log.task("n6", "running")
    assert shown(log.step()) == (
        "2 others (2/2) | node1 running | node3 running | node5 running | node6 running | 3 others (0/3)"
    )


def test_as_vastdesk_installs() -> None:
    log = nodes_log(6, with_requirements=(1, 3, 4, 6))
    for number in range(1, 7):
        log.task(f"n{number}", "running")
        log.task(f"n{number}", "succeeded" if number in (2, 5) else "waiting")
    log.task("resolve", "running")
    assert shown(log.step()) == "node2 ok | node5 ok | 4 others (0/4) | Resolve dependencies running"

    progress = {"done": 31, "total": 96, "unit": "packages"}
    log.task("resolve", "running", label="Install dependencies", progress=progress)
    for number in (1, 3, 4, 6):
        log.task(f"n{number}", "running")
        log.task(f"n{number}/deps", "running")
    deps = "[Install dependencies running]"
    assert shown(log.step()) == (
        f"2 others (2/2) | node1 running {deps} | node3 running {deps} | node4 running {deps} | node6 running {deps}"
        " | Install dependencies 31/96 packages"
    )


# -- the whole list ------------------------------------------------------------------------------------------------


def kinds(step: StepView) -> list[str]:
    return [row.kind for row in rows(step)]


def test_setup_rows_come_first_and_the_verification_last() -> None:
    log = EventLog()
    log.runner("step_started", step="nodes")
    log.plan("verify", kind="verify")
    log.plan(*(f"n{i}" for i in range(6)), kind="node")
    log.plan("clone", "venv", kind="setup")
    log.task("clone", "running")
    assert [row.id for row in rows(log.step())] == ["clone", "venv", "others-below"]

    for i in range(6):
        log.task(f"n{i}", "succeeded")
    assert kinds(log.step()) == ["setup", "setup", "others", "node", "node", "node", "node", "verify"]


def test_the_verification_appears_when_all_nodes_are_finished() -> None:
    log = nodes_log(5)
    for number in (1, 2, 3, 4):
        log.task(f"n{number}", "succeeded")
    log.task("verify", "running")
    assert "verify" not in kinds(log.step())
    log.task("n5", "failed")
    assert kinds(log.step())[-1] == "verify"


@pytest.mark.parametrize(
    ("state", "is_row"),
    [("pending", False), ("running", True), ("succeeded", False), ("failed", True), ("cancelled", True)],
)
def test_the_common_resolution_is_a_row_while_it_runs_and_when_it_went_wrong(state: str, is_row: bool) -> None:
    log = nodes_log(5)
    log.task("resolve", state)
    assert ("resolve" in kinds(log.step())) is is_row


def problems_log(count: int, state: str = "failed") -> EventLog:
    log = nodes_log(2)
    log.task("n1", "succeeded")
    log.task("n2", "succeeded")
    log.task("verify", "running")
    for number in range(count):
        log.task(f"p{number}", state, parent="verify", label=f"problem {number}")
    return log


def test_five_problems_have_rows_of_their_own() -> None:
    assert [row.label for row in rows(problems_log(5).step()) if row.depth] == [f"problem {n}" for n in range(5)]


def test_more_than_five_problems_are_counted() -> None:
    found = [row for row in rows(problems_log(8).step()) if row.depth]
    assert [row.label for row in found] == ["problem 0", "problem 1", "problem 2", "problem 3", "problem 4", "3 more"]
    assert found[-1].state == "failed"


def test_a_failed_sub_task_stays_visible_when_its_node_has_finished() -> None:
    log = nodes_log(6, with_requirements=(1, 2))
    for number, outcome in ((1, "failed"), (2, "succeeded")):
        log.task(f"n{number}", "running")
        log.task(f"n{number}/deps", outcome)
        log.task(f"n{number}", outcome)
    assert shown(log.step()) == ("node1 failed [Install dependencies failed] | node2 ok | 4 others (0/4)")


def test_a_node_that_runs_shows_what_it_still_has_to_do() -> None:
    log = nodes_log(6, with_requirements=(1,))
    log.task("n1", "running")
    assert "[Install dependencies pending]" in shown(log.step())


def test_the_unfolded_list_has_every_node() -> None:
    log = nodes_log(34, with_requirements=(1,))
    log.task("n1", "failed")
    unfolded = all_node_rows(log.step())
    assert [row.task.id for row in unfolded if row.task is not None and not row.depth] == [
        f"n{n}" for n in range(1, 35)
    ]
    assert unfolded[0].state == "failed"


def test_a_step_without_nodes_lists_its_tasks_and_their_sub_tasks() -> None:
    log = EventLog()
    log.runner("step_started", step="s")
    log.runner("plan", step="s", tasks=[{"id": "a"}, {"id": "b"}, {"id": "a1", "parent": "a"}])
    assert [(row.id, row.depth, row.kind) for row in rows(log.step("s"))] == [
        ("a", 0, "task"),
        ("a1", 1, "sub"),
        ("b", 0, "task"),
    ]


def test_a_plain_task_stands_where_the_plan_has_it_around_the_nodes() -> None:
    log = EventLog()
    log.runner("step_started", step="nodes")
    log.plan("before")
    log.plan("n1", "n2", kind="node")
    log.plan("after")
    assert [row.id for row in rows(log.step())] == ["before", "n1", "n2", "after"]


def test_rows_keep_their_id_while_they_stand_for_the_same_thing() -> None:
    log = nodes_log(9)
    log.task("n1", "running")
    before = {row.id for row in rows(log.step())}
    log.task("n1", "running", progress={"done": 5, "total": 10, "unit": "%"})
    assert {row.id for row in rows(log.step())} == before == {"n1", "others-below"}


def test_hostile_names_are_one_harmless_line() -> None:
    log = EventLog()
    log.runner("step_started", step="s")
    log.task("t", "failed", step="s", label="a\x1b[31mb\nc\u202e" + "x" * 5000, note="one\r\ntwo\x07")
    row: Row = rows(log.step("s"))[0]
    assert row.label.startswith("ab cxxx")
    assert len(row.label) <= 200
    assert row.note == "one two"


@pytest.mark.parametrize("total", range(0, 101, 4))
def test_whatever_happens_the_list_accounts_for_every_node(total: int) -> None:
    """One node after the other, looked at after every event."""
    log = nodes_log(total)
    for number in range(1, min(total, 12) + 1):
        for state in ("running", "failed" if number == 3 else "succeeded"):
            log.task(f"n{number}", state)
            seen = window([task for task in log.step().tasks if task.kind == "node"])
            counted = sum(each.count for each in (seen.above, seen.below) if each is not None)
            assert counted + len(seen.rows) == total
            assert len(seen.rows) <= 4
