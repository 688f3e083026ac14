"""The timeline: exactly the rows the domain says, changed as little as possible, folded as one expects."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from tests.ui.fakes import HOSTILE_NAMES
from tests.ui.run import stories
from tests.ui.run.stories import NODES
from vastdesk.domain.reduce import Reducer
from vastdesk.domain.tasklist import all_node_rows, rows
from vastdesk.domain.views import StepView
from vastdesk.ui.run.lines import FILTERS, count_by_filter
from vastdesk.ui.run.timeline import TimelineModel


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(qapp, clock: Clock) -> TimelineModel:
    model = TimelineModel(clock=clock)
    model._tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    return model


def kinds(model: TimelineModel) -> list[str]:
    return [line.kind for line in model.lines]


def shown_rows(model: TimelineModel, step: str = NODES) -> list[str]:
    return [line.row.label for line in model.lines if line.row is not None and line.step.id == step]


def step_of(model: TimelineModel, id: str = NODES) -> StepView:
    return next(line.step for line in model.lines if line.step.id == id)


def test_the_running_step_is_unfolded_to_what_the_domain_says(model: TimelineModel) -> None:
    view = stories.cloning().view()
    model.show_view(view)
    step = view.step(NODES)
    assert step is not None
    assert [line.row for line in model.lines if line.row is not None] == list(rows(step, step.last_mono))
    assert shown_rows(model)[2] == "4 others (3/4)"
    assert kinds(model).count("step") == 4
    assert kinds(model).count("all") == 1


def test_a_finished_step_folds_to_one_line_and_can_be_unfolded(model: TimelineModel) -> None:
    model.show_view(stories.succeeded().view())
    assert kinds(model) == ["step"] * 4
    assert "Installed 11/12 custom nodes (1 failed)" in model.words_of(model.lines[1])
    assert model.lines[1].bad == 1
    model.set_open(step_of(model), True)
    assert "11 others" not in shown_rows(model)
    assert any("others" in label for label in shown_rows(model))
    model.set_open(step_of(model), False)
    assert kinds(model) == ["step"] * 4


def test_a_fold_is_forgotten_when_the_step_gets_into_another_state(model: TimelineModel) -> None:
    log = stories.cloning()
    model.show_view(log.view())
    model.set_open(step_of(model), False)
    assert not shown_rows(model)
    log.runner("step_finished", step=NODES, state="failed", note="disk full")
    model.show_view(log.view())
    assert shown_rows(model), "what went wrong is seen without a click"


def test_show_all_gives_every_node_and_a_filter_narrows_it(model: TimelineModel) -> None:
    view = stories.cloning(1000, 300).view()
    model.show_view(view)
    model.show_whole(NODES)
    step = view.step(NODES)
    assert step is not None
    nodes = [line.row for line in model.lines if line.row is not None and line.row.kind in ("node", "sub")]
    assert nodes == list(all_node_rows(step, step.last_mono))
    assert count_by_filter(step) == {"all": 1000, "running": 4, "failed": 1, "done": 299, "to_come": 696}
    model.show_whole(NODES, "failed")
    assert [label for label in shown_rows(model) if label.startswith("ComfyUI")] == ["ComfyUI-Node-2"]
    model.show_whole(NODES, "all", "node-99")
    assert len([label for label in shown_rows(model) if label.startswith("ComfyUI")]) == 11
    model.show_whole(None)
    assert "4 others" not in shown_rows(model)
    assert len(model.lines) < 20
    assert set(FILTERS) == set(count_by_filter(step))


def test_an_update_touches_only_what_changed(model: TimelineModel) -> None:
    log = stories.cloning(1000, 300)
    reducer = Reducer()
    for event in log.events:
        reducer.apply(event)
    model.show_view(reducer.view())
    model.show_whole(NODES)
    changed: list[tuple[int, int]] = []
    moved: list[str] = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.rowsInserted.connect(lambda *_: moved.append("in"))
    model.rowsRemoved.connect(lambda *_: moved.append("out"))
    model.modelReset.connect(lambda: moved.append("reset"))
    stories.node(log, "n302", "running", progress={"done": 50, "total": 100, "unit": "%"})
    reducer.apply(log.events[-1])
    model.show_view(reducer.view())
    assert not moved
    painted = [row for first, last in changed for row in range(first, last + 1)]
    assert 1 in painted, "the ring of the step"
    assert 2 <= len(painted) < 9, "nodes that do not run are not painted again"


def test_the_window_rolls_without_a_reset(model: TimelineModel) -> None:
    log = stories.cloning()
    model.show_view(log.view())
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    for id, state in (("n5", "succeeded"), ("n9", "running"), ("n6", "failed"), ("n10", "running")):
        stories.node(log, id, state)
        model.show_view(log.view())
        step = log.view().step(NODES)
        assert step is not None
        assert shown_rows(model) == [row.label for row in rows(step)]
    assert not resets


def test_any_order_of_pictures_and_clicks_leaves_the_model_whole(model: TimelineModel) -> None:
    """The model tester looks at every change."""
    chance = random.Random(7)
    views = list(stories.every_situation().values())
    for _ in range(150):
        model.show_view(chance.choice(views))
        if chance.random() < 0.5:
            model.set_open(chance.choice(model.lines).step, chance.random() < 0.5)
        if chance.random() < 0.3:
            model.show_whole(chance.choice([None, NODES]), chance.choice(list(FILTERS)))
    model.clear()
    assert model.rowCount() == 0


def test_clocks_go_on_between_events_only_in_what_runs(model: TimelineModel, clock: Clock) -> None:
    model.show_view(stories.cloning().view())
    before = {line.key: line.elapsed_s for line in model.lines if line.kind == "step"}
    texts = {line.key: line.row.text for line in model.lines if line.row is not None}
    clock.now += 5
    model.tick()
    after = {line.key: line.elapsed_s for line in model.lines if line.kind == "step"}
    assert after[NODES] == before[NODES] + 5
    assert after["test_ssh"] == before["test_ssh"]
    changed = [line.row.label for line in model.lines if line.row is not None and line.row.text != texts[line.key]]
    assert changed == [f"ComfyUI-Node-{at}" for at in (5, 6, 7, 8)]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_text(model: TimelineModel, name: str) -> None:
    model.show_view(stories.cloning(prefix=name).view())
    for row in range(model.rowCount()):
        words = model.index(row).data(Qt.ItemDataRole.AccessibleTextRole)
        assert "\n" not in words and "\u202e" not in words and "\x1b" not in words
        assert len(words) < 2000
        tip = model.index(row).data(Qt.ItemDataRole.ToolTipRole)
        assert tip is None or "<img" not in tip and "<b>" not in tip


def test_a_line_is_read_aloud_with_its_state(model: TimelineModel) -> None:
    model.show_view(stories.cloning().view())
    said = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())]
    assert any(text.startswith("ComfyUI-Node-6, Running, 22 %") for text in said)
    assert "4 others (3/4), Failed" in said
    assert said[0] == "Test ssh, Succeeded, 00:05, reachable in 0.4 s"
