"""Logs that are not as they should be: repeated, late, damaged, endless; several attempts; snapshots in between."""

from __future__ import annotations

import json
import time

import pytest

from tests.unit.domain.eventlog import EventLog, a_whole_run, running
from vastdesk.domain.reduce import Reducer, reduce

# -- again ---------------------------------------------------------------------------------------------------------


def test_a_resumed_step_starts_again_with_an_empty_list_and_what_was_done_stays_done() -> None:
    log = EventLog()
    log.begin("first", "nodes")
    log.runner("step_started", step="first")
    log.runner("step_finished", step="first", state="succeeded")
    log.runner("step_started", step="nodes")
    log.plan("n1", "old", kind="node")
    log.task("n1", "running", progress={"done": 90, "total": 100})
    log.runner("log", step="nodes", text="first attempt")
    log.desktop("run_state", state="interrupted")
    assert log.step().state == "interrupted"

    log.desktop("run_state", state="running")
    log.runner("job_started", job="j2", steps=["nodes"])
    log.runner("step_started", job="j2", step="nodes")
    log.plan("n1", "n2", job="j2", kind="node")
    log.task("n1", "running", job="j2")
    assert log.states() == {"n1": "running", "n2": "pending"}
    assert log.step().attempt == 2
    assert log.step().log == ("first attempt",)
    assert log.step("first").state == "succeeded"


def test_what_an_older_job_still_says_of_a_step_is_past() -> None:
    log = running("running")
    log.runner("step_started", job="j2", step="nodes")
    log.plan("n1", job="j2")
    log.task("n1", "failed", job="j1")
    log.runner("step_finished", job="j1", step="nodes", state="failed")
    assert (log.step().state, log.states()) == ("running", {"n1": "pending"})


def test_a_desktop_step_that_was_blocked_starts_again() -> None:
    log = EventLog()
    log.begin("test_ssh")
    for _ in range(2):
        log.desktop("step_started", step="test_ssh")
        log.desktop("plan", step="test_ssh", tasks=[{"id": "resolve"}, {"id": "tcp"}])
        log.desktop("task", step="test_ssh", id="resolve", state="succeeded")
        log.desktop("task", step="test_ssh", id="tcp", state="running")
    assert log.states("test_ssh") == {"resolve": "succeeded", "tcp": "running"}
    assert log.step("test_ssh").attempt == 2


def test_rows_the_engine_showed_before_the_job_began_stay() -> None:
    """The first row is there in the same moment as the click; the runner's clock counts from when it speaks."""
    log = EventLog()
    log.begin("nodes")
    log.desktop("step_started", step="nodes")
    log.desktop("task", step="nodes", id="clone", label="Read node list", kind="setup", state="running")
    assert log.states() == {"clone": "running"}
    log.runner("job_started", steps=["nodes"])
    log.runner("step_started", step="nodes", limit_s=1800, at=100)
    log.plan("clone", "venv", kind="setup")
    log.task("clone", "succeeded", at=130)
    step = log.step()
    assert log.states() == {"clone": "succeeded", "venv": "pending"}
    assert (step.attempt, step.limit_s, step.elapsed_s) == (1, 1800, 30)
    assert step.tasks[0].elapsed_s(None) == 30


def test_the_engine_may_start_a_step_again_that_ran_on_the_instance() -> None:
    log = running("running")
    log.desktop("run_state", state="lost")
    log.desktop("run_state", state="running")
    log.desktop("step_started", step="nodes")
    log.task("n1", "succeeded", job="j1")
    assert log.states() == {}
    log.runner("step_started", job="j2", step="nodes")
    log.task("n1", "running", job="j2")
    assert log.states() == {"n1": "running"}


# -- damaged, repeated, late ---------------------------------------------------------------------------------------


def test_every_event_may_come_twice() -> None:
    log = a_whole_run()
    twice = [event for event in log.events for _ in range(2)]
    assert reduce(twice) == reduce(log.events + log.events) == log.view()


def test_apply_says_whether_the_event_was_taken() -> None:
    reducer = Reducer()
    event = {"seq": 1, "type": "log", "text": "x", "job": "j"}
    assert [reducer.apply(event), reducer.apply(event)] == [True, False]
    assert not reducer.apply("nonsense")
    assert not reducer.apply({"seq": 2, "type": "task", "job": "j"})
    assert reducer.apply({"seq": 3, "type": "weather", "job": "j"})
    assert reducer.view().damaged == 2


def test_an_event_that_comes_late_fills_in_and_never_turns_back() -> None:
    log = running("running", "succeeded")
    log.runner("step_finished", step="nodes", state="succeeded", note="done")
    start, task_running, task_done, step_done = log.events[1], *log.events[3:]
    late = [log.events[0], task_done, task_running, step_done, start, log.events[2]]
    step = reduce(late).steps[0]
    assert (step.state, step.note) == ("succeeded", "done")
    assert [(task.id, task.state) for task in step.tasks][0] == ("n1", "succeeded")
    assert [task.label for task in step.tasks] == ["n1", "n2", "n3"]


def test_two_events_that_change_places_change_nothing_but_their_order() -> None:
    log = running()
    log.task("n1", "running")
    log.task("n2", "running")
    log.events[-2:] = reversed(log.events[-2:])
    assert log.states() == {"n1": "running", "n2": "running", "n3": "pending"}


def test_a_start_that_was_never_told_is_inferred() -> None:
    log = EventLog()
    log.begin("nodes")
    log.task("n1", "running")
    assert (log.step().state, log.view().current_step) == ("running", 0)


def test_a_start_that_comes_late_still_tells_the_time_limit() -> None:
    log = EventLog()
    log.begin("nodes")
    log.runner("step_started", step="nodes", limit_s=1800)
    log.task("n1", "running")
    log.events[-2:] = reversed(log.events[-2:])
    reducer = Reducer()
    for event in log.events:
        reducer.apply(event)
        reducer.view()
    assert reducer.view().steps[0].limit_s == 1800
    assert reducer.view() == log.view()


def test_a_wrong_clock_changes_no_duration() -> None:
    right, wrong = a_whole_run().events, a_whole_run().events
    for event in wrong:
        if event["job"] == "j1":
            event["ts"] = 5.0
    assert [step.elapsed_s for step in reduce(wrong).steps] == [step.elapsed_s for step in reduce(right).steps]
    assert reduce(wrong).elapsed_s == reduce(right).elapsed_s


def test_a_clock_that_runs_backwards_gives_no_negative_duration() -> None:
    log = EventLog()
    log.runner("step_started", step="s", at=100)
    log.task("t", "running", step="s", at=90)
    log.task("t", "succeeded", step="s", at=50)
    log.runner("step_finished", step="s", state="succeeded", at=20)
    assert log.step("s").elapsed_s == 0
    assert log.step("s").tasks[0].elapsed_s(None) == 0


def test_dropped_and_damaged_events_are_counted() -> None:
    log = EventLog()
    log.runner("dropped", count=7)
    log.runner("dropped", count=-3)
    log.runner("task", step="s", state="running")
    log.runner("step_finished", step="s", state="exploded")
    assert (log.view().dropped, log.view().damaged) == (7, 3)


def test_the_log_keeps_its_last_lines() -> None:
    log = EventLog()
    for number in range(80):
        log.runner("log", step="s", text=f"line {number}")
        log.runner("log", text=f"about the run {number}")
    assert log.step("s").log == tuple(f"line {number}" for number in range(30, 80))
    assert log.view().log[-1] == "about the run 79"


def test_a_flood_of_steps_and_tasks_is_bounded() -> None:
    log = EventLog()
    for number in range(1200):
        log.runner("step_started", step=f"s{number}")
    log.runner("plan", step="s0", tasks=[{"id": f"t{number}"} for number in range(25_000)])
    view = log.view()
    assert (len(view.steps), len(view.steps[0].tasks), view.damaged) == (1000, 20_000, 201)


# -- what the engine says of jobs ------------------------------------------------------------------------------------


def test_a_job_is_known_from_the_moment_it_may_have_been_sent() -> None:
    log = EventLog()
    log.desktop("job_sent", id="j1")
    log.desktop("job_ended", id="j1", state="lost")
    (desktop, job) = log.view().jobs
    assert (desktop.id, job.id, job.sent, job.ended, job.last_seq) == ("desktop", "j1", True, True, 0)


# -- snapshots and speed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(16))
def test_a_snapshot_goes_on_as_if_it_had_read_everything(cut: int) -> None:
    events = a_whole_run().events
    first = Reducer()
    for event in events[:cut]:
        first.apply(event)
    second = Reducer(json.loads(json.dumps(first.snapshot())))
    assert second.view() == first.view()
    for event in events[max(0, cut - 2) :]:  # a little of it again
        second.apply(event)
    assert second.view() == reduce(events)


@pytest.mark.parametrize(
    "snapshot", [{}, {"v": 0}, {"v": 1}, {"v": 1, "steps": 5}, {**Reducer().snapshot(), "jobs": [[]]}]
)
def test_a_snapshot_that_cannot_be_used_says_so(snapshot: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        Reducer(snapshot)


def test_what_did_not_change_is_the_same_object_in_the_next_view() -> None:
    log = a_whole_run()
    reducer = Reducer()
    for event in log.events[:11]:
        reducer.apply(event)
    before = reducer.view()
    assert reducer.view() is before
    reducer.apply(log.events[11])
    after = reducer.view()
    assert after.steps[0] is before.steps[0]
    assert after.steps[1].tasks[0] is before.steps[1].tasks[0]
    assert after.steps[1].tasks[1] is not before.steps[1].tasks[1]


def test_a_long_log_is_read_quickly() -> None:
    """A guard against quadratic costs, not a benchmark: 20,000 events about 1,000 nodes, looked at every 50."""
    log = EventLog()
    log.runner("step_started", step="nodes")
    log.plan(*(f"n{number}" for number in range(1000)), kind="node")
    for number in range(20_000):
        log.task(f"n{number % 1000}", "running", progress={"done": number // 1000, "total": 20})
    reducer = Reducer()
    began = time.process_time()
    for number, event in enumerate(log.events):
        reducer.apply(event)
        if number % 50 == 0:
            reducer.view()
    assert time.process_time() - began < 5
