"""What a run's events mean, case by case. What holds for every log is in test_reduce_invariants.py."""

from __future__ import annotations

import pytest

from tests.unit.domain.eventlog import EventLog, a_whole_run, running
from vastdesk.domain.reduce import reduce
from vastdesk.domain.views import RunView, iso_time, summary

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
