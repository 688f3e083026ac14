"""uv, and pip where there is no uv: what would be installed, and the installation itself. Neither decides anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set

from ..context import Context, Result
from ..errors import StepError
from . import pipconfig, quarrels
from .places import Python
from .quarrels import Quarrel
from .requirements import Requirements, normalize

_TEXT_LINES = 200


class Wanted(NamedTuple):
    """The requirements of one node (or of one line of it), by a name."""

    key: str
    requirements: Requirements

    @property
    def names(self) -> "Set[str]":
        return {line.name for line in self.requirements.lines if line.name}


class Attempt(NamedTuple):
    """What a dry run or an installation said. `plan`: version by name; `needs`: direct dependencies by name, as far as
    known. `kind` of a failure: network, killed, missing, build, conflict."""

    ok: bool
    plan: Dict[str, str]
    needs: Dict[str, Set[str]]
    text: List[str]
    kind: str = ""


_KINDS = (
    ("build", r"failed to build|failed building wheel|build backend returned|subprocess-exited-with-error"
              r"|metadata-generation-failed|failed-wheel-build"),
    ("network", r"error sending request|dns error|connection (refused|reset|aborted|broken)|timed out"
                r"|connect(ion)? time|read ?timeout|max retries exceeded|newconnectionerror|temporary failure in name"
                r"|unexpected eof|HTTP (error|status server error \(?) ?(5\d\d|429)"
                r"|(5\d\d|429) (server error|client error: too many)"
                r"|status code (5\d\d|429)|could not resolve host|incompleteread|operation was canceled"),
    ("missing", r"not found in the package|no matching distribution|no versions? of|404 (client error|not found)"
                r"|status client error \(404|there are no versions"),
)  # fmt: skip
_SYSTEM_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_CHANGE = re.compile(r"^ ?([+~-]) ([A-Za-z0-9._-]+)(?:==(\S+))?")
_NEEDS = re.compile(r"Adding transitive dependency for ([A-Za-z0-9._-]+)==\S+: ([A-Za-z0-9._-]+)")
_FETCH = re.compile(r"^\s*(Downloading|Building|Preparing|Collecting|Installing) (.*)$")


def kind_of(text: Sequence[str]) -> str:
    """What sort of failure these words tell of. A build comes first: its own output may speak of anything."""
    joined = "\n".join(text)
    for kind, pattern in _KINDS:
        if re.search(pattern, joined, re.IGNORECASE):
            return kind
    return "conflict"


class Installer:
    """The tool that is there. `name` is `uv` or `pip`."""

    def __init__(self, ctx: Context, python: Python, command: Sequence[str], name: str, index_url: str) -> None:
        self.name = name
        self._ctx = ctx
        self._python = python
        self._command = list(command)
        self.env = environment(python, index_url)
        self._files = 0

    def tolerate(self, found: Sequence[Quarrel]) -> None:
        """Do not let what was broken before stop anything else. pip knows no way."""
        if found and self.name == "uv":
            self._command += ["--config-file", quarrels.uv_config(self._ctx.work, found)]

    def satisfied(self, wanted: Sequence[Wanted], constraints: Sequence[str]) -> bool:
        """Whether they need nothing that is not there already. Asks no index."""
        offline = ["--dry-run", "--offline" if self.name == "uv" else "--no-index"]
        attempt = self._run(offline, wanted, constraints, None)
        changes = attempt.plan or any(line.startswith("Would install") for line in attempt.text)
        return attempt.ok and not changes

    def dry_run(self, wanted: Sequence[Wanted], constraints: Sequence[str]) -> Attempt:
        """What would be installed for all of them together. Changes nothing."""
        if self.name == "uv":
            return self._run(["--dry-run", "--verbose"], wanted, constraints, None)
        report = os.path.join(self._ctx.work, "report.json")
        if os.path.exists(report):
            os.unlink(report)
        attempt = self._run(["--dry-run", "--report", report], wanted, constraints, None)
        return _with_report(attempt, report) if attempt.ok else attempt

    def install(
        self, wanted: Sequence[Wanted], constraints: Sequence[str], on_step: Optional[Callable[[str], None]] = None
    ) -> Attempt:
        """Install them. `on_step` hears what is being fetched or built."""
        return self._run([], wanted, constraints, on_step)

    def exactly(self, lines: Sequence[str], extra_indexes: Sequence[str]) -> Result:
        """These packages without their dependencies: putting back what was there."""
        path = self._write("put-back.txt", lines)
        argv = [*self._command, *self._extra(extra_indexes, ()), "--no-deps", "-r", path]
        return self._ctx.run(argv, env=self.env, cwd=self._ctx.work)

    def _run(
        self,
        options: Sequence[str],
        wanted: Sequence[Wanted],
        constraints: Sequence[str],
        on_step: Optional[Callable[[str], None]],
    ) -> Attempt:
        attempt = Attempt(False, {}, {}, [])

        def take(line: str) -> None:
            needs = _NEEDS.search(line)
            if needs:
                attempt.needs.setdefault(normalize(needs.group(1)), set()).add(normalize(needs.group(2)))
            if line.startswith(("DEBUG ", "TRACE ")):
                return
            self._ctx.output(line)
            attempt.text.append(line)
            del attempt.text[:-_TEXT_LINES]
            change = _CHANGE.match(line)
            if change and change.group(1) != "-":
                attempt.plan[normalize(change.group(2))] = change.group(3) or ""
            fetch = _FETCH.match(line)
            if fetch and on_step is not None:
                on_step("%s %s" % (fetch.group(1).lower(), fetch.group(2)[:120]))

        argv = [*self._command, *options, *self._arguments(wanted, constraints)]
        # The lines of --verbose are for `take` alone; what a person may want to read goes to the output from there.
        result = self._ctx.run(argv, take, env=self.env, cwd=self._ctx.work, quiet=True)
        if result.killed:
            attempt.text.append("error: %s %s" % (self.name, result.killed))
            return attempt._replace(kind="killed")
        return attempt._replace(ok=result.ok, kind="" if result.ok else kind_of(attempt.text))

    def _arguments(self, wanted: Sequence[Wanted], constraints: Sequence[str]) -> List[str]:
        self._files += 1
        bound = [*constraints, *(line for item in wanted for line in item.requirements.constraints)]
        argv = ["-c", self._write("constraints-%d.txt" % self._files, bound)]
        lines = [line.text for item in wanted for line in item.requirements.lines]
        indexes = dict.fromkeys(url for item in wanted for url in item.requirements.indexes)
        links = dict.fromkeys(url for item in wanted for url in item.requirements.links)
        argv += ["-r", self._write("requirements-%d.txt" % self._files, dict.fromkeys(lines))]
        return [*self._extra(list(indexes), list(links)), *argv]

    def _extra(self, indexes: Sequence[str], links: Sequence[str]) -> List[str]:
        argv = [word for url in indexes for word in ("--extra-index-url", url)]
        argv += [word for url in links for word in ("--find-links", url)]
        # As pip does it: the best version of all indexes. uv by itself would take the whole package from the first.
        if indexes and self.name == "uv":
            argv += ["--index-strategy", "unsafe-best-match"]
        return argv

    def _write(self, name: str, lines: "Sequence[str] | Dict[str, None]") -> str:
        path = os.path.join(self._ctx.work, name)
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(line + "\n" for line in lines)
        return path


def _with_report(attempt: Attempt, path: str) -> Attempt:
    """pip's plan is in its report, with the dependencies of each package."""
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    for entry in report.get("install", []):
        metadata = entry.get("metadata", {})
        name = normalize(metadata.get("name", ""))
        attempt.plan[name] = metadata.get("version", "")
        requires = (re.match(r"[A-Za-z0-9._-]+", text) for text in metadata.get("requires_dist", []))
        attempt.needs[name] = {normalize(found.group(0)) for found in requires if found}
    return attempt


def environment(python: Python, index_url: str) -> Dict[str, str]:
    """Variables for pip and uv, also for what install.py scripts call."""
    env = {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": python.path,
        # The machine's own certificates, as pip and git use them: those of a company's proxy are only there.
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
    }
    if python.managed:  # the system's own Python, which in a container is nobody else's (PEP 668)
        env.update(PIP_BREAK_SYSTEM_PACKAGES="1", UV_BREAK_SYSTEM_PACKAGES="1")
    if any(os.path.exists(bundle) for bundle in _SYSTEM_CERTIFICATES):
        # What git and pip trust: behind a proxy with a certificate of its own uv would refuse every index.
        env.update(UV_SYSTEM_CERTS="1", UV_NATIVE_TLS="1")  # the new name and the one before 0.10
    if index_url:
        env.update(PIP_INDEX_URL=index_url, UV_INDEX_URL=index_url, UV_DEFAULT_INDEX=index_url)
    return env


def find(ctx: Context, python: Python, index_url: str) -> Installer:
    """uv from PATH, beside the interpreter, in it, or of our own; else pip. Raises no_installer."""
    env = environment(python, index_url)
    own = os.path.join(ctx.home, "tools", "uv")
    beside = os.path.join(os.path.dirname(python.path), "uv")
    path = ctx.environment().get("PATH")
    places = [beside, shutil.which("uv", path=path), ctx.path("~/.local/bin/uv"), ctx.path("~/.cargo/bin/uv")]
    commands = [[place] for place in [*places, os.path.join(own, "bin", "uv")] if place and os.access(place, os.X_OK)]
    for command in [*commands, [python.path, "-m", "uv"]]:
        if _works(ctx, command, env):
            return _uv(ctx, python, command, index_url)
    pip_version = _pip_version(ctx, python.path, env)
    if _fetch_uv(ctx, python, own, pip_version, env):
        return _uv(ctx, python, [os.path.join(own, "bin", "uv")], index_url)
    if pip_version >= (22, 2):
        return Installer(ctx, python, [python.path, "-m", "pip", "install"], "pip", index_url)
    detail = "pip is %d.%d" % pip_version if pip_version else "there is no pip, and uv could not be fetched"
    raise StepError("no_installer", path=python.path, detail=detail)


def _uv(ctx: Context, python: Python, command: Sequence[str], index_url: str) -> Installer:
    installer = Installer(ctx, python, [*command, "pip", "install", "--python", python.path], "uv", index_url)
    installer.env = {**pipconfig.uv_environment(ctx, python.path), **installer.env}
    return installer


def _works(ctx: Context, command: Sequence[str], env: Dict[str, str]) -> bool:
    lines: List[str] = []
    try:
        result = ctx.run([*command, "--version"], lines.append, env=env, timeout_s=30, quiet=True)
    except StepError as error:
        if error.kind != "tool_missing":
            raise
        return False
    found = re.match(r"uv (\d+)\.(\d+)", lines[0]) if lines else None
    return result.ok and found is not None and (int(found.group(1)), int(found.group(2))) >= (0, 2)


def _pip_version(ctx: Context, python: str, env: Dict[str, str]) -> "tuple[int, ...]":
    lines: List[str] = []
    result = ctx.run([python, "-m", "pip", "--version"], lines.append, env=env, timeout_s=60, quiet=True)
    found = re.search(r"pip (\d+)\.(\d+)", " ".join(lines))
    return (int(found.group(1)), int(found.group(2))) if result.ok and found else ()


def _fetch_uv(ctx: Context, python: Python, target: str, pip_version: "tuple[int, ...]", env: Dict[str, str]) -> bool:
    """Into a folder of VastDesk's own: ComfyUI's environment gets nothing that no node asked for."""
    candidates = [python.path] if pip_version else []
    if os.path.abspath(sys.executable) not in candidates and _pip_version(ctx, sys.executable, env):
        candidates.append(os.path.abspath(sys.executable))
    for interpreter in candidates:
        part = target + ".part"
        shutil.rmtree(part, ignore_errors=True)
        argv = [interpreter, "-m", "pip", "install", "--quiet", "--no-deps", "--target", part, "uv"]
        # Two minutes at most: pip does the same work, only slower.
        result = ctx.run(argv, env={**env, "PIP_RETRIES": "1"}, timeout_s=120)
        if result.ok and _works(ctx, [os.path.join(part, "bin", "uv")], env):
            shutil.rmtree(target, ignore_errors=True)
            os.rename(part, target)
            return True
        shutil.rmtree(part, ignore_errors=True)
    return False
