"""Clones of node repositories: bounded, never asking, retried only for what may pass, proven."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from ..context import Context, Result, TaskHandle
from ..errors import StepError

PART_SUFFIX = ".vastdesk-part.disabled"  # ComfyUI loads no folder whose name ends in .disabled
_UNITS = {"bytes": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_PROGRESS = re.compile(r"(Receiving objects|Resolving deltas|Updating files):\s+(\d+)%")
_SIZE = re.compile(r",\s+([\d.]+) (bytes|B|KiB|MiB|GiB)(?: \| ([\d.]+) (bytes|B|KiB|MiB|GiB)/s)?")
_HEX = re.compile(r"[0-9a-f]{7,64}")

# Every clone: no helper program that asks, no transport that runs a command, no advice text.
GIT = [
    "git", "-c", "protocol.ext.allow=never", "-c", "core.askPass=", "-c", "advice.detachedHead=false",
    "-c", "core.fsmonitor=false", "-c", "gc.auto=0",
]  # fmt: skip
ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GCM_INTERACTIVE": "never",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=30",
}


class CloneFailed(Exception):
    """A clone that failed, as a sentence. `passing`: another try may help."""

    def __init__(self, sentence: str, passing: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.passing = passing


class _Failure(NamedTuple):
    pattern: "re.Pattern[str]"
    sentence: str
    passing: bool


def _failure(pattern: str, sentence: str, passing: bool = False) -> _Failure:
    return _Failure(re.compile(pattern, re.IGNORECASE), sentence, passing)


# In this order: what says "never" comes first, because git ends many messages with a general one.
_FAILURES = (
    _failure(r"remote branch .* not found|did not match any|couldn't find remote ref", "it has no such tag or commit"),
    _failure(r"could not read (username|password)|terminal prompts disabled", "it does not exist or asks for a login"),
    _failure(r"authentication failed|returned error: 40[13]|permission denied \(", "the login was refused"),
    _failure(r"repository .*not found|returned error: 404|does not appear to be a git|not found", "it does not exist"),
    _failure(r"host key verification failed", "the host key of the git server is not known on the instance"),
    _failure(
        r"could not resolve host|temporary failure in name", "the name of the git server cannot be resolved", True
    ),
    _failure(r"returned error: (5\d\d|429|408)", "the git server answers with an error", True),
    _failure(r"died of signal", "a part of git was killed (out of memory?)", True),
    _failure(
        r"timed out|connection refused|connection reset|failed to connect|couldn't connect|network is unreachable"
        r"|early eof|rpc failed|hung up|unexpected disconnect|empty reply|\btls\b|ssl_|gnutls|http/2|curl \d+"
        r"|bad pack header|index-pack failed|transfer closed|invalid index-pack|remote transport reported error",
        "the connection to the git server broke off",
        True,
    ),
)


class Progress:
    """git's own progress as one percentage: receiving 0–50, resolving 50–100, never falling."""

    def __init__(self, task: TaskHandle) -> None:
        self._task = task
        self._begin = time.monotonic()
        self._size: Optional[int] = None

    def line(self, line: str) -> None:
        found = _PROGRESS.search(line)
        if not found:
            return
        percent = min(100, int(found.group(2)))
        done = {"Receiving objects": percent / 2, "Resolving deltas": 50 + percent / 2}.get(found.group(1), 100.0)
        rate = None
        size = _SIZE.search(line)
        if size:
            self._size = _bytes(size.group(1), size.group(2))
            rate = _bytes(size.group(3), size.group(4)) if size.group(3) else None
        gone = time.monotonic() - self._begin
        eta = gone * (100 - done) / done if done >= 1 else None
        self._task.progress(int(done), 100, "%", rate=rate, size_bytes=self._size, eta_s=eta)


def _bytes(number: str, unit: str) -> int:
    return int(float(number) * _UNITS[unit])


class Cloner:
    """Clones repositories for one step. `stop` ends the waiting between tries."""

    def __init__(self, ctx: Context, tries: int, wait_s: float, stall_s: float) -> None:
        self._ctx = ctx
        self._tries = tries
        self._wait_s = wait_s
        self._stall_s = stall_s
        self.stop = threading.Event()

    def clone(
        self, url: str, target: str, ref: str, task: TaskHandle, prepare: Callable[[str], None] = lambda _: None
    ) -> str:
        """Clone beside the target, `prepare` that folder, rename when complete; the commit.

        Raises CloneFailed, StepError."""
        part = target + PART_SUFFIX
        os.makedirs(os.path.dirname(target), exist_ok=True)
        self._ctx.require_space(os.path.dirname(target))
        progress = Progress(task)
        for attempt in range(1, self._tries + 1):
            try:
                remove_tree(part)  # of a run that was killed: the name is ours alone
                commit = self._attempt(url, part, ref, progress)
                prepare(part)
                os.rename(part, target)
                task.progress(100, 100)
                return commit
            except CloneFailed as failure:
                if not failure.passing or attempt == self._tries:
                    raise CloneFailed(_after(failure.sentence, attempt), failure.passing) from failure
                task.note("%s; try %d of %d follows" % (failure.sentence, attempt + 1, self._tries))
                self._ctx.log("%s: %s, trying again" % (task.label, failure.sentence), task=task.id)
                if self.stop.wait(self._wait_s * 2 ** (attempt - 1)):
                    raise CloneFailed("given up because of another failure") from failure
            finally:
                if os.path.lexists(part):
                    remove_tree(part)
        raise AssertionError("unreachable")

    def _attempt(self, url: str, part: str, ref: str, progress: Progress) -> str:
        if ref and _HEX.fullmatch(ref):
            self._clone_commit(url, part, ref, progress)
        else:
            branch = ["--branch", ref] if ref else []
            self._shallow([*GIT, "clone", "--progress", *branch], ["--", url, part], part, progress)
        if os.path.exists(os.path.join(part, ".gitmodules")):
            update = [*GIT, "-C", part, "submodule", "update", "--init", "--recursive", "--progress"]
            self._shallow(update, [], None, progress)
        commit = proof(self._ctx, part)
        if commit is None:
            raise CloneFailed("the repository is empty")
        return commit

    def _clone_commit(self, url: str, part: str, ref: str, progress: Progress) -> None:
        """One commit. Hosts that do not hand out single commits (or short names) give the whole history."""
        # A tag may look like a commit: `--branch` finds it, and costs one small answer otherwise.
        self._try([*GIT, "clone", "--progress", "--depth", "1", "--branch", ref, "--", url, part], progress)
        if os.path.isdir(os.path.join(part, ".git")):
            return
        if len(ref) >= 40:
            self._git([*GIT, "init", "--quiet", part], progress)
            self._git([*GIT, "-C", part, "remote", "add", "origin", "--", url], progress)
            fetch = [*GIT, "-C", part, "fetch", "--progress", "--depth", "1", "--", "origin", ref]
            if self._try(fetch, progress).ok:
                self._git([*GIT, "-C", part, "checkout", "--quiet", "--detach", "FETCH_HEAD"], progress)
                return
            remove_tree(part)
        self._git([*GIT, "clone", "--progress", "--no-checkout", "--", url, part], progress)
        checkout = [*GIT, "-C", part, "checkout", "--quiet", "--detach", ref + "^{commit}"]
        if not self._try(checkout, progress).ok:
            raise CloneFailed("it has no commit %s" % ref)

    def _shallow(self, before: List[str], after: List[str], part: Optional[str], progress: Progress) -> None:
        """With one commit of history; with all of it where the server cannot do that (plain files over HTTP)."""
        result = self._try([*before, "--depth", "1", *after], progress)
        if not result.ok and any(_NO_SHALLOW.search(line) for line in result.tail):
            if part is not None:
                remove_tree(part)
            result = self._try([*before, *after], progress)
        self._judge(result)

    def _git(self, argv: List[str], progress: Progress) -> None:
        self._judge(self._try(argv, progress))

    def _try(self, argv: List[str], progress: Progress) -> Result:
        return self._ctx.run(argv, progress.line, env=ENVIRONMENT, stall_s=self._stall_s)

    def _judge(self, result: Result) -> None:
        if result.timed_out:
            raise CloneFailed("the git server said nothing for %g s" % self._stall_s, passing=True)
        if result.killed:
            raise CloneFailed("git " + result.killed, passing=True)
        if not result.ok:
            raise explain(result)


_NO_SHALLOW = re.compile(r"does not support shallow|did not contain|not our ref|unadvertised object", re.IGNORECASE)


def explain(result: Result) -> CloneFailed:
    """What git's last words mean."""
    words = [
        line for line in result.tail if re.search(r"fatal|error|failed|remote:|denied|warning", line, re.IGNORECASE)
    ]
    text = "\n".join(words or result.tail[-3:])
    for failure in _FAILURES:
        if failure.pattern.search(text):
            return CloneFailed(failure.sentence, failure.passing)
    last = next((line for line in reversed(words) if "fatal:" in line), (result.tail or ["no output"])[-1])
    return CloneFailed("git: %s" % last.replace("fatal: ", "")[:200])


def proof(ctx: Context, folder: str) -> Optional[str]:
    """The commit a clone stands at, if it has one with files in it; else None.

    `--git-dir`, not discovery: inside a ComfyUI that is itself a clone git would find that one. It also spares the
    question of who owns the folder, which on Vast is another user than root.
    """
    git_dir = os.path.join(folder, ".git")
    if not os.path.exists(git_dir) or not any(name != ".git" for name in os.listdir(folder)):
        return None
    found: Dict[str, List[str]] = {"commit": [], "tree": []}
    head = [*GIT, "--git-dir", git_dir, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
    tree = [*GIT, "--git-dir", git_dir, "ls-tree", "--name-only", "HEAD"]
    if not ctx.run(head, found["commit"].append, env=ENVIRONMENT, timeout_s=60, quiet=True).ok:
        return None
    if not ctx.run(tree, _first_of(found["tree"]), env=ENVIRONMENT, timeout_s=60, quiet=True).ok:
        return None
    return found["commit"][-1] if found["commit"] and found["tree"] else None


def _first_of(lines: List[str]) -> Callable[[str], None]:
    def take(line: str) -> None:
        if not lines:
            lines.append(line)

    return take


def has_commit(ctx: Context, folder: str, commit: str, ref: str) -> bool:
    """Whether `ref` names the commit the clone stands at."""
    if commit.startswith(ref.lower()):
        return True
    lines: List[str] = []
    argv = [*GIT, "--git-dir", os.path.join(folder, ".git"), "rev-parse", "--verify", "--quiet", ref + "^{commit}"]
    return ctx.run(argv, lines.append, env=ENVIRONMENT, timeout_s=60, quiet=True).ok and lines == [commit]


def remove_tree(path: str) -> None:
    """A folder of ours, or nothing. Git's read-only files go too."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.lexists(path):
        shutil.rmtree(path, ignore_errors=False)


def _after(sentence: str, attempts: int) -> str:
    return sentence if attempts == 1 else "%s (%d tries)" % (sentence, attempts)


def require_git(ctx: Context) -> None:
    """Raises StepError("tool_missing") before anything else is done."""
    result = ctx.run(["git", "--version"], timeout_s=30, quiet=True)
    if not result.ok:
        raise StepError("tool_missing", tool="git", detail=result.last_words)
