"""The one table of settings, and how what a person types becomes a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import (
    SETTINGS,
    TABLE,
    Setting,
    describe_type,
    find_setting,
    parse_setting,
    value_of,
    values_of,
    write_setting,
)


def test_names_are_unique() -> None:
    assert len(SETTINGS) == len(TABLE)


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_every_setting_explains_itself_and_its_default_fits(setting: Setting) -> None:
    assert setting.label and setting.help and setting.section
    assert describe_type(setting)
    assert parse_setting(setting.name, write_setting(setting.name, setting.default)) == setting.default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("step_delay", "0", 0.0),
        ("step_delay", " 2.5 ", 2.5),
        ("step_delay", "1m30s", 90.0),
        ("step_delay", "250ms", 0.25),
        ("reconnect_initial_s", "0.5", 0.5),
        ("reconnect_max_s", "1h", 3600.0),
        ("keepalive_count", "2", 2),
    ],
)
def test_what_a_person_types(name: str, text: str, value: float) -> None:
    assert parse_setting(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("step_delay", "soon", "a number of seconds, or like 90s, 45m, 1h30m, not 'soon'"),
        ("step_delay", "", "a number of seconds"),
        ("step_delay", "-1", "a number of seconds"),
        ("step_delay", "nan", "a number of seconds"),
        ("step_delay", "1e3", "a number of seconds"),
        ("step_delay", "2h", "from 0 to 3600 seconds"),
        ("keepalive_count", "50", "from 1 to 20"),
        ("keepalive_count", "2.5", "whole number"),
        ("keepalive_count", "9" * 5000, "whole number"),
        ("keepalive_count", "\u0664", "whole number"),
    ],
)
def test_what_does_not_fit_is_said(name: str, text: str, says: str) -> None:
    with pytest.raises(VastDeskError, match=says) as caught:
        parse_setting(name, text)
    assert (caught.value.kind, caught.value.exit_code) == ("bad_setting", 2)


def test_a_mistyped_name_gets_a_suggestion() -> None:
    with pytest.raises(VastDeskError, match=r"no setting step_dely \(did you mean step_delay\?\)") as caught:
        find_setting("step_dely")
    assert caught.value.exit_code == 2


def test_a_name_like_no_other_gets_none() -> None:
    with pytest.raises(VastDeskError, match="^there is no setting xyzzy$"):
        parse_setting("xyzzy", "1")


def test_what_is_not_stored_or_no_longer_fits_is_the_default() -> None:
    assert value_of("step_delay", None) == 5.0
    assert value_of("step_delay", "2h") == 5.0
    assert value_of("step_delay", "7s") == 7.0


def test_all_values_in_use() -> None:
    values = values_of({"step_delay": "0", "from_the_future": "1"})
    assert values["step_delay"] == 0
    assert values.keys() == SETTINGS.keys()


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20))
def test_whatever_is_typed_gives_a_value_that_fits_or_a_sentence(name: str, text: str) -> None:
    try:
        value = parse_setting(name, text)
    except VastDeskError as error:
        assert error.kind == "bad_setting"
    else:
        assert value_of(name, write_setting(name, value)) == value
