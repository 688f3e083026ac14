"""A process that is a bad line to a port of this computer: `python -m bench.line PORT RTT_MS JITTER_SHARE LOSS`.

Says the port it listens on; ends when its stdin does. Its own process, so that its work is on nobody's account.
"""

from __future__ import annotations

import asyncio
import sys

from tests.fakes.relay import Relay


async def main(port: str, rtt_ms: str, jitter_share: str, loss: str) -> None:
    one_way_s = float(rtt_ms) / 2000
    relay = Relay(
        "127.0.0.1",
        int(port),
        delay_s=one_way_s,
        jitter_s=one_way_s * float(jitter_share),
        loss=float(loss),
        retransmit_s=max(0.2, one_way_s * 2),
    )
    async with relay:
        print(relay.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
