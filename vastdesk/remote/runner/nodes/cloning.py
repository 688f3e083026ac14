"""The first half of an installation: every node of the list on disk, proven."""

from __future__ import annotations

import os
import threading
import time
from typing import Sequence

from ..context import NO_ROOM, Context
from . import git, requirements
from .entries import Entry, inside, note_script
from .parallel import run_parallel


class Cloning:
    """Clones what is missing, at most `parallel` at once, in list order; a node inside another one comes after it."""

    def __init__(self, ctx: Context, entries: Sequence[Entry], custom_nodes: str) -> None:
        self._ctx = ctx
        self._entries = entries
        self._custom_nodes = custom_nodes
        self._placed = {entry.id: False for entry in entries}
        self._around = {entry.id: inside(entry, entries) for entry in entries}
        self._aside = threading.Lock()
        params = ctx.params
        self._cloner = git.Cloner(ctx, params["tries"], params["retry_wait"], params["stall"])

    def run(self) -> None:
        for entry in self._entries:
            if entry.node.problem:
                entry.fail(entry.node.problem)
                self._placed[entry.id] = True
        usable = [entry for entry in self._entries if not entry.done]
        run_parallel(usable, self._ctx.params["parallel"], self._ready, self._place, self._stop)

    def _stop(self) -> None:
        self._cloner.stop.set()
        self._ctx.stop_tools()

    def _ready(self, entry: Entry) -> bool:
        around = self._around[entry.id]
        return around is None or self._placed[around.id]

    def _place(self, entry: Entry) -> None:
        try:
            self._place_one(entry)
        except git.CloneFailed as failure:
            entry.fail("%s: %s" % (failure.sentence, entry.node.url) if entry.node.url else failure.sentence)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            entry.fail("%s: %s" % (error.filename or entry.target, error.strerror or error))
        finally:
            self._placed[entry.id] = True
        if not entry.done:
            self._look_at_requirements(entry)

    def _place_one(self, entry: Entry) -> None:
        around = self._around[entry.id]
        if around is not None and around.outcome == "failed" and not os.path.isdir(around.target):
            raise git.CloneFailed("its folder lies in that of %s, which failed" % around.node.name)
        self._stay_inside(entry.target)
        if self._is_there(entry):
            return
        entry.task.running()
        aside = self._move_aside(entry) if _has_content(entry.target) else None
        entry.commit = self._cloner.clone(entry.node.url, entry.target, entry.node.ref, entry.task, note_script)
        if aside:
            self._bring_back(entry, aside)
        if around is not None:
            _hide_from(around.target, entry.target)

    def _stay_inside(self, target: str) -> None:
        """A link on the way out of custom_nodes is not followed to create something."""
        root = os.path.realpath(self._custom_nodes)
        parent = os.path.realpath(os.path.dirname(target))
        if parent != root and not parent.startswith(root + os.sep):
            raise git.CloneFailed("its folder would lie outside custom_nodes (%s)" % parent)
        if os.path.lexists(target) and not os.path.isdir(target):
            what = "a link to nothing" if os.path.islink(target) else "a file"
            raise git.CloneFailed("%s is in the way at %s" % (what, target))

    def _is_there(self, entry: Entry) -> bool:
        """Already installed, proven by its HEAD; a folder without .git but with content is somebody's own copy."""
        if not _has_content(entry.target):
            return False
        if not os.path.exists(os.path.join(entry.target, ".git")):
            entry.there, entry.there_note = True, "already there, without git"
            return True
        commit = git.proof(self._ctx, entry.target)
        if commit is None:
            return False
        entry.there, entry.commit = True, commit
        entry.there_note = "already installed (%s)" % entry.short
        ref = entry.node.ref
        if ref and not git.has_commit(self._ctx, entry.target, commit, ref):
            entry.there_note += ", the list asks for %s" % ref
        return True

    def _move_aside(self, entry: Entry) -> str:
        """What is left of a broken installation: nothing of the user's is deleted. ComfyUI loads no `.disabled`."""
        with self._aside:
            name = "%s.broken-%s" % (entry.target, time.strftime("%Y%m%d-%H%M%S"))
            aside, number = name + ".disabled", 1
            while os.path.lexists(aside):
                number += 1
                aside = "%s-%d.disabled" % (name, number)
            os.rename(entry.target, aside)
        self._ctx.log("%s was broken, it is now %s" % (entry.target, os.path.basename(aside)), task=entry.id)
        return aside

    def _bring_back(self, entry: Entry, aside: str) -> None:
        """Nodes of the list that lie inside the repaired one and were whole."""
        for other in self._entries:
            if self._around[other.id] is not entry:
                continue
            was = os.path.join(aside, os.path.relpath(other.target, entry.target))
            if os.path.isdir(was) and git.proof(self._ctx, was) and not _has_content(other.target):
                os.makedirs(os.path.dirname(other.target), exist_ok=True)
                os.rename(was, other.target)
                _hide_from(entry.target, other.target)

    def _look_at_requirements(self, entry: Entry) -> None:
        """Read its file, so that the node either waits for the common installation or is finished."""
        name = entry.node.requirements
        if name:
            deps = self._ctx.task(entry.id + ":deps")
            try:
                entry.requirements = requirements.read(entry.target, name)
            except requirements.Refused as refused:
                entry.fail_requirements(str(refused))
                return
            if entry.requirements is None:
                deps.skipped("there is no %s in the repository" % name)
            elif not entry.requirements.lines:
                deps.succeeded("nothing to install")
                entry.requirements = None
        if entry.requirements is not None:
            entry.task.waiting(entry.there_note or "cloned at %s" % entry.short)
        elif entry.script_pending():
            entry.task.waiting("install.py follows")
        else:
            entry.finish()


def _has_content(folder: str) -> bool:
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _hide_from(parent: str, child: str) -> None:
    """The parent's git does not list the node inside it as a stranger, nor clean it away."""
    info = os.path.join(parent, ".git", "info")
    if not os.path.isdir(os.path.join(parent, ".git")):
        return
    line = "/%s/\n" % os.path.relpath(child, parent)
    os.makedirs(info, exist_ok=True)
    path = os.path.join(info, "exclude")
    text = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    if line not in text.splitlines(True):
        with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line if not text or text.endswith("\n") else "\n" + line)
