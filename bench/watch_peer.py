"""The original's way: a new `ssh HOST cat FILE` every 2 s, the file read from its beginning each time.

`python -m bench.watch_peer FILE SSH…`; ends when its stdin does, then says the result.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from bench.streams import written_s

EVERY_S = 2.0
WARM_UP_S = 3.0


def processor_s() -> float:
    """Of this process and of all its ssh."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


async def main(path: str, *ssh: str) -> None:
    latencies: list[float] = []
    last = 0
    began = time.monotonic()
    cpu_began = processor_s()
    loop = asyncio.get_running_loop()
    stdin_ended = loop.run_in_executor(None, sys.stdin.read)
    while not stdin_ended.done():
        round_began = time.monotonic()
        process = await asyncio.create_subprocess_exec(*ssh, f"cat {path}", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        events = [json.loads(line) for line in output.split(b"\n")[:-1]]
        now = time.monotonic()
        for event in events:
            written = written_s(event)
            if written is not None and event["seq"] > last:
                last = event["seq"]
                if now - began > WARM_UP_S:
                    latencies.append(now - written)
        await asyncio.wait([stdin_ended], timeout=max(0.0, round_began + EVERY_S - time.monotonic()))
    result = {"latencies": latencies, "cpu_s": processor_s() - cpu_began, "seconds": time.monotonic() - began}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
