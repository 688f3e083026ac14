"""From an address to a login, and every way in which that fails, on a real sshd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.relay import Relay
from tests.fakes.sshd import Sshd
from tests.integration.remote.conftest import World
from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.connection import Connection, is_passing, open_connection
from vastdesk.remote.keys import KeySource


async def opened(world: World, *endpoints: tuple[str, int], **fields: str) -> Connection:
    return await open_connection(
        world.instance(*endpoints, **fields),
        host_keys=world.host_keys,
        keys=KeySource(ssh_dir=world.ssh_dir),
        options=world.options,
        on_rung=world.on_rung,
    )


async def refused(world: World, *endpoints: tuple[str, int], **fields: str) -> VastDeskError:
    with pytest.raises(VastDeskError) as caught:
        await opened(world, *endpoints, **fields)
    return caught.value


def climbed(world: World) -> list[tuple[str, str]]:
    return [(rung.name, rung.state) for rung in world.rungs]


async def test_every_rung_is_reported_in_order(world: World) -> None:
    world.pin()
    connection = await opened(world)
    await connection.close()
    names = ("key", "resolve", "tcp", "kex", "login")
    assert climbed(world) == [(name, state) for name in names for state in ("running", "succeeded")]
    notes = {rung.name: rung.note for rung in world.rungs}
    assert notes["resolve"] == "127.0.0.1"
    assert notes["kex"] == f"ssh-ed25519 {world.sshd.fingerprints[0]}"
    assert world.fingerprint in notes["key"]


async def test_the_banner_is_kept_for_the_diagnostics(make_world: Callable[..., World]) -> None:
    world = make_world(banner="Welcome to vast.ai.\nHave fun!\n")
    world.pin()
    connection = await opened(world)
    await connection.close()
    assert connection.diagnostics["banner"] == "Welcome to vast.ai.\nHave fun!\n"
    assert connection.diagnostics["send_cipher"] == "aes128-gcm@openssh.com"


async def test_an_unknown_key_is_offered_and_nothing_is_authenticated(world: World) -> None:
    error = await refused(world)
    fingerprint = world.sshd.fingerprints[0]
    assert error.kind == "host_key_unknown"
    assert error.exit_code == 3
    assert error.facts["fingerprint"] == fingerprint
    assert f"vastdesk instances trust box {fingerprint}" in error.action
    assert world.host_keys.offered["id-1"].fingerprint == fingerprint
    assert world.sshd.authentication_attempts() == 0
    assert climbed(world)[-1] == ("kex", "failed")

    world.host_keys.trust_offered()
    connection = await opened(world)
    await connection.close()
    assert world.sshd.offered_keys() == [world.fingerprint]


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
async def test_a_changed_key_is_refused_before_anything_is_sent(world: World, algorithm: str) -> None:
    world.pin()
    before = world.sshd.fingerprints[0]
    world.sshd.change_host_keys(algorithm)
    log_begin = len(world.sshd.log().encode())
    error = await refused(world)
    assert error.kind == "host_key_changed"
    assert error.exit_code == 3
    assert error.facts["pinned"] == before
    assert error.facts["fingerprint"] == world.sshd.fingerprints[0]
    assert not is_passing(error)
    log = world.sshd.log(log_begin)
    assert "Connection from" in log  # so that silence in the log means something
    assert world.sshd.authentication_attempts(log_begin) == 0
    assert world.host_keys.pinned["id-1"].fingerprint == before


async def test_the_pinned_kind_of_key_is_asked_for(make_world: Callable[..., World]) -> None:
    world = make_world(host_keys=("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"))
    for number, fingerprint in enumerate(world.sshd.fingerprints):
        world.pin(number=number)
        connection = await opened(world)
        await connection.close()
        assert connection.diagnostics["host_key"] == fingerprint


async def test_a_wrong_key_is_told_and_only_one_was_offered(world: World) -> None:
    world.pin()
    world.sshd.deny_all()
    error = await refused(world)
    assert error.kind == "auth_refused"
    assert error.exit_code == 4
    assert world.fingerprint in error.sentence
    assert not is_passing(error)
    assert world.sshd.offered_keys() == [world.fingerprint]
    assert climbed(world)[-1] == ("login", "failed")


async def test_a_closed_port(world: World) -> None:
    world.sshd.stop()
    error = await refused(world)
    assert error.kind == "connect_refused"
    assert is_passing(error)
    assert climbed(world)[-1] == ("tcp", "failed")


async def test_a_name_that_does_not_exist(world: World) -> None:
    error = await refused(world, ("no-such-machine.invalid", 22))
    assert error.kind == "dns_failed"
    assert climbed(world)[-1] == ("resolve", "failed")


async def test_something_else_on_the_port(world: World) -> None:
    async def web_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(web_server, "127.0.0.1", 0) as server:
        error = await refused(world, ("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert error.kind == "not_ssh"
    assert "HTTP/1.1 400 Bad Request" in error.sentence
    assert not is_passing(error)


async def test_a_port_where_nobody_speaks(world: World) -> None:
    async with Relay(world.sshd.host, world.sshd.port) as relay:
        relay.silent = True
        world.options = type(world.options)(login_timeout_s=0.3)
        error = await refused(world, (relay.host, relay.port))
    assert error.kind == "connect_timeout"
    assert is_passing(error)


async def test_a_server_that_drops_newcomers_is_busy_and_not_a_wrong_key(make_world: Callable[..., World]) -> None:
    world = make_world(max_startups="1:100:1")
    world.pin()
    _reader, writer = await asyncio.open_connection(world.sshd.host, world.sshd.port)  # holds the only place
    error = await refused(world)
    writer.close()
    assert error.kind == "connection_lost"
    assert is_passing(error)


async def test_the_second_endpoint_when_the_first_is_closed(world: World) -> None:
    world.pin()
    async with Relay(world.sshd.host, world.sshd.port) as relay:
        await relay.refuse()
        connection = await opened(world, (relay.host, relay.port), (world.sshd.host, world.sshd.port))
    assert connection.endpoint.port == world.sshd.port
    await connection.close()
    assert climbed(world).count(("tcp", "failed")) == 1


async def test_the_endpoint_that_answered_says_more_than_the_one_that_did_not(world: World) -> None:
    world.pin()
    world.sshd.deny_all()
    async with Relay(world.sshd.host, world.sshd.port) as relay:
        await relay.refuse()
        error = await refused(world, (world.sshd.host, world.sshd.port), (relay.host, relay.port))
    assert error.kind == "auth_refused"


async def test_a_changed_key_on_one_endpoint_stops_there(world: World, make_sshd: Callable[..., Sshd]) -> None:
    stranger = make_sshd()
    world.pin()
    error = await refused(world, (stranger.host, stranger.port), (world.sshd.host, world.sshd.port))
    assert error.kind == "host_key_changed"
    assert world.sshd.authentication_attempts() == 0


async def test_through_a_jump_host_each_key_is_pinned_by_itself(world: World, make_sshd: Callable[..., Sshd]) -> None:
    gate = make_sshd()
    gate.authorize(world.key.export_public_key().decode())
    jump = f"{gate.user}@{gate.host}:{gate.port}"

    error = await refused(world, jump=jump)
    assert error.kind == "host_key_unknown"
    assert error.facts["fingerprint"] == gate.fingerprints[0]
    assert list(world.host_keys.offered) == ["id-1:jump"]
    assert gate.authentication_attempts() == 0

    world.host_keys.trust_offered()
    error = await refused(world, jump=jump)
    assert error.facts["fingerprint"] == world.sshd.fingerprints[0]
    assert list(world.host_keys.offered) == ["id-1"]

    world.host_keys.trust_offered()
    world.rungs.clear()
    connection = await opened(world, jump=jump)
    assert (await connection.ssh.run("echo here")).stdout == "here\n"
    await connection.close()
    assert [name for name, state in climbed(world) if state == "succeeded"] == [
        *("key", "jump resolve", "jump tcp", "jump kex", "jump login"),
        *("resolve", "tcp", "kex", "login"),
    ]


async def test_a_jump_host_that_cannot_reach_the_machine(world: World, make_sshd: Callable[..., Sshd]) -> None:
    gate = make_sshd()
    gate.authorize(world.key.export_public_key().decode())
    world.pin("id-1:jump", gate)
    world.sshd.stop()
    error = await refused(world, jump=f"{gate.user}@{gate.host}:{gate.port}")
    assert error.kind == "host_unreachable"


async def test_a_connection_knows_that_it_was_lost(world: World) -> None:
    world.pin()
    connection = await opened(world)
    assert connection.open
    world.sshd.kill_sessions()
    assert await asyncio.wait_for(connection.lost(), 5)
    assert not connection.open
    await connection.close()


async def test_a_frozen_peer_is_noticed_by_keep_alive(world: World) -> None:
    world.pin()
    world.options = type(world.options)(keepalive_s=0.1, keepalive_count=2)
    connection = await opened(world)
    world.sshd.freeze_sessions()
    try:
        assert await asyncio.wait_for(connection.lost(), 5)
    finally:
        world.sshd.thaw_sessions()
        await connection.close()
