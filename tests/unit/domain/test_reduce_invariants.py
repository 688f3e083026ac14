"""What holds for every log there can be: damaged, repeated, out of order, of several jobs, hostile."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.events import FINAL_RUN_STATES, RUN_STATES, STEP_STATES, TASK_STATES
from vastdesk.domain.reduce import Reducer, reduce
from vastdesk.domain.sentences import run_sentence
from vastdesk.domain.tasklist import rows
from vastdesk.domain.views import RunView, StepView, TaskView, summary

Event = dict[str, Any]

IDS = ["a", "b", "c", "d"]
NUMBERS = [None, -5, 0, 1, 3, 7.5, 50, 100, 200, math.nan, math.inf, "x", 10**30]
TEXTS = ["", "text", "\x1b[31m", "\u202e", "x" * 300, None]
KINDS = ["node", "node", "setup", "resolve", "verify", None]
JUNK = [None, 5, "?", [], {}, True, [None], {"id": 5}]
TASKS, RUNS = sorted(TASK_STATES), sorted(RUN_STATES)
ENDS = ["succeeded", "failed", "skipped", "cancelled", "interrupted", "lost", "?"]

Make = Callable[[random.Random], Any]


def one_of(values: Sequence[Any]) -> Make:
    return lambda chance: chance.choice(values)


def some(make: Make, most: int = 4) -> Make:
    return lambda chance: [make(chance) for _ in range(chance.randrange(most + 1))]


def record(**fields: Make) -> Make:
    """A mapping that has most of the fields."""
    return lambda chance: {name: make(chance) for name, make in fields.items() if chance.random() < 0.85}


FIELDS: dict[str, Make] = {
    "run_state": record(
        state=one_of(RUNS),
        reason=one_of(TEXTS),
        steps=some(record(id=one_of(IDS), title=one_of(TEXTS), use=one_of(TEXTS))),
        tail=some(one_of(TEXTS)),
        block=record(kind=one_of(TEXTS), port=one_of(NUMBERS)),
    ),
    "job_started": record(steps=some(one_of(IDS))),
    "plan": record(
        step=one_of(IDS),
        tasks=some(
            record(id=one_of(IDS), label=one_of(TEXTS), parent=one_of(IDS), kind=one_of(KINDS), note=one_of(TEXTS))
        ),
    ),
    "step_started": record(step=one_of(IDS), limit_s=one_of(NUMBERS)),
    "task": record(
        step=one_of(IDS),
        id=one_of(IDS),
        state=one_of(TASKS),
        parent=one_of([None, None, *IDS]),
        kind=one_of(KINDS),
        progress=record(done=one_of(NUMBERS), total=one_of(NUMBERS), unit=one_of(["%", "packages", "s", "B", None])),
        rate=one_of(NUMBERS),
        size_bytes=one_of(NUMBERS),
        eta_s=one_of(NUMBERS),
        note=one_of(TEXTS),
    ),
    "log": record(step=one_of(IDS), text=one_of(TEXTS)),
    "step_finished": record(step=one_of(IDS), state=one_of(ENDS), note=one_of(TEXTS)),
    "job_finished": record(state=one_of(ENDS), reason=one_of(TEXTS)),
    "job_sent": record(id=one_of(["j1", "j2"])),
    "job_ended": record(id=one_of(["j1", "j2"]), state=one_of(TEXTS)),
    "dropped": record(count=one_of(NUMBERS)),
}
WEIGHTED = sorted([*FIELDS, *["task"] * 6, *["plan", "step_started", "step_finished", "run_state"] * 2])


def an_event(seed: int) -> Event:
    """An event that is right in most fields, written by the engine or one of two jobs."""
    chance = random.Random(seed)
    type_ = chance.choice(WEIGHTED)
    event: Event = {"type": type_, **FIELDS[type_](chance)}
    by_engine = type_ == "run_state" or chance.random() < 0.1
    event["job"] = "desktop" if by_engine else chance.choice(["j1", "j1", "j1", "j2"])
    event["mono"], event["ts"] = chance.choice(NUMBERS), chance.choice(NUMBERS)
    if chance.random() < 0.06:
        event[chance.choice(sorted(event))] = chance.choice(JUNK)
    return event


def damage(log: list[Any], seed: int) -> None:
    """One event doubled, lost, misplaced, replaced by rubbish, unnumbered or wrongly numbered."""
    chance = random.Random(seed)
    at, to = chance.randrange(len(log)), chance.randrange(len(log))
    match chance.randrange(6):
        case 0:
            log.insert(to, log[at])
        case 1:
            log.append(log.pop(at))
        case 2:
            log[at], log[to] = log[to], log[at]
        case 3:
            log[at] = chance.choice([None, 5, "text", {}, {"type": "task"}, {"seq": "?", "type": "log"}])
        case 4 if isinstance(log[at], dict):
            log[at] = {name: value for name, value in log[at].items() if name not in ("seq", "rseq")}
        case 5 if isinstance(log[at], dict):
            log[at] = {**log[at], "seq": chance.choice([2**50, 1, 10**30, -1])}


@st.composite
def logs(draw: st.DrawFn) -> list[Any]:
    """A log as it could have been stored, then damaged. Events are made of seeds: a failing log still shrinks."""
    seeds = st.integers(0, 2**24)
    log: list[Any] = [an_event(seed) for seed in draw(st.lists(seeds, max_size=40))]
    last: dict[str, int] = {}
    for rseq, event in enumerate(log, 1):
        job = str(event.get("job"))
        last[job] = last.get(job, 0) + 1
        event["seq"], event["rseq"] = last[job], rseq
    for seed in draw(st.lists(seeds, max_size=6)) if log else ():
        damage(log, seed)
    return log


def check_task(task: TaskView) -> None:
    assert task.state in TASK_STATES
    assert task.percent is None or 0 <= task.percent <= 100
    assert task.rate is None or task.state == "running"
    assert (task.finished_seq is not None) == task.is_finished
    if task.started_seq is not None and task.finished_seq is not None:
        assert task.started_seq <= task.finished_seq
    if task.state in ("running", "waiting"):
        assert task.started_seq is not None
    if task.state == "pending":
        assert task.started_seq is None
    assert (task.elapsed_s(1e9) or 0) >= 0
    assert all(sub.parent == task.id and not sub.subtasks for sub in task.subtasks)


def check_step(step: StepView) -> None:
    assert step.state in STEP_STATES
    tasks = list(step.all_tasks())
    assert len({task.id for task in tasks}) == len(tasks)
    for task in tasks:
        check_task(task)
    assert 0 <= step.progress_percent <= 100
    assert (step.finished_seq is not None) == step.is_finished
    if step.started_seq is not None and step.finished_seq is not None:
        assert step.started_seq <= step.finished_seq
    if step.elapsed_s is not None:
        assert step.elapsed_s >= 0
    if step.state != "running":
        assert not [task for task in tasks if task.state in ("running", "waiting")]
    list_rows = rows(step)
    assert sum(row.kind == "node" for row in list_rows) <= 4
    assert all(row.label.isprintable() for row in list_rows)


def check(view: RunView) -> None:
    assert view.state in RUN_STATES
    for step in view.steps:
        check_step(step)
    running = [step for step in view.steps if step.state == "running"]
    assert len(running) <= (0 if view.state in FINAL_RUN_STATES else 1)
    assert 0 <= view.progress_percent <= 100
    assert view.current_step is None or 0 <= view.current_step < len(view.steps)
    if running:
        assert view.current is running[0]
    assert len({step.id for step in view.steps}) == len(view.steps)
    assert run_sentence(view).isprintable()
    json.dumps(summary(view), allow_nan=False)


@given(logs())
def test_no_log_raises_or_leads_to_an_impossible_picture(log: list[Any]) -> None:
    reducer = Reducer()
    for event in log:
        reducer.apply(event)
        check(reducer.view())


@given(logs())
def test_one_at_a_time_is_the_same_as_all_at_once(log: list[Any]) -> None:
    reducer = Reducer()
    for event in log:
        reducer.apply(event)
        reducer.view()
    assert reducer.view() == reduce(log)


@given(logs(), st.data())
def test_a_snapshot_anywhere_changes_nothing(log: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    first = Reducer()
    for event in log[:cut]:
        first.apply(event)
    second = Reducer(json.loads(json.dumps(first.snapshot(), allow_nan=False)))
    for event in log[cut:]:
        first.apply(event)
        second.apply(event)
    assert second.view() == first.view()
    assert second.snapshot() == first.snapshot()


@given(logs())
def test_reading_a_log_twice_changes_nothing(log: list[Any]) -> None:
    numbered = [event for event in log if isinstance(event, dict) and "seq" in event]
    reducer = Reducer()
    for event in numbered:
        reducer.apply(event)
    before = reducer.view()
    assert not any(reducer.apply(event) for event in numbered)
    assert _without_damage(reducer.view()) == _without_damage(before)


@given(logs())
def test_a_percentage_never_falls_while_a_task_runs(log: list[Any]) -> None:
    reducer = Reducer()
    before: dict[tuple[str, int, str], TaskView] = {}
    for event in log:
        reducer.apply(event)
        now = {(step.id, step.attempt, task.id): task for step in reducer.view().steps for task in step.all_tasks()}
        for key in before.keys() & now.keys():
            percent = before[key].percent
            if before[key].state == now[key].state == "running" and percent is not None:
                assert (now[key].percent or 0) >= percent
        before = now


@given(logs())
def test_views_that_were_given_out_never_change(log: Sequence[Any]) -> None:
    reducer = Reducer()
    given_out = []
    for event in log:
        reducer.apply(event)
        given_out.append((reducer.view(), repr(reducer.view())))
    assert all(repr(view) == before for view, before in given_out)


def _without_damage(view: RunView) -> str:
    return repr(view).replace(f"damaged={view.damaged}", "")
