"""What a run's events mean, case by case. What holds for every log is in test_reduce_invariants.py."""

from __future__ import annotations

import json
import time

import pytest

from tests.unit.domain.eventlog import EventLog
from vastdesk.domain.reduce import Reducer, reduce
from vastdesk.domain.views import RunView, iso_time, summary


def a_whole_run() -> EventLog:
    log = EventLog()
    log.begin("test_ssh", "nodes", state="queued")
    log.desktop("run_state", state="connecting", at=10)
    log.desktop("step_started", step="test_ssh", limit_s=30)
    log.desktop("step_finished", step="test_ssh", state="succeeded", note="reachable")
    log.desktop("run_state", state="running")
    log.runner("job_started", steps=["nodes"], runner="abc", boot_id="b")
    log.runner("step_started", step="nodes", limit_s=1800, at=20)
    log.plan("n1", "n2", kind="node")
    log.task("n1", "running")
    log.task("n1", "succeeded", note="abc123")
    log.task("n2", "running")
    log.task("n2", "failed", note="clone failed")
    log.runner("step_finished", step="nodes", state="succeeded", note="Installed 1/2 custom nodes (1 failed)", at=80)
    log.runner("job_finished", state="succeeded", reason="")
    log.desktop("run_state", state="succeeded", at=93)
    return log


# -- a run from its beginning to its end ---------------------------------------------------------------------------


def test_nothing_has_happened_yet() -> None:
    assert reduce([]) == RunView()
    assert not RunView().is_running


def test_a_whole_run() -> None:
    view = a_whole_run().view()
    assert (view.run, view.state, view.workflow, view.instance) == ("r1", "succeeded", "Test", "box")
    assert [(step.id, step.state, step.note) for step in view.steps] == [
        ("test_ssh", "succeeded", "reachable"),
        ("nodes", "succeeded", "Installed 1/2 custom nodes (1 failed)"),
    ]
    assert view.steps[1].elapsed_s == 60
    assert view.elapsed_s == 83  # from the first state that is not `queued`
    assert view.progress_percent == 100
    assert (view.last_seq("j1"), view.last_seq("desktop"), view.last_rseq) == (9, 6, 15)
    assert (view.dropped, view.damaged) == (0, 0)


def test_the_summary() -> None:
    log = a_whole_run()
    assert summary(reduce(log.events[:9])) == {
        "run": "r1",
        "state": "running",
        "current_step": 1,
        "total_steps": 2,
        "progress_percent": 50.0,
        "is_running": True,
        "start_time": iso_time(log.events[0]["ts"]),
        "last_update": iso_time(log.events[8]["ts"]),
    }


def test_progress_counts_steps_and_the_tasks_of_the_one_that_runs() -> None:
    log = a_whole_run()
    percents = [reduce(log.events[:count]).progress_percent for count in range(len(log.events) + 1)]
    assert percents == sorted(percents)
    assert reduce(log.events[:10]).progress_percent == 75


def test_a_step_that_is_switched_off_neither_counts_as_done_nor_as_to_do() -> None:
    log = EventLog()
    log.begin("a", "b", "c")
    log.desktop("step_finished", step="b", state="skipped", note="switched off")
    assert log.view().progress_percent == 0
    log.runner("step_started", step="a")
    log.runner("step_finished", step="a", state="succeeded")
    assert log.view().progress_percent == 50


def test_later_steps_stay_pending_when_one_fails() -> None:
    log = EventLog()
    log.begin("a", "b", "c")
    log.runner("step_started", step="a")
    log.runner("step_finished", step="a", state="failed", note="no python")
    log.desktop("run_state", state="failed", reason="no python", kind="no_python", action="Install it.")
    view = log.view()
    assert [step.state for step in view.steps] == ["failed", "pending", "pending"]
    assert (view.current_step, view.reason, view.kind, view.action) == (0, "no python", "no_python", "Install it.")


def test_a_blocked_run_says_which_key_it_waits_for_until_it_goes_on() -> None:
    log = EventLog()
    log.begin("a")
    block = {"kind": "host_key_unknown", "host": "1.2.3.4", "port": 22, "fingerprint": "SHA256:x"}
    log.desktop("run_state", state="blocked", reason="not trusted", block=block)
    assert log.view().block == block
    assert not log.view().is_running
    log.desktop("run_state", state="connecting")
    assert (log.view().block, log.view().reason) == (None, "")


def test_a_lost_run_keeps_the_last_lines() -> None:
    log = EventLog()
    log.begin("a")
    log.desktop("run_state", state="lost", reason="killed", tail=["one", "two"])
    assert log.view().tail == ("one", "two")


def test_the_instance_cannot_say_how_the_run_stands() -> None:
    log = EventLog()
    log.begin("a")
    log.runner("run_state", state="succeeded")
    assert (log.view().state, log.view().damaged) == ("running", 1)


def test_a_log_of_a_job_alone_reads_as_a_run_of_one_job() -> None:
    log = EventLog()
    log.runner("job_started", steps=["a", "b"])
    assert log.view().state == "running"
    log.runner("step_started", step="a")
    log.runner("step_finished", step="a", state="failed", note="no")
    log.runner("job_finished", state="failed", reason="no", at=30)
    view = log.view()
    assert (view.state, view.reason, view.elapsed_s) == ("failed", "no", 29)
    assert [step.state for step in view.steps] == ["failed", "pending"]


# -- tasks -----------------------------------------------------------------------------------------------------------


def running(*states: str) -> EventLog:
    log = EventLog()
    log.begin("nodes")
    log.runner("step_started", step="nodes")
    log.plan("n1", "n2", "n3", kind="node")
    for state in states:
        log.task("n1", state)
    return log


def test_a_plan_that_comes_again_adds_to_what_is_there() -> None:
    log = running("running")
    log.plan("n1", "n4", kind="node")
    assert log.states() == {"n1": "running", "n2": "pending", "n3": "pending", "n4": "pending"}


def test_a_task_nobody_announced_stands_at_the_end() -> None:
    log = running()
    log.task("surprise", "running", label="Surprise")
    assert [task.label for task in log.step().tasks] == ["n1", "n2", "n3", "Surprise"]


def test_start_and_end_carry_the_number_of_their_event() -> None:
    log = running("running", "waiting", "running", "succeeded")
    task = log.step().tasks[0]
    assert (task.started_seq, task.finished_seq) == (4, 7)
    assert task.elapsed_s(None) == 3


def test_without_numbers_the_order_of_arrival_counts() -> None:
    events = [
        {"type": "step_started", "step": "s"},
        {"type": "task", "step": "s", "id": "a", "state": "running"},
        {"type": "task", "step": "s", "id": "b", "state": "skipped"},
        {"type": "task", "step": "s", "id": "a", "state": "succeeded"},
    ]
    numbered = [{**event, "seq": number} for number, event in enumerate(events, 1)]
    for log in (events, numbered):
        a, b = reduce(log).steps[0].tasks
        assert (a.started_seq, a.finished_seq, b.started_seq, b.finished_seq) == (2, 4, None, 3)


def test_a_percentage_never_falls_while_the_task_runs() -> None:
    log = running()
    seen = []
    for done in (10, 50, 30, 70, 500):
        log.task("n1", "running", progress={"done": done, "total": 100, "unit": "%"})
        seen.append(log.step().tasks[0].percent)
    assert seen == [10, 50, 50, 70, 100]


def test_a_task_that_runs_again_after_its_end_starts_anew() -> None:
    log = running()
    log.task("n1", "running", progress={"done": 80, "total": 100, "unit": "%"})
    log.task("n1", "failed", note="try 1")
    log.task("n1", "running")
    task = log.step().tasks[0]
    assert (task.state, task.percent, task.note, task.finished_seq) == ("running", None, "", None)


def test_only_what_runs_has_a_rate_and_an_end_in_sight() -> None:
    log = running()
    log.task("n1", "running", progress={"done": 1, "total": 4}, rate=5.0, eta_s=3, size_bytes=9)
    task = log.step().tasks[0]
    assert (task.percent, task.rate, task.eta_s, task.size_bytes) == (25, 5.0, 3, 9)
    log.task("n1", "succeeded")
    task = log.step().tasks[0]
    assert (task.percent, task.rate, task.eta_s) == (100, None, None)


def test_progress_beyond_the_total_is_the_total() -> None:
    log = running()
    log.task("n1", "running", progress={"done": 97, "total": 96, "unit": "packages"})
    assert log.step().tasks[0].done == 96


def test_sub_tasks_hang_below_their_task() -> None:
    log = running("running")
    log.task("deps", "running", parent="n1", label="Install dependencies")
    node = log.step().tasks[0]
    assert [(sub.id, sub.parent) for sub in node.subtasks] == [("deps", "n1")]
    assert len(log.step().tasks) == 3


def test_a_parent_may_be_announced_after_its_sub_task() -> None:
    log = running()
    log.runner("plan", step="nodes", tasks=[{"id": "sub", "parent": "late"}])
    assert [task.id for task in log.step().tasks] == ["n1", "n2", "n3", "sub"]
    log.plan("late")
    assert [task.id for task in log.step().tasks] == ["n1", "n2", "n3", "late"]


def test_a_sub_task_of_a_sub_task_hangs_below_the_top_one() -> None:
    log = running()
    log.runner("plan", step="nodes", tasks=[{"id": "a", "parent": "n1"}, {"id": "b", "parent": "a"}])
    assert [sub.id for sub in log.step().tasks[0].subtasks] == ["a", "b"]


@pytest.mark.parametrize("parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}, {"a": "nobody"}])
def test_whatever_the_parents_say_every_task_is_there_once(parents: dict[str, str]) -> None:
    log = running()
    log.runner("plan", step="nodes", tasks=[{"id": id, "parent": parent} for id, parent in parents.items()])
    assert sorted(task.id for task in log.step().all_tasks()) == sorted(["n1", "n2", "n3", *parents])


def test_a_very_long_chain_of_parents_is_no_problem() -> None:
    log = running()
    log.runner("plan", step="nodes", tasks=[{"id": f"t{i}", "parent": f"t{i + 1}"} for i in range(3000)])
    assert sum(1 for _ in log.step().all_tasks()) == 3003


def test_the_end_of_a_task_is_the_end_of_its_sub_tasks() -> None:
    log = running("running")
    log.task("deps", "running", parent="n1")
    log.task("n1", "failed")
    assert log.states()["deps"] == "failed"


def test_a_sub_task_may_say_its_own_end_after_its_task() -> None:
    log = running("running")
    log.task("deps", "running", parent="n1")
    log.task("n1", "succeeded")
    log.task("deps", "failed", note="conflict")
    assert log.states()["deps"] == "failed"


# -- the end of a step -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_state", "task_state"),
    [
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("interrupted", "interrupted"),
        ("lost", "lost"),
        ("succeeded", "lost"),
    ],
)
def test_what_still_runs_ends_with_its_step(step_state: str, task_state: str) -> None:
    log = running("running")
    log.task("n2", "waiting")
    log.runner("step_finished", step="nodes", state=step_state)
    assert log.states() == {"n1": task_state, "n2": task_state, "n3": "pending"}


def test_a_task_event_after_the_end_of_its_step_cannot_make_it_run() -> None:
    log = running()
    log.runner("step_finished", step="nodes", state="failed")
    log.task("n1", "running")
    log.task("n2", "succeeded")
    assert log.states() == {"n1": "failed", "n2": "succeeded", "n3": "pending"}


@pytest.mark.parametrize(
    ("run_state", "step_state"),
    [
        ("failed", "failed"),
        ("cancelled", "cancelled"),
        ("interrupted", "interrupted"),
        ("lost", "lost"),
        ("succeeded", "lost"),
    ],
)
def test_what_still_runs_ends_with_the_run(run_state: str, step_state: str) -> None:
    log = running("running")
    log.desktop("run_state", state=run_state)
    assert log.step().state == step_state
    assert log.states()["n1"] == step_state


def test_what_still_runs_ends_with_its_job() -> None:
    log = running("running")
    log.runner("job_finished", state="cancelled")
    assert (log.step().state, log.states()["n1"]) == ("cancelled", "cancelled")


def test_only_one_step_runs() -> None:
    log = EventLog()
    log.begin("a", "b")
    log.runner("step_started", step="a")
    log.runner("step_started", step="b")
    assert [step.state for step in log.view().steps] == ["lost", "running"]


def test_a_run_that_was_thought_lost_goes_on_where_it_was() -> None:
    log = running("running")
    log.task("n2", "waiting")
    log.desktop("run_state", state="lost")
    log.desktop("run_state", state="running")
    log.task("n3", "running")
    assert log.step().state == "running"
    assert log.states() == {"n1": "running", "n2": "waiting", "n3": "running"}


def test_a_step_that_goes_on_is_the_current_one_again() -> None:
    log = EventLog()
    log.begin("a", "b")
    log.runner("step_started", step="a")
    log.desktop("run_state", state="lost")
    log.desktop("run_state", state="running")
    log.desktop("step_started", step="b")
    log.desktop("step_finished", step="b", state="failed")
    log.runner("log", step="a", text="still here")
    assert [step.state for step in log.view().steps] == ["running", "failed"]
    assert log.view().current_step == 0


def test_the_instance_is_the_truth_about_a_step_that_runs_there() -> None:
    log = running("running")
    log.desktop("step_finished", step="nodes", state="lost", note="no answer")
    assert log.step().state == "lost"
    log.runner("step_finished", step="nodes", state="succeeded", note="done")
    assert (log.step().state, log.step().note) == ("succeeded", "done")


def test_an_end_that_was_told_stays() -> None:
    log = running()
    log.runner("step_finished", step="nodes", state="succeeded", note="done")
    log.runner("step_finished", step="nodes", state="failed", note="again")
    log.desktop("run_state", state="cancelled")
    assert (log.step().state, log.step().note) == ("succeeded", "done")


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
