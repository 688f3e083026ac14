"""Instances, host keys and identities."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.store.conftest import ENDPOINT, new_run
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.instances import Endpoint, HostKey, Identity, Instance
from vastdesk.store import RunRow, Store

KEY = HostKey("ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:first")
OTHER_KEY = HostKey("ssh-rsa", "ssh-rsa BBBB", "SHA256:second")
IDENTITY = Identity("laptop", "file", "ssh-ed25519 CCCC", "SHA256:mine", "/home/me/.ssh/id_ed25519")


async def refused(awaitable: object, kind: str) -> VastDeskError:
    with pytest.raises(VastDeskError) as caught:
        await awaitable  # type: ignore[misc]
    assert caught.value.kind == kind
    return caught.value


async def test_an_instance_comes_back_as_it_was_saved(store: Store, other: Store) -> None:
    await store.add_identity(IDENTITY)
    endpoints = [ENDPOINT, Endpoint("::1", 22, "u", "direct"), Endpoint("ssh6.vast.ai", 40000, "root", "proxy")]
    saved = await store.add_instance(
        "gpu", endpoints, identity="laptop", jump="me@jump:22", profile={"python": None}, vast_id="123"
    )
    assert saved.endpoints == tuple(endpoints) and saved.created_ts > 1e9
    assert (saved.identity, saved.jump, saved.profile, saved.vast_id) == (
        "laptop",
        "me@jump:22",
        {"python": None},
        "123",
    )
    assert await other.find_instance("gpu") == saved == await other.find_instance(saved.id)


async def test_instances_are_listed_by_name(store: Store) -> None:
    for name in ("b", "C", "a"):
        await store.add_instance(name, [ENDPOINT])
    assert [instance.name for instance in await store.instances()] == ["a", "b", "C"]


async def test_a_name_is_given_once(store: Store, instance: Instance) -> None:
    await refused(store.add_instance("gpu", [ENDPOINT]), "instance_exists")
    second = await store.add_instance("root@1.2.3.4:22022", [ENDPOINT])
    await refused(store.update_instance(second.id, name="gpu"), "instance_exists")
    assert (await store.update_instance(second.id, name=second.name)) == second


async def test_changing_an_instance(store: Store, instance: Instance) -> None:
    changed = await store.update_instance(
        instance.id, name="new", endpoints=(Endpoint("h", 1, "u"),), profile={"comfyui": "/x"}, identity_file="~/.ssh/k"
    )
    assert changed == dataclasses.replace(
        instance, name="new", endpoints=(Endpoint("h", 1, "u"),), profile={"comfyui": "/x"}, identity_file="~/.ssh/k"
    )
    assert await store.find_instance("new") == changed
    assert (await store.update_instance(instance.id, identity_file=None)).identity_file is None
    with pytest.raises(TypeError, match="colour"):
        await store.update_instance(instance.id, colour="red")


async def test_instances_that_are_not_there(store: Store) -> None:
    for call in (
        store.find_instance("nope"),
        store.update_instance("nope", name="x"),
        store.remove_instance("nope"),
        store.offer_host_key("nope", KEY),
        store.trust_host_key("nope", "SHA256:x"),
    ):
        assert (await refused(call, "no_instance")).exit_code == 7
    await refused(store.add_instance("x", [ENDPOINT], identity="nope"), "no_identity")


async def test_an_instance_is_removed_with_its_keys_and_without_its_history(
    store: Store, instance: Instance, run: RunRow
) -> None:
    await store.offer_host_key(instance.id, KEY)
    await store.trust_host_key(instance.id, KEY.fingerprint)
    await refused(store.remove_instance(instance.id), "instance_busy")
    await store.append_desktop(run.id, "run_state", state="failed")
    await store.remove_instance(instance.id)
    assert await store.instances() == [] and await store.host_key(instance.id) is None
    assert (await store.find_run(run.id)).instance_id == instance.id


# ---- host keys


async def test_exactly_the_key_that_was_shown_is_pinned(store: Store, instance: Instance) -> None:
    assert await store.host_key(instance.id) is None and await store.offered_host_key(instance.id) is None
    await store.offer_host_key(instance.id, KEY)
    assert await store.host_key(instance.id) is None
    await store.offer_host_key(instance.id, OTHER_KEY)  # the server shows another one before the user has answered
    refusal = await refused(store.trust_host_key(instance.id, KEY.fingerprint), "host_key_not_offered")
    assert "SHA256:first" in str(refusal) and "gpu" in str(refusal)
    assert await store.host_key(instance.id) is None
    assert await store.trust_host_key(instance.id, OTHER_KEY.fingerprint) == OTHER_KEY
    assert await store.host_key(instance.id) == OTHER_KEY and await store.offered_host_key(instance.id) is None


async def test_trusting_twice_is_trusting_once(store: Store, instance: Instance) -> None:
    await store.offer_host_key(instance.id, KEY)
    for _ in range(2):
        assert await store.trust_host_key(instance.id, KEY.fingerprint) == KEY


async def test_an_offer_never_replaces_what_is_trusted(store: Store, instance: Instance) -> None:
    await store.offer_host_key(instance.id, KEY)
    await store.trust_host_key(instance.id, KEY.fingerprint)
    await store.offer_host_key(instance.id, OTHER_KEY)
    assert await store.host_key(instance.id) == KEY
    assert await store.offered_host_key(instance.id) == OTHER_KEY
    await store.forget_host_key(instance.id)
    assert await store.host_key(instance.id) is None and await store.offered_host_key(instance.id) is None


async def test_keys_belong_to_one_instance(store: Store, instance: Instance) -> None:
    second = await store.add_instance("same host and port", [ENDPOINT])
    await store.offer_host_key(instance.id, KEY)
    await refused(store.trust_host_key(second.id, KEY.fingerprint), "host_key_not_offered")


# ---- identities


async def test_identities(store: Store, instance: Instance) -> None:
    stored = Identity("app", "stored", "ssh-ed25519 DDDD", "SHA256:app")
    for identity in (IDENTITY, stored):
        assert await store.add_identity(identity) == identity
    assert await store.identities() == [stored, IDENTITY]
    assert await store.find_identity("app") == stored
    await refused(store.add_identity(stored), "identity_exists")
    await store.update_instance(instance.id, identity="app")
    assert "gpu" in str(await refused(store.remove_identity("app"), "identity_in_use"))
    await store.update_instance(instance.id, identity=None)
    await store.remove_identity("app")
    for call in (
        store.find_identity("app"),
        store.remove_identity("app"),
        store.update_instance(instance.id, identity="app"),
    ):
        assert (await refused(call, "no_identity")).exit_code == 7


async def test_a_run_may_be_made_for_an_instance_that_is_gone(store: Store, instance: Instance) -> None:
    """Retrying from the history: the caller finds out that the instance is gone; the store does not fail over it."""
    await store.remove_instance(instance.id)
    first = await store.create_run(new_run(instance))
    assert first.id in str(await refused(store.create_run(new_run(instance)), "instance_busy"))
