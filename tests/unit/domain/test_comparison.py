"""Two runs side by side, and a run in numbers."""

from __future__ import annotations

from tests.unit.domain.eventlog import EventLog, a_whole_run
from vastdesk.domain.comparison import Difference, Outcome, differences
from vastdesk.domain.counts import RunCounts, counts_of


def test_a_run_and_itself_do_not_differ() -> None:
    view = a_whole_run().view()
    assert differences(view, view) == ()


def test_what_ended_differently_and_nothing_else() -> None:
    better = a_whole_run()
    better.events = [event for event in better.events if not (event.get("id") == "n2" and event["state"] == "failed")]
    better.task("n2", "succeeded", note="fff000")
    found = differences(a_whole_run().view(), better.view())
    assert found == (Difference("Nodes", "n2", Outcome("failed", "clone failed"), Outcome("succeeded", "fff000")),)


def test_steps_that_only_one_of_them_has() -> None:
    log = EventLog()
    log.begin("test_ssh", "extra")
    found = {(each.step, each.node): each for each in differences(a_whole_run().view(), log.view())}
    assert found["Extra", ""].left == Outcome()
    assert found["Nodes", ""].right == Outcome()
    assert found["Nodes", "n1"].right == Outcome()
    assert found["Test ssh", ""] == Difference("Test ssh", "", Outcome("succeeded"), Outcome("pending"))


def test_counts_are_of_nodes_where_there_are_some() -> None:
    counts = counts_of(a_whole_run().view())
    assert counts == RunCounts(1, 1, 2, nodes=True)
    assert counts.success_percent == 50


def test_counts_of_steps_leave_out_what_was_switched_off() -> None:
    log = EventLog()
    log.begin("one", "two", "three")
    log.desktop("step_finished", step="one", state="succeeded")
    log.desktop("step_finished", step="two", state="skipped", note="switched off")
    assert counts_of(log.view()) == RunCounts(1, 0, 2, nodes=False)


def test_a_run_with_nothing_to_do_has_no_rate() -> None:
    assert counts_of(EventLog().view()).success_percent is None
