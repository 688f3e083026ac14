"""Runs the steps of a job one after another, whatever they do, and writes down what happened (all events)."""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from . import home, jobs, kernel, locks, outputlog, processes
from .bell import Ringer
from .errors import StepError
from .eventlog import EventWriter
from .intake import Intake
from .jobs import JobFolder
from .pulse import CANCELLED, STOPPED, Pulse
from .stepprocess import StepCommand, StepProcess
from .steps import load

LIMIT = "limit"
STUCK = "stuck"
TROUBLE = "trouble"
AFTER_RESULT_S = 30.0
CONTAINER_STOP_GRACE_S = 3.0  # a container that stops leaves 10 s between TERM and KILL for everything


class Outcome(NamedTuple):
    """How a step ended. `fatal`: the job ends with it, whatever `on_failure` says."""

    state: str
    note: str
    fatal: bool = False


def run_step_command(job_dir: str, index: int) -> List[str]:
    """The command that runs one step of a job."""
    return home.runner_command("_step", job_dir, str(index))


class Supervisor:
    """One job. `prepare()` takes what it needs from the disk, `run()` does it all."""

    def __init__(
        self,
        folder: JobFolder,
        secrets: Mapping[str, str],
        step_command: StepCommand = run_step_command,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self._folder = folder
        self._secrets = dict(secrets)
        self._step_command = step_command
        self._write = write
        self._spec = folder.spec()
        self._steps: List[Dict[str, Any]] = self._spec["steps"]
        self._ringer = Ringer(folder.home)
        self._failed: List[str] = []
        self._instance_lock: Optional[int] = None
        self._grace_s = processes.grace_seconds()

    def prepare(self) -> None:
        """Reserve room, open the log, write the first event. Raises OSError if there is no room even for that."""
        folder = self._folder
        folder.reserve_room()
        kernel.become_subreaper()
        self._log = EventWriter(
            folder.events,
            folder.reserve,
            ring=self._ringer.ring,
            make_room=lambda: outputlog.drop_tail(folder.path),
            write=self._write,
        )
        self._pulse = Pulse(folder.cancel_marker, folder.heartbeat, lambda: self._log.seq)
        runner, boot_id = home.runner_sha256(), home.boot_id()
        folder.write_state(
            {
                "pid": os.getpid(),
                "pgid": os.getpgrp(),
                "attempt": 1,
                "boot_id": boot_id,
                "started": time.time(),
                "runner": runner,
                "python": sys.executable,
            }
        )
        self._pulse.listen_to_signals()
        self._pulse.beat()
        self._log.key("job_started", steps=[step["id"] for step in self._steps], runner=runner, boot_id=boot_id)

    def run(self) -> int:
        """The job from its first step to its exit record."""
        try:
            outcome = self._run_steps()
        except BaseException:  # noqa: BLE001 – a bug of ours must end the job with a record, not leave it lost
            outcome = Outcome("failed", "the runner broke off: " + traceback.format_exc(limit=-3)[-1500:])
            processes.stop_all(self._find, self._grace_s)
        self._finish(outcome)
        return 0

    def _run_steps(self) -> Outcome:
        self._wait_for_instance()
        for index, step in enumerate(self._steps):
            if index and not self._pulse.stop:
                self._pause(float(self._spec.get("step_delay_s", 0)))
            cause = self._cause_to_stop()
            if cause:
                return self._stopped(cause)
            outcome = self._run_step(index, step)
            cause = self._cause_to_stop()
            if outcome.state == "failed":
                self._failed.append(step["id"])
            if cause:
                return self._stopped(cause)
            if outcome.fatal or (outcome.state == "failed" and step.get("on_failure", "stop") == "stop"):
                return Outcome("failed", outcome.note)
        # Steps that failed here were allowed to (on_failure: continue): that is a success, with a reason to read.
        return Outcome("succeeded", "failed steps: " + ", ".join(self._failed) if self._failed else "")

    def _stopped(self, cause: str) -> Outcome:
        if cause == CANCELLED:
            return Outcome("cancelled", "cancelled")
        if cause == STOPPED:
            return Outcome("interrupted", "the instance was stopped")
        return Outcome("failed", self._log.trouble)

    def _cause_to_stop(self) -> str:
        return TROUBLE if self._log.trouble else self._pulse.stop

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._cause_to_stop():
            self._pulse.wait(until - time.monotonic())

    def _wait_for_instance(self) -> None:
        """Two jobs must not install into one environment at once: the second waits and says so."""
        path = os.path.join(self._folder.home, "instance.lock")
        told = False
        while not self._cause_to_stop():
            self._instance_lock = locks.try_lock(path)
            if self._instance_lock is not None:
                self._sign_instance_lock(self._instance_lock)
                return
            if not told:
                told = True
                holder = (jobs.read_json(path) or {}).get("from") or "another VastDesk"
                self._log.key("log", text="Waiting: a job of %s is at work on this instance" % holder)
            self._pulse.wait(0.2)

    def _sign_instance_lock(self, fd: int) -> None:
        app = self._spec.get("app") or {}
        name = "%s@%s" % (app.get("user"), app.get("host")) if app.get("host") else None
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, jobs.canonical({"job": self._folder.job, "from": name}), 0)
        except OSError:  # only so that others can say who it is
            pass

    def _show_first_row(self, step: Mapping[str, Any]) -> None:
        """A step has something to show from its first moment on, while its process still starts."""
        try:
            first_row = load(str(step.get("use"))).first_row
        except StepError:  # unknown: the step process will say what is wrong with it
            return
        if first_row is not None:
            row = first_row(step.get("with") or {})
            self._log.key("plan", step=step["id"], tasks=[row])
            self._log.key("task", step=step["id"], id=row["id"], state="running")

    def _run_step(self, index: int, step: Mapping[str, Any]) -> Outcome:
        id_ = step["id"]
        limit_s = step.get("limit_s")
        self._log.key("step_started", step=id_, limit_s=limit_s)
        self._show_first_row(step)
        intake = Intake(id_, self._log, self._secrets.values())
        process = StepProcess(self._pulse, intake)
        try:
            command = self._step_command(self._folder.path, index)
            process.start(command, self._folder.path, self._folder.job, self._secrets)
        except OSError as error:
            outcome = Outcome("failed", "the step could not be started: %s" % error)
        else:
            cause = self._follow(process, limit_s)
            self._clean_up_after(process, id_, cause)
            outcome = self._judge(process, cause, limit_s)
        if self._log.trouble:
            self._log.release_reserve()
        self._log.tell_dropped()
        self._log.key("step_finished", step=id_, state=outcome.state, note=outcome.note)
        return outcome

    def _follow(self, process: StepProcess, limit_s: Optional[float]) -> str:
        """Until it ends, or there is a cause to end it. Returns that cause."""
        deadline = time.monotonic() + limit_s if limit_s is not None else float("inf")
        result_deadline = float("inf")
        next_tell = time.monotonic() + 5.0
        while not process.has_ended():
            self._pulse.wait(max(0.0, min(deadline, result_deadline) - time.monotonic()))
            process.intake.tick()
            now = time.monotonic()
            if now >= next_tell:
                next_tell = now + 5.0
                self._log.tell_dropped()
            if process.has_ended():
                break
            if process.intake.result is not None:
                result_deadline = min(result_deadline, now + AFTER_RESULT_S)
            cause = self._cause_to_stop() or (LIMIT if now >= deadline else STUCK if now >= result_deadline else "")
            if cause:
                return cause
        return ""

    def _clean_up_after(self, process: StepProcess, id_: str, cause: str) -> None:
        """End everything of the step that still lives, and read what it had to say."""
        grace_s = min(self._grace_s, CONTAINER_STOP_GRACE_S) if cause == STOPPED else self._grace_s
        process.drain()
        report = processes.stop_all(self._find, grace_s, self._wait_whole)
        process.drain()
        process.close()
        process.intake.finish()
        left = [item.name for item in report.ended if item.pid != process.pid]
        if left and not cause:
            text = "ended %d process(es) that the step had left behind: %s" % (len(left), ", ".join(sorted(set(left))))
            self._log.key("log", step=id_, text=text[:2000])
        if report.survivors:
            names = ", ".join("%s (%d)" % (item.name, item.pid) for item in report.survivors)
            self._log.key("log", step=id_, text=("could not be ended: " + names)[:2000])

    def _wait_whole(self, seconds: float) -> None:
        """Wait that long although the step goes on talking."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._pulse.wait(until - time.monotonic())

    def _find(self) -> Dict[int, processes.Process]:
        return processes.job_processes(self._folder.job, os.getpid())

    def _judge(self, process: StepProcess, cause: str, limit_s: Optional[float]) -> Outcome:
        if cause == CANCELLED:
            return Outcome("cancelled", "cancelled")
        if cause == STOPPED:
            return Outcome("interrupted", "the instance was stopped")
        if cause == LIMIT:
            return Outcome("failed", "the time limit of %s was reached" % duration(limit_s or 0))
        if cause == TROUBLE:
            return Outcome("failed", self._log.trouble, fatal=True)
        if cause == STUCK:
            return Outcome("failed", "the step said how it went, but its process did not end")
        return self._judge_ended(process)

    def _judge_ended(self, process: StepProcess) -> Outcome:
        result, code = process.intake.result, process.code or 0
        if result is None or (code != 0 and result.get("state") != "failed"):
            if process.complaint:
                self._log.key("log", step=process.intake.step, text=process.complaint[-2000:])
            return Outcome("failed", _crash(code, process.complaint))
        note = result.get("note")
        note = note if isinstance(note, str) else ""
        state = "succeeded" if result.get("state") == "succeeded" else "failed"
        return Outcome(state, note, fatal=bool(result.get("fatal")))

    def _finish(self, outcome: Outcome) -> None:
        """The last records. On a full disk they fit into the room that was kept for them."""
        if self._log.trouble:
            self._log.release_reserve()
        self._log.tell_dropped()
        self._log.key("job_finished", state=outcome.state, reason=outcome.note)
        self._log.close()
        record = {"state": outcome.state, "reason": outcome.note[:1000], "last_seq": self._log.seq, "ts": time.time()}
        try:
            self._folder.write_exit(record)
        finally:
            self._ringer.ring()


def _crash(code: int, complaint: str) -> str:
    """What to say of a process that ended without saying how it went."""
    last = complaint.splitlines()[-1][:300] if complaint else ""
    if code == -9:
        return "the step's process was killed (signal 9; out of memory?)"
    if code < 0:
        return "the step's process was killed (signal %d)" % -code
    if last:
        return "the step's process broke off with code %d: %s" % (code, last)
    return "the step's process ended with code %d without saying how it went" % code


def duration(seconds: float) -> str:
    """For people: `90 s`, `30 min`, `2 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return "%d %s" % (seconds // size, unit)
    return "%g s" % round(seconds, 1)
