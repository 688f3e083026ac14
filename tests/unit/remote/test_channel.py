"""Picking framed lines out of what a login shell adds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.channel import TOKEN, ScriptedChannel
from vastdesk.domain.errors import VastDeskError
from vastdesk.remote import channel as channels
from vastdesk.remote.channel import FramedReader, Noise


def reader(*blocks: bytes) -> FramedReader:
    channel = ScriptedChannel()
    for block in blocks:
        channel.raw(block)
    channel.end()
    return FramedReader(channel, TOKEN, Noise())


async def everything(source: FramedReader) -> list[dict[str, object]]:
    found = []
    while batch := await source.batch():
        found += batch
    return found


async def test_noise_goes_to_the_diagnostics() -> None:
    source = reader(
        b"\x1b[1;31m>>> not yet complete\x1b[0m\r\n\n",
        f"prompt$ {TOKEN} ".encode() + b'{"a": 1}\nmore\n',
        b"\xff\xfe\x00\n\x1b]0;title\x07done\n",
    )
    assert await everything(source) == [{"a": 1}]
    assert source.noise.lines() == [">>> not yet complete", "more", "\ufffd\ufffd", "done"]
    assert source.noise.last() == "done"


async def test_damaged_lines_are_counted() -> None:
    source = reader(f"{TOKEN} {{\n{TOKEN} [1]\n{TOKEN} {{}}\n".encode())
    assert await everything(source) == [{}]
    assert source.damaged == 2


async def test_only_the_last_lines_of_noise_are_kept() -> None:
    source = reader("".join(f"line {n} {'x' * 1000}\n" for n in range(500)).encode())
    assert await everything(source) == []
    assert len(source.noise.lines()) == channels.NOISE_LINES
    assert max(map(len, source.noise.lines())) == channels.NOISE_WIDTH


async def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MAX_LINE_BYTES", 1000)
    with pytest.raises(VastDeskError) as caught:
        await everything(reader(b"x" * 2000))
    assert caught.value.kind == "protocol_error"


async def test_one_by_one() -> None:
    source = reader(f'{TOKEN} {{"a": 1}}\n{TOKEN} {{"a": 2}}\n'.encode())
    assert [await source.one(), await source.one(), await source.one()] == [{"a": 1}, {"a": 2}, None]


@given(
    values=st.lists(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none()))),
    noise=st.binary(max_size=40).filter(lambda data: TOKEN.encode() not in data),
    cuts=st.lists(st.integers(min_value=1, max_value=50), max_size=20),
)
async def test_however_the_bytes_are_cut(values: list[dict[str, object]], noise: bytes, cuts: list[int]) -> None:
    data = b"".join(noise + b"\n" + f"{TOKEN} {json.dumps(value)}\n".encode() for value in values)
    blocks = []
    for cut in cuts:
        blocks.append(data[:cut])
        data = data[cut:]
    assert await everything(reader(*[block for block in [*blocks, data] if block])) == values
