"""The rules that hold at every event of an installation and of every run, worked out here a second time."""

from __future__ import annotations

import re
from typing import Any

from vastdesk.domain.reduce import Reducer
from vastdesk.domain.tasklist import Row, rows, window
from vastdesk.domain.views import StepView, TaskView

Events = list[dict[str, Any]]
OK = ("succeeded", "skipped")
FEW = 400
"""So many events are looked at one by one, then every eighth and each change of the plan: for long runs."""
UNDONE = ("pending", "waiting")
HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff]")
"""What no terminal and no label may be given: control and direction characters, invisible ones, strange line ends."""
NOTE = re.compile(
    r"(?:Installed (?P<some>\d+)/(?P<of>\d+) custom nodes \((?P<failed>\d+) failed\)"
    r"|Successfully installed (?P<good>\d+)/(?P<all>\d+) custom nodes)"
    r"(?: · (?P<there>\d+) already there)?(?: · all dependencies verified| · \d+ dependency problems)"
)


def check_exactly_once(events: Events) -> None:
    """Every event is there once: the run's numbers have no hole, and those of each job neither."""
    facts = [event for event in events if "rseq" in event]
    assert [event["rseq"] for event in facts] == list(range(1, len(facts) + 1))
    for job in {event["job"] for event in facts}:
        seqs = [event["seq"] for event in facts if event["job"] == job]
        assert seqs == list(range(1, len(seqs) + 1)), job


def check_task_list(events: Events) -> None:
    """The task list of every installation among the events, as a person sees it after each one."""
    reducer = Reducer()
    seen: dict[tuple[str, int, str], float] = {}
    facts = [event for event in events if "rseq" in event]
    for number, event in enumerate(facts):
        assert reducer.apply(event), event
        if event["type"] == "step_started":
            _check_start(facts[number : number + 3])
        if event["type"] not in ("plan", "task", "step_finished"):
            continue
        if number > FEW and number % 8 and event["type"] == "task":
            continue
        for step in reducer.view().steps:
            if step.use == "install_custom_nodes" and step.state != "pending":
                _check_step(step)
                _check_progress(step, seen)


def _check_start(facts: Events) -> None:
    """The first row comes in the same moment."""
    if any(task.get("kind") == "setup" for task in facts[1].get("tasks", [])):
        assert [event["type"] for event in facts] == ["step_started", "plan", "task"]
        assert facts[2]["state"] == "running"


def _check_progress(step: StepView, seen: dict[tuple[str, int, str], float]) -> None:
    for task in step.all_tasks():
        if task.percent is None:
            continue
        key = (step.id, step.attempt, task.id)
        assert 0 <= task.percent <= 100
        if task.state == "running" and task.kind == "node":
            assert task.percent >= seen.get(key, 0), (task.label, "fell")
            seen[key] = task.percent


def _check_step(step: StepView) -> None:
    nodes = [task for task in step.tasks if task.kind == "node"]
    shown = list(rows(step))
    assert shown
    assert shown[0].label in ("Read node list", "Clone Auto-installer")
    if nodes:
        assert [row.label for row in shown if row.depth == 0][1] == "Configure venv path"
    _check_nodes(nodes, shown)
    if step.state in ("running", "succeeded"):  # what a step that broke off left open ends with it, as it stood
        for node in nodes:
            _check_sub_tasks(node)
    for row in shown:
        assert not re.search(
            r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]", row.label + row.note
        )
    verify = [row for row in shown if row.label == "Verify Dependencies"]
    assert len(verify) <= 1
    if verify and nodes:
        assert all(node.is_finished for node in nodes)
        assert sum(row.id.startswith("verify:") for row in shown) <= 5
    if step.state == "succeeded":
        _check_note(step, nodes)


def _check_nodes(nodes: list[TaskView], shown: list[Row]) -> None:
    top = [row for row in shown if row.kind == "node"]
    running = [node for node in nodes if node.state == "running"]
    assert len(running) <= 4
    assert len(top) <= 4
    assert {node.id for node in running} <= {row.id for row in top}
    others = [row for row in shown if row.kind == "others"]
    counted = [re.fullmatch(r"(\d+) others \((\d+)/\1\)", row.label) for row in others]
    assert all(counted), [row.label for row in others]
    assert sum(int(match[1]) for match in counted if match) + len(top) == len(nodes)
    assert [row.id for row in top] == [task.id for task in window(nodes).rows]
    if len(nodes) > 4:
        _check_choice(nodes, [row.id for row in top], others)


def _check_choice(nodes: list[TaskView], top: list[str], others: list[Row]) -> None:
    """Running ones, then the most recently finished; by when they began; the rest above or below."""
    finished = [node for node in nodes if node.is_finished]
    running = [node for node in nodes if node.state == "running"]
    latest = sorted(finished, key=lambda node: node.finished_seq or 0)[::-1][: 4 - len(running)]
    begun = sorted([*running, *latest], key=lambda node: node.started_seq or node.finished_seq or 0)
    assert top == [node.id for node in begun]
    hidden = [node for node in finished if node not in latest]
    todo = [node for node in nodes if node.state in UNDONE]
    ok = sum(node.state in OK for node in hidden)
    expected = []
    if hidden:
        state = "succeeded" if ok == len(hidden) else "failed"
        expected.append((f"{len(hidden)} others ({ok}/{len(hidden)})", state))
    if todo:
        expected.append((f"{len(todo)} others (0/{len(todo)})", "pending"))
    assert [(row.label, row.state) for row in others] == expected


def _check_sub_tasks(node: TaskView) -> None:
    failed = [sub.label for sub in node.subtasks if sub.state == "failed"]
    if node.is_finished and "Install dependencies" in failed:
        assert (node.state, node.note) == ("failed", "cloned, requirements failed")
    if node.state == "succeeded":
        assert not failed
        assert all(sub.is_finished for sub in node.subtasks), node


def _check_note(step: StepView, nodes: list[TaskView]) -> None:
    match = NOTE.fullmatch(step.note)
    assert match, step.note
    failed = sum(node.state not in OK for node in nodes)
    good = int(match["some"] or match["good"])
    assert int(match["of"] or match["all"]) == len(nodes) == good + failed
    assert int(match["failed"] or 0) == failed
    assert int(match["there"] or 0) == sum(node.state == "skipped" for node in nodes)


def most_running(events: Events) -> int:
    """The most nodes that ran at one time."""
    reducer = Reducer()
    most = 0
    for event in events:
        if "rseq" in event and reducer.apply(event) and event["type"] == "task":
            tasks = [task for step in reducer.view().steps for task in step.tasks if task.kind == "node"]
            most = max(most, sum(task.state == "running" for task in tasks))
    return most
