"""The second half of an installation: the packages of all nodes together, then each node's own install.py."""

from __future__ import annotations

import os
import threading
from typing import Dict, List, Optional, Sequence, Set

from ..context import Context, TaskHandle
from .board import Board, in_place
from .entries import SCRIPT, SCRIPT_FAILED, Entry
from .guard import Guard, Plan
from .installers import Wanted, kind_of
from .places import Python

ROW = "resolve"
_SCRIPT_TIMEOUT_S = 900.0  # one script that hangs must not take the time of all the others


class Packages:
    """One resolution, one installation, the scripts; nothing protected moves."""

    def __init__(self, ctx: Context, entries: Sequence[Entry], python: Python, comfy: str) -> None:
        self._ctx = ctx
        self._entries = entries
        self._python = python
        self._comfy = comfy
        self._guard: Optional[Guard] = None

    def run(self) -> None:
        for entry in self._entries:
            if entry.noted_packages():
                self._guarded().restore(entry.noted_packages())
                entry.note_packages([])
        waiting = [entry for entry in self._entries if entry.requirements is not None and not entry.done]
        if waiting:
            self._install(waiting)
        for entry in self._entries:
            if entry.script_pending():
                self._run_script(entry)

    def _install(self, waiting: List[Entry]) -> None:
        self._ctx.plan([{"id": ROW, "label": "Resolve dependencies", "kind": "resolve"}])
        row = self._ctx.task(ROW)
        with row:
            lines = sum(len(entry.requirements.lines) for entry in waiting if entry.requirements)
            row.note("%d requirements of %d nodes" % (lines, len(waiting)))
            guard = self._guarded()
            by_key = {_key(entry): entry for entry in waiting}
            wanted = [Wanted(key, entry.requirements) for key, entry in by_key.items() if entry.requirements]
            plan = guard.resolve(wanted, row.note)
            for key, sentence in plan.failures.items():
                by_key[key].fail_requirements(sentence)
            for key, entry in by_key.items():
                if not entry.done and not plan.needs.get(key):
                    self._complete(entry, "already satisfied")
            if plan.packages:
                self._carry_out(plan, by_key, row)
            moved = guard.check()
            if moved:
                row.failed("protected packages moved and were put back: %s" % moved)
            else:
                row.succeeded(_what(plan, in_place(self._python.site, plan.packages)))

    def _carry_out(self, plan: Plan, by_key: Dict[str, Entry], row: TaskHandle) -> None:
        row.relabel("Install dependencies")
        needs = {by_key[key].id: names for key, names in plan.needs.items()}
        entries = [entry for entry in self._entries if entry.id in needs and not entry.done]
        site = self._python.site
        with Board(self._ctx, row, entries, needs, plan.packages, site, self._got_packages) as board:
            failures = self._guarded().install(plan, row.note)
        for key, sentence in failures.items():
            if not by_key[key].done:
                board.give_up(by_key[key])
                by_key[key].fail_requirements(sentence)
        board.refresh()
        there = in_place(site, plan.packages)
        for entry in entries:
            if self._ctx.task(entry.id + ":deps").state not in ("succeeded", "failed"):
                missing = sorted(needs[entry.id] - there)
                entry.fail_requirements("not there after the installation: %s" % ", ".join(missing[:5]))

    def _got_packages(self, entry: Entry) -> None:
        entry.got_packages = True
        self._complete(entry, None)

    def _complete(self, entry: Entry, note: Optional[str]) -> None:
        """Its packages are there: finished, or its script comes next."""
        self._ctx.task(entry.id + ":deps").succeeded(note)
        if entry.script_pending():
            entry.task.waiting("install.py follows")
        else:
            entry.finish()

    def _guarded(self) -> Guard:
        if self._guard is None:
            params = self._ctx.params
            self._guard = Guard(self._ctx, self._python, params["index_url"], params["tries"], params["retry_wait"])
        return self._guard

    def _run_script(self, entry: Entry) -> None:
        """One after another: they write to the same environment. Its exit code and the freeze after it decide."""
        guard = self._guarded()
        id = entry.id + ":script"
        self._ctx.plan([{"id": id, "label": "Run install.py", "parent": entry.id}])
        entry.task.running()
        task = self._ctx.task(id)
        task.running()
        entry.note_packages(guard.protected_now())
        problem = self._script_problem(entry, task, guard)
        moved = guard.check()
        entry.note_packages([])
        if moved:
            problem = "it moved protected packages, which were put back: %s" % moved
        if problem:
            task.failed(problem)
            self._ctx.log("%s: install.py: %s" % (entry.node.name, problem), task=entry.id)
            entry.fail(SCRIPT_FAILED)
        else:
            task.succeeded()
            entry.script_done()
            entry.finish()

    def _script_problem(self, entry: Entry, task: TaskHandle, guard: Guard) -> Optional[str]:
        folders = [os.path.dirname(self._python.path), self._ctx.environment()["PATH"]]
        # As ComfyUI-Manager calls it, in the environment's own PATH, with our constraints.
        env = {**guard.script_environment(), "COMFYUI_PATH": self._comfy, "PATH": ":".join(folders)}
        env.update(VIRTUAL_ENV=self._python.prefix)
        pause = threading.Event()
        tries = self._ctx.params["tries"]
        for attempt in range(1, tries + 1):
            argv = [self._python.path, SCRIPT]
            result = self._ctx.run(
                argv, lambda line: task.note(line[:200]), entry.target, env, timeout_s=_SCRIPT_TIMEOUT_S
            )
            if result.ok:
                return None
            if result.killed:
                return result.last_words
            last = result.tail[-1][:200] if result.tail else "it said nothing"
            if result.timed_out:
                return "it did not end in %g minutes; its last words: %s" % (_SCRIPT_TIMEOUT_S / 60, last)
            if kind_of(result.tail) != "network" or attempt == tries:
                return "it ended with exit code %d: %s" % (result.code, last)
            task.note("%s; try %d of %d follows" % (last, attempt + 1, tries))
            pause.wait(self._ctx.params["retry_wait"] * 2 ** (attempt - 1))
        return None


def _key(entry: Entry) -> str:
    """How a node is called in sentences; its folder, if several rows have one name."""
    return entry.node.name if entry.node.folder == entry.node.name else "%s (%s)" % (entry.node.name, entry.node.folder)


def _what(plan: Plan, there: Set[str]) -> str:
    if len(there) < len(plan.packages):
        return "%d of %d packages installed" % (len(there), len(plan.packages))
    return "%d packages installed" % len(there) if there else "nothing to install"
