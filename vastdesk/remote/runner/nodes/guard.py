"""The dependency guard: packages come in together, once, and nothing that ComfyUI stands on moves.

`resolve` finds out which nodes' requirements fit what is installed and each other; `install` installs those; `check`
compares with the freeze taken before and puts back what moved.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set

from ..context import Context
from ..errors import StepError
from . import frozen, installers, quarrels
from .installers import Attempt, Wanted
from .places import Python
from .quarrels import Quarrel
from .reasons import build_reason, failed_builds, line_reason, network_reason
from .requirements import normalize, one_opencv
from .sift import Sifter


class Unreachable(Exception):
    """The package index (or what else all nodes need) cannot be reached."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(network_reason(attempt.text))
        self.sentence = network_reason(attempt.text)


class Plan(NamedTuple):
    """What will be installed: `packages` is version by name, `needs` which of them each node (by key) is waiting for.
    `failures` are the nodes whose requirements do not fit, each with its sentence."""

    wanted: List[Wanted]
    packages: Dict[str, str]
    needs: Dict[str, Set[str]]
    failures: Dict[str, str]


class Guard:
    """For one Python environment. Taking the freeze and finding the installer happens here."""

    def __init__(self, ctx: Context, python: Python, index_url: str, tries: int, wait_s: float) -> None:
        self._ctx = ctx
        self._python = python
        self._tries = tries
        self._wait_s = wait_s
        self._begin()
        self.installer = installers.find(ctx, python, index_url)
        self.installer.tolerate(self._quarrels())
        self._dependencies: Dict[str, Set[str]] = {}

    def _begin(self) -> None:
        self.before = frozen.freeze(self._ctx, self._python)
        self.kept = frozen.keep(self._ctx, self.before)
        self.bound = frozen.constraints(self.before)

    def restore(self, packages: Sequence[frozen.Installed]) -> None:
        """These were there before a script that was killed: what it had moved is put back before anything else.
        Raises StepError("protected_moved")."""
        self.before = {**self.before, **{normalize(package.name): package for package in packages}}
        self.check()
        self._begin()

    def protected_now(self) -> List[frozen.Installed]:
        """What no script may move."""
        return [package for name, package in self.installed_now().items() if frozen.protected(name)]

    def _quarrels(self) -> List[Quarrel]:
        found = quarrels.find(self._ctx, self._python)
        for quarrel in found:
            for wish in quarrel.broken:
                self._ctx.log("%s %s asks for %s in vain: left as it is" % (quarrel.name, quarrel.version, wish))
        return found

    def resolve(self, wanted: Sequence[Wanted], say: Callable[[str], None] = lambda _: None) -> Plan:
        """One dry run for all of them. If they do not fit: which nodes and lines are at fault. `say` hears of it."""
        wanted = self._unified(wanted)
        failures: Dict[str, str] = {}
        if self.installer.name == "pip":
            wanted = [item for item in wanted if not _hash_problem(item, failures)]

        def attempt_together(items: Sequence[Wanted]) -> Attempt:
            answer = self._dry_run(items, wanted)
            if not answer.ok:
                say("not all of them fit together, looking for the nodes at fault")
            return answer

        sifter = Sifter(attempt_together, _is_ok, _named_in_text)
        try:
            good, answer = sifter.sift([item for item in wanted if item.requirements.lines])
        except Unreachable as unreachable:
            good, answer = self._without_index(wanted, unreachable, failures), None
        for item, attempt in sifter.bad:
            say("%s does not fit, looking for the line" % item.key)
            failures[item.key] = self._line_at_fault(item, attempt, good, wanted)
        plan = dict(answer.plan) if answer else {}
        self._dependencies = answer.needs if answer else {}
        needs = {item.key: self._waits_for(item, plan) for item in good}
        return Plan([item for item in wanted if item.key not in failures], plan, needs, failures)

    def install(self, plan: Plan, on_step: Optional[Callable[[str], None]] = None) -> Dict[str, str]:
        """Install what was planned, with exactly these versions. The nodes that failed, each with its sentence."""
        pins = ["%s==%s" % (name, version) for name, version in plan.packages.items() if _plain_version(version)]
        bound = [*self.bound, *(pin for pin in pins if pin.split("==")[0] not in self.before)]
        wanted = [item for item in plan.wanted if plan.needs.get(item.key)]

        def attempt(items: Sequence[Wanted]) -> Attempt:
            return self._retried(lambda: self.installer.install(items, bound, on_step), wanted)

        def suspects(answer: Attempt, items: Sequence[Wanted]) -> List[Wanted]:
            broken = failed_builds(answer.text)
            return [item for item in items if broken & (item.names | plan.needs.get(item.key, set()))]

        sifter = Sifter(attempt, _is_ok, suspects)
        try:
            sifter.sift(wanted)
        except Unreachable as unreachable:
            now = frozen.freeze(self._ctx, self._python)
            return {item.key: unreachable.sentence for item in wanted if not _in_place(plan, item.key, now)}
        return {item.key: build_reason(item, answer, plan.needs.get(item.key, set())) for item, answer in sifter.bad}

    def check(self) -> Optional[str]:
        """Nothing protected moved: None. Else it is put back, and the sentence says what had moved.
        Raises StepError("protected_moved") if that fails."""
        moved = frozen.moved(self.before, frozen.freeze(self._ctx, self._python))
        if not moved:
            return None
        what = ", ".join(str(item) for item in moved)
        self._ctx.log("Protected packages moved, putting them back: %s" % what)
        # A build for one CUDA version (torch 2.8.0+cu128) is on PyTorch's own index alone.
        tags = {item.before.version.partition("+")[2] for item in moved if "+" in item.before.version}
        indexes = ["https://download.pytorch.org/whl/" + tag for tag in sorted(tags) if re.fullmatch(r"cu\d+|cpu", tag)]
        lines = [item.before.line for item in moved]
        result = self.installer.exactly(lines, [])
        if not result.ok and indexes:
            self.installer.exactly(lines, indexes)
        still = frozen.moved(self.before, frozen.freeze(self._ctx, self._python))
        if still:
            raise StepError("protected_moved", detail=", ".join(str(item) for item in still), freeze=self.kept)
        return what

    def script_environment(self) -> Dict[str, str]:
        """For install.py scripts: their own pip and uv calls are bound too."""
        folder = self._ctx.work
        if re.search(r"\s", folder):  # both variables are lists separated by blanks
            folder = tempfile.mkdtemp(prefix="vastdesk-")
        path = os.path.join(folder, "constraints-scripts.txt")
        now = frozen.freeze(self._ctx, self._python)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in frozen.constraints(now))
        return {**self.installer.env, "PIP_CONSTRAINT": path, "UV_CONSTRAINT": path}

    def installed_now(self) -> frozen.Freeze:
        return frozen.freeze(self._ctx, self._python)

    def _unified(self, wanted: Sequence[Wanted]) -> List[Wanted]:
        names = {name for item in wanted for name in item.names}
        unified = []
        for item in wanted:
            lines, notes = one_opencv(item.requirements.lines, list(self.before), sorted(names))
            for note in [*item.requirements.notes, *notes]:
                self._ctx.log("%s: %s" % (item.key, note))
            unified.append(item._replace(requirements=item.requirements._replace(lines=tuple(lines))))
        return unified

    def _dry_run(self, items: Sequence[Wanted], everything: Sequence[Wanted]) -> Attempt:
        attempt = self._retried(lambda: self.installer.dry_run(items, self.bound), everything)
        if attempt.ok:
            broken = [n for n, v in attempt.plan.items() if n in self.before and v and v != self.before[n].version]
            if any(frozen.protected(name) for name in broken):  # an address names another build than the installed one
                text = ["%s would become %s" % (self.before[name].line, attempt.plan[name]) for name in broken]
                return attempt._replace(ok=False, kind="conflict", text=text)
        return attempt

    def _retried(self, attempt: Callable[[], Attempt], wanted: Sequence[Wanted]) -> Attempt:
        """Again, while it fails for a passing reason. Raises Unreachable when that stays and is nobody's own."""
        pause = threading.Event()
        for number in range(1, self._tries + 1):
            answer = attempt()
            if answer.kind not in ("network", "killed"):
                return answer
            if number < self._tries:
                reason = network_reason(answer.text) if answer.kind == "network" else answer.text[-1]
                self._ctx.log("%s, trying again" % reason)
                pause.wait(self._wait_s * 2 ** (number - 1))
        if answer.kind == "killed":
            return answer
        hosts = {host for item in wanted for host in _hosts(item)}
        if not any(host in line for line in answer.text for host in hosts):
            raise Unreachable(answer)
        return answer

    def _without_index(
        self, wanted: Sequence[Wanted], unreachable: Unreachable, failures: Dict[str, str]
    ) -> List[Wanted]:
        """The nodes that have all they need can do without the index; the others cannot be helped now."""
        good = []
        for item in wanted:
            if self.installer.satisfied([item], self.bound):
                good.append(item)
            else:
                failures[item.key] = unreachable.sentence
        return good

    def _line_at_fault(self, item: Wanted, attempt: Attempt, good: Sequence[Wanted], wanted: Sequence[Wanted]) -> str:
        """The sentence for a node that does not fit: which of its lines, and what it does not fit."""
        lines = [
            item._replace(requirements=item.requirements._replace(lines=(line,))) for line in item.requirements.lines
        ]
        others = [other for other in good if other.key != item.key]
        if len(lines) == 1:
            return line_reason(lines[0].requirements.lines[0], attempt, self.before, others)
        sifter = Sifter(lambda tried: self._dry_run([*others, *tried], wanted), _is_ok, _named_in_text)
        try:
            sifter.sift(lines)
        except Unreachable as unreachable:
            return unreachable.sentence
        found = [line_reason(bad.requirements.lines[0], answer, self.before, others) for bad, answer in sifter.bad]
        return "; ".join(found[:3]) or "its requirements do not fit: %s" % " ".join(attempt.text[-2:])[:300]

    def _waits_for(self, item: Wanted, plan: Dict[str, str]) -> Set[str]:
        """The planned packages that the node needs, its dependencies' dependencies included as far as they are known.
        A line whose name only the package knows waits for all that nobody else names."""
        found: Set[str] = set()
        ahead = list(item.names)
        while ahead:
            name = ahead.pop()
            if name not in found:
                found.add(name)
                ahead += self._dependencies.get(name, ())
        needs = {name for name in found if name in plan}
        if any(not line.name for line in item.requirements.lines):
            needs |= set(plan)
        return needs


def _in_place(plan: Plan, key: str, now: frozen.Freeze) -> bool:
    return all(name in now for name in plan.needs.get(key, ()))


def _is_ok(attempt: Attempt) -> bool:
    return attempt.ok


def _named_in_text(attempt: Attempt, items: Sequence[Wanted]) -> List[Wanted]:
    """The items that name a package of which the tool speaks: a guess, tried before it is believed."""
    words = {normalize(word) for line in attempt.text for word in re.findall(r"[A-Za-z][A-Za-z0-9._-]*", line)}
    return [item for item in items if words & item.names]


def _hosts(item: Wanted) -> Set[str]:
    """The servers that a node's own requirements name."""
    texts = [line.text for line in item.requirements.lines] + [*item.requirements.indexes, *item.requirements.links]
    return {found.group(1) for text in texts for found in re.finditer(r"://(?:[^/@\s]*@)?([^/\s:]+(?::\d+)?)", text)}


def _hash_problem(item: Wanted, failures: Dict[str, str]) -> bool:
    hashed = [line.where for line in item.requirements.lines if "--hash" in line.text]
    if hashed:
        failures[item.key] = "%s names a hash, which only uv can check for one node alone; install uv" % hashed[0]
    return bool(hashed)


def _plain_version(version: str) -> bool:
    return bool(re.fullmatch(r"[0-9A-Za-z.!+]+", version))
