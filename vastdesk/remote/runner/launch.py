"""Starts jobs: exactly once, whatever is repeated, raced or killed meanwhile; and detaches the supervisor.

The starter prepares a folder of its own, locks it and renames it into place: a rename onto an existing folder fails, so
one of many starters wins. The lock is handed on to the supervisor, so that it is held from the first instant the folder
is seen.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from typing import Any, Dict, List, Mapping, NoReturn, Optional

from . import home, jobs, locks
from .jobs import JobFolder, RequestError
from .stepprocess import SECRETS_BYTES

HANDSHAKE_S = 10.0
ALREADY = "already"
FULL = "disk full"


def start(home_dir: str, spec: Any, secrets: Any) -> Dict[str, Any]:
    """Start the job, or report it if it is there already. Returns its status; raises RequestError."""
    jobs.check_spec(spec)
    check_secrets(secrets)
    folder = JobFolder(home_dir, spec["job"])
    lock = None if folder.exists() else _claim(folder, spec)
    if lock is None:
        if jobs.spec_sha256(folder.spec()) != jobs.spec_sha256(spec):
            raise RequestError("spec_differs", "job %s exists with another spec; it was left alone" % folder.job)
        lock = _lock_stillborn(folder)
    if lock is not None:
        try:
            _start_supervisor(folder, lock, secrets)
        finally:
            os.close(lock)
    return jobs.status(folder)


def check_secrets(secrets: Any) -> None:
    """Raises RequestError unless it is an object of texts that fits into a pipe."""
    if not isinstance(secrets, dict) or not all(isinstance(value, str) for value in secrets.values()):
        raise RequestError("bad_request", "`secrets` is not an object of texts")
    if len(json.dumps(secrets)) > SECRETS_BYTES:
        raise RequestError("bad_request", "the secrets are larger than 48 KiB")


def _claim(folder: JobFolder, spec: Mapping[str, Any]) -> Optional[int]:
    """Make the folder. Returns its held lock, or None if another starter was faster."""
    parent = os.path.dirname(folder.path)
    prepared = os.path.join(parent, ".new-%s-%d-%s" % (folder.job, os.getpid(), os.urandom(4).hex()))
    lock = None
    try:
        os.mkdir(prepared, 0o700)
        os.mkdir(os.path.join(prepared, "output"), 0o700)
        jobs.write_json(os.path.join(prepared, "spec.json"), spec)
        lock = locks.try_lock(os.path.join(prepared, "lock"))
        os.rename(prepared, folder.path)
        jobs.sync_folder(parent)
        return lock
    except OSError as error:
        shutil.rmtree(prepared, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return None
        raise _no_folder(error) from error


def _no_folder(error: OSError) -> RequestError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RequestError("disk_full", "the disk of the instance is full: free some space, then start again")
    return RequestError("cannot_start", "the folder of the job could not be made: %s" % error)


def _lock_stillborn(folder: JobFolder) -> Optional[int]:
    """The lock of a job whose starter died before its supervisor lived: such a job may be started again."""
    if folder.state() is not None or folder.exit() is not None:
        return None
    lock = locks.try_lock(folder.lock, patience_s=0.3)
    if lock is not None and (folder.state() is not None or folder.exit() is not None):
        os.close(lock)
        return None
    return lock


def _start_supervisor(folder: JobFolder, lock: int, secrets: Mapping[str, str]) -> None:
    """Run `_supervise` and wait for its word. It execs anew: with an argv of its own nobody kills it with `serve`."""
    command = home.runner_command("_supervise", folder.path, str(lock))
    environment = {name: value for name, value in os.environ.items() if name not in ("VASTDESK_JOB", "VASTDESK_KEEP")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(lock,),
        start_new_session=True,
        cwd="/",
        env=environment,
    )
    try:
        answer, complaint = process.communicate(json.dumps(dict(secrets)).encode(), timeout=HANDSHAKE_S)
    except subprocess.TimeoutExpired:
        # Whether it lives is not known: the lock will tell whoever asks again.
        process.kill()
        process.wait()
        raise RequestError("cannot_start", "the supervisor did not answer within %d s" % HANDSHAKE_S) from None
    word = answer.decode("utf-8", "replace").strip()
    if word == FULL:
        raise RequestError("disk_full", "the disk of the instance is full: free some space, then start again")
    if word not in ("ok", ALREADY):
        last = (complaint.decode("utf-8", "replace").strip().splitlines() or [word or "no answer"])[-1]
        raise RequestError("cannot_start", "the supervisor could not be started: %s" % last[:500])


def supervise(arguments: List[str]) -> int:
    """`_supervise JOB_DIR LOCK_FD`: detach, take over, answer, run the job. Secrets come on stdin, into memory only."""
    job_dir, lock = arguments[0], int(arguments[1])
    os.set_inheritable(lock, False)
    secrets = json.loads(sys.stdin.buffer.read().decode())
    if os.fork():  # we lead a session; a child of ours does not, and cannot get a terminal
        os._exit(0)
    answer = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    home_dir, _, job = job_dir.rpartition("/jobs/")
    os.chdir(os.path.join(home_dir, "bell"))  # so that the names of the bells are short enough for a socket address
    _run(JobFolder(home_dir, job), secrets, answer, null)


def _run(folder: JobFolder, secrets: Mapping[str, str], answer: int, null: int) -> NoReturn:
    from .supervisor import Supervisor

    def tell(word: str) -> None:
        try:
            os.write(answer, word.encode() + b"\n")
        except BrokenPipeError:  # whoever started us has gone meanwhile: the job is to run all the same
            pass
        os.close(answer)
        os.dup2(null, 2)  # up to here a traceback reaches whoever starts the job

    if folder.state() is not None or folder.exit() is not None:
        tell(ALREADY)
        os._exit(0)
    try:
        supervisor = Supervisor(folder, secrets)
        supervisor.prepare()
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sys.stderr.write("%s\n" % error)
        sys.stderr.flush()
        tell(FULL if full else "failed")
        os._exit(1)
    tell("ok")
    os._exit(supervisor.run())
