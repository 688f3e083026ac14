"""The runner's command line. What the served channel can do is also a command, for people and as a last resort."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Dict, List

USAGE = """usage: python3 vastdesk-runner.pyz COMMAND

  start                    start the job whose spec (JSON) comes on stdin; the same job again is only reported
  watch JOB [SINCE]        print the events of a job from SINCE on as they come, then how it ended
  status JOB               what is known of a job
  cancel JOB               end a job and everything it has started
  log JOB STEP [OFFSET]    print the raw output of a step
  ack JOB SEQ              the events up to SEQ are stored elsewhere
  sweep JOB                end what a lost job has left behind
  clean                    remove old jobs and runners
  probe                    facts about this machine
  serve --token TOKEN      all of this as a service on stdin and stdout
  --version, --help
"""
POLL_S = 0.1


def main(arguments: List[str]) -> int:
    """Returns the exit code: 0 done, 1 refused or failed, 2 wrong usage."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command == "_step":
        from . import stepmain

        return stepmain.main(rest)
    if command == "_supervise":
        from . import launch

        return launch.supervise(rest)
    if command == "serve":
        from . import serve

        return serve.main(rest)
    if command in ("--help", "-h", "help"):
        sys.stdout.write(USAGE)
        return 0
    if command == "--version":
        return _print_version()
    return _run_request(command, rest)


def _print_version() -> int:
    from . import VERSION, home

    sys.stdout.write("vastdesk-runner %s (%s)\n" % (VERSION, home.runner_sha256()[:12]))
    return 0


def _run_request(command: str, rest: List[str]) -> int:
    from . import home, requests
    from .jobs import RequestError

    try:
        request = _request(command, rest)
    except (ValueError, IndexError, KeyError):
        sys.stderr.write(USAGE)
        return 2
    try:
        home_dir = home.runner_home()
        if command == "watch":
            return _watch(home_dir, request)
        operations = dict(requests.FAST, **requests.SLOW)
        result = operations[command](home_dir, request)
    except (RequestError, OSError) as error:
        sys.stderr.write("vastdesk-runner: %s\n" % error)
        return 1
    if command == "log":
        sys.stdout.write(result["data"])
    elif result is not None:
        sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _request(command: str, rest: List[str]) -> Dict[str, Any]:
    """Raises ValueError, IndexError or KeyError for a wrong usage."""
    if command == "start":
        return {"spec": json.load(sys.stdin)}
    if command in ("clean", "probe"):
        return {}
    if command == "watch":
        return {"job": rest[0], "since": int(rest[1]) if len(rest) > 1 else 0}
    if command == "log":
        return {"job": rest[0], "step": rest[1], "offset": int(rest[2]) if len(rest) > 2 else 0}
    if command == "ack":
        return {"job": rest[0], "seq": int(rest[1])}
    if command in ("status", "cancel", "sweep"):
        return {"job": rest[0]}
    raise KeyError(command)


def _watch(home_dir: str, request: Dict[str, Any]) -> int:
    from .jobs import JobFolder
    from .watching import Watch

    watch = Watch(JobFolder(home_dir, request["job"]), request["since"])
    try:
        while True:
            ending = watch.ending(thorough=True)
            batch = watch.read()
            for line in batch.lines:
                sys.stdout.write(line.decode("utf-8") + "\n")
            if ending is not None and not batch.more:
                sys.stdout.write(json.dumps({"end": ending}) + "\n")
                return 0
            sys.stdout.flush()
            if not batch.more:
                time.sleep(POLL_S)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(0)
