"""Builds links with what the store and the settings know: pins, keys, time limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from vastdesk.domain.instances import Identity, Instance
from vastdesk.domain.settings import seconds_of
from vastdesk.remote.keys import KeySource
from vastdesk.remote.link import Link
from vastdesk.remote.options import Options
from vastdesk.store import Store
from vastdesk.store.secrets import Secrets
from vastdesk.workers.jobfollower import Patience


def link_maker(
    store: Store,
    secrets: Secrets,
    ask: Callable[[str], Awaitable[str | None]] | None,
    settings: Mapping[str, str],
) -> Callable[[Instance], Link]:
    """A function that makes unconnected links; all of them share keys, handshakes and pins."""
    options = Options(
        connect_timeout_s=seconds_of("connect_timeout_s", settings),
        keepalive_s=seconds_of("keepalive_interval_s", settings),
        keepalive_count=int(seconds_of("keepalive_count", settings)),
        stale_after_s=seconds_of("stale_after_s", settings),
    )

    async def read_stored(identity: Identity) -> tuple[bytes, str | None]:
        stored = await secrets.identity_key(identity.name)
        return stored.data, stored.passphrase

    keys = KeySource(ask=ask, find_identity=store.find_identity, read_stored=read_stored)
    return lambda instance: Link(instance, host_keys=store, keys=keys, options=options)


async def patience_of(store: Store) -> Patience:
    """From the settings."""
    settings = await store.settings()
    return Patience(
        reconnect_initial_s=seconds_of("reconnect_initial_s", settings),
        reconnect_max_s=seconds_of("reconnect_max_s", settings),
        cancel_patience_s=seconds_of("cancel_patience_s", settings),
    )
