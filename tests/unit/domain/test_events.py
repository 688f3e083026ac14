"""What arrives from a machine is taken field by field, or not at all."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.events import MAX_TEXT, TASK_STATES, clean_event

TASK = {"seq": 7, "ts": 1.5, "mono": 2.5, "type": "task", "step": "nodes", "id": "n1", "state": "running"}


def cleaned(**fields: Any) -> dict[str, Any]:
    event = clean_event({**TASK, **fields})
    assert event is not None
    return event


def test_a_good_event_stays_as_it_is() -> None:
    event = {
        **TASK,
        "progress": {"done": 3, "total": 10.5, "unit": "packages"},
        "rate": 1.5,
        "size_bytes": 100,
        "eta_s": 3,
        "note": "über",
        "run": "r",
        "job": "j",
        "rseq": 12,
    }
    assert clean_event(event) == event


@pytest.mark.parametrize(
    "obj",
    [None, 7, "text", [], {}, {"seq": 1}, {"type": "task"}, {"type": "", "seq": 1}, {"type": 5, "seq": 1}]
    + [{"type": "log", "seq": seq} for seq in (0, -1, 1.5, "1", None, True, math.nan, 2**60)],
)
def test_without_type_or_number_it_is_no_event(obj: object) -> None:
    assert clean_event(obj) is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -1, 10**400, 2**60, "5", None, True, [], {}])
def test_a_bad_number_is_dropped_and_the_rest_stays(number: object) -> None:
    event = cleaned(rate=number, eta_s=number, mono=number, progress={"done": number, "total": 5})
    assert event == {**{k: v for k, v in TASK.items() if k != "mono"}, "progress": {"total": 5}}


@pytest.mark.parametrize("state", ["done", "", None, 5, ["running"], {"a": 1}, "queued"])
def test_a_state_that_does_not_exist_is_dropped(state: object) -> None:
    assert "state" not in cleaned(state=state)


def test_ids_are_texts_that_are_not_empty() -> None:
    assert "id" not in cleaned(id="")
    assert "id" not in cleaned(id=5)
    assert "step" not in cleaned(step=None)


def test_tasks_without_an_id_are_left_out_of_a_plan() -> None:
    event = clean_event(
        {
            "seq": 1,
            "type": "plan",
            "step": "s",
            "tasks": [{"id": "a", "label": 5}, {"label": "x"}, "b", None, {"id": ""}],
        }
    )
    assert event is not None
    assert event["tasks"] == [{"id": "a"}]


def test_long_texts_are_cut() -> None:
    assert len(cleaned(note="x" * 100_000)["note"]) == MAX_TEXT


def test_lone_surrogates_never_get_further() -> None:
    event = cleaned(note="a\ud800b", extra={"deep": ["\udfff"]})
    event["note"].encode()
    json.dumps(event, ensure_ascii=False).encode()


def test_unknown_types_and_fields_are_kept_as_plain_json() -> None:
    event = {"seq": 1, "type": "weather", "sunny": True, "deep": {"list": [1, "a", None, {"b": 2.5}]}}
    assert clean_event(event) == event


def test_unknown_fields_that_are_no_json_are_dropped() -> None:
    event = clean_event({"seq": 1, "type": "weather", "bad": {1, 2}, "nan": math.nan, 5: "five"})
    assert event == {"seq": 1, "type": "weather"}


def test_a_very_deep_field_is_cut_off() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert clean_event({"seq": 1, "type": "weather", "deep": deep}) is not None


def test_times_that_no_calendar_has_are_dropped() -> None:
    assert "ts" not in cleaned(ts=1e15)
    assert "ts" not in cleaned(ts=-5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(sorted(TASK_STATES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["seq", "ts", "mono", "type", "step", "id", "state", "progress", "tasks", "steps", "block", "tail", "note"]
TYPES = ["run_state", "job_started", "plan", "task", "log", "step_finished", "job_finished", "dropped", "other"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(TYPES))
def test_whatever_comes_what_is_left_is_clean_json_and_cleaning_it_again_changes_nothing(
    fields: dict[str, Any], type_: str
) -> None:
    event = clean_event({**fields, "type": type_, "seq": 1})
    assert event is not None
    json.dumps(event, allow_nan=False, ensure_ascii=False).encode()
    assert clean_event(event) == event
