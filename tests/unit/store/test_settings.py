"""Settings: texts in, checked; what they mean is the table's business."""

from __future__ import annotations

import pytest

from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.settings import SETTINGS, values_of, write_setting
from vastdesk.store import Store


async def test_only_what_was_changed_is_stored(store: Store, other: Store) -> None:
    assert await store.settings() == {}
    assert await store.setting("step_delay") is None
    assert await store.set_setting("step_delay", " 1m30s ") == 90.0
    assert values_of(await other.settings())["step_delay"] == 90.0
    assert await store.set_setting("step_delay", None) == SETTINGS["step_delay"].default
    assert await other.settings() == {}


@pytest.mark.parametrize("name", SETTINGS)
async def test_every_setting_is_stored_and_read_back(store: Store, name: str) -> None:
    default = SETTINGS[name].default
    assert await store.set_setting(name, write_setting(name, default)) == default
    stored = await store.setting(name)
    assert stored == write_setting(name, default) and await store.settings() == {name: stored}


async def test_what_does_not_fit_is_refused(store: Store) -> None:
    with pytest.raises(VastDeskError) as caught:
        await store.set_setting("step_delay", "many")
    assert caught.value.kind == "bad_setting"
    for call in (store.set_setting("steep_delay", "1"), store.setting("steep_delay"), store.set_setting("nope", None)):
        with pytest.raises(VastDeskError) as caught:
            await call
        assert caught.value.kind == "no_setting"
    assert await store.settings() == {}


async def test_settings_of_another_version_are_left_alone(store: Store) -> None:
    await store._db.write(lambda c: c.execute("INSERT INTO setting VALUES ('of_tomorrow', 'x')") and None)
    assert await store.settings() == {"of_tomorrow": "x"}
