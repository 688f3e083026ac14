"""One command on the instance, its output cut out of whatever the login shell adds."""

from __future__ import annotations

import asyncio

from vastdesk.domain.errors import VastDeskError
from vastdesk.remote.bootstrap import Opener
from vastdesk.remote.channel import READ_BYTES, Noise

# The exit code is written behind the output: the status of an SSH channel is lost with the connection.
SCRIPT = 't=$1; shift; echo; echo "$t"; "$@"; c=$?; echo "$t $c"'


async def run_framed(
    opener: Opener, argv: list[str], stdin: bytes | None, timeout_s: float, token: str
) -> tuple[int, bytes]:
    """Exit code and stdout, byte for byte. Raises `connection_lost`, `channel_refused`, `command_timeout`."""
    noise = Noise()
    channel = await opener.open(["/bin/sh", "-c", SCRIPT, "sh", token, *argv], noise)
    try:
        async with asyncio.timeout(timeout_s):
            if stdin:
                await channel.send(stdin)
            channel.send_eof()
            output = bytearray()
            while data := await channel.read(READ_BYTES):
                output += data
    except TimeoutError:
        raise VastDeskError("command_timeout", command=argv[0], timeout_s=f"{timeout_s:g}", host=opener.host) from None
    finally:
        channel.close()
    return _cut_out(bytes(output), token.encode("ascii"), opener.host)


def _cut_out(output: bytes, token: bytes, host: str) -> tuple[int, bytes]:
    begin = output.find(token + b"\n")
    end = output.rfind(token + b" ")
    if begin < 0 or end < begin:
        raise VastDeskError("connection_lost", host=host, detail="the command's end was not seen")
    return int(output[end + len(token) + 1 :].split(b"\n", 1)[0]), output[begin + len(token) + 1 : end]
