"""Why requirements do not fit, in a sentence that names the line. The tools' words are help, not proof."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Sequence, Set

from .frozen import Freeze
from .installers import Attempt, Wanted
from .requirements import Line, normalize

_BUILT = (
    re.compile(r"Failed to (?:build|download and build) `([A-Za-z0-9._-]+)"),
    re.compile(r"Failed building wheel for ([A-Za-z0-9._-]+)"),
    re.compile(r"Failed to build '([A-Za-z0-9._-]+)"),
    re.compile(r"Building wheel for ([A-Za-z0-9._-]+) .*did not run successfully"),
)
_KILLED = re.compile(r"failed \(signal: (\d+)")  # uv of a build backend that the kernel ended
_ERROR = re.compile(r"\berror\b|not found|no such file|cannot|failed", re.IGNORECASE)
_GENERAL = re.compile(
    r"^error: (failed to build|subprocess|metadata-gen|failed-wheel|legacy|command errored)|^hint|^note|^cause|^×"
    r"|returned an error|exit status|pip issue|build failures usually|failed to build installable",
    re.IGNORECASE,
)


def line_reason(line: Line, attempt: Attempt, before: Freeze, others: Sequence[Wanted]) -> str:
    """Why this line does not go together with what is installed and the nodes before."""
    place = "%s, `%s`," % (line.where, line.original[:100])
    if attempt.kind == "build":
        return "%s could not be built: %s" % (place, _last_error(attempt.text))
    if attempt.kind == "network":
        return "%s could not be fetched: %s" % (place, network_reason(attempt.text))
    installed = before.get(line.name)
    if installed is not None:
        return "%s does not fit %s %s, which is installed and stays" % (place, installed.name, installed.version)
    if attempt.kind == "missing":
        return "%s was not found in the package index" % place
    moved = _would_move(attempt.text, before)
    if moved:
        return "%s needs %s" % (place, moved)
    rival = _rival(line, others)
    if rival:
        return "%s does not fit %s" % (place, rival)
    return "%s does not fit what is installed: %s" % (place, because(attempt.text))


def _would_move(text: Sequence[str], before: Freeze) -> Optional[str]:
    """`numpy<2, but numpy 2.4.6 is installed and stays`, if the tool says on what it foundered."""
    joined = " ".join(line.strip() for line in text)
    for found in re.finditer(
        r"(?:depends? on|requires?) ([A-Za-z0-9._-]+)\s?([<>=!~][^\s,;]*(?:,[<>=!~][^\s,;]*)*)", joined
    ):
        installed = before.get(normalize(found.group(1)))
        if installed is not None and found.group(2).rstrip(".") != "==" + installed.version:
            wanted = found.group(1) + found.group(2).rstrip(".")
            return "%s, but %s %s is installed and stays" % (wanted, installed.name, installed.version)
    return None


def _rival(line: Line, others: Sequence[Wanted]) -> Optional[str]:
    for other in others:
        for theirs in other.requirements.lines:
            if line.name and theirs.name == line.name and theirs.text != line.text:
                return "`%s` of %s" % (theirs.original[:100], other.key)
    return None


def because(text: Sequence[str]) -> str:
    """The resolver's own reason, shortened."""
    joined = " ".join(line.strip() for line in text)
    found = re.search(r"Because (.*?)(?:,? we can conclude that|$)", joined)
    reason = found.group(1) if found else next((line for line in reversed(text) if "ERROR" in line), joined[-300:])
    return reason.replace("ERROR: ", "")[:300]


def network_reason(text: Sequence[str]) -> str:
    """What could not be reached."""
    joined = "\n".join(text)
    found = re.search(r"https?://([^/\s)'\"]+)", joined) or re.search(r"host='([^']+)'", joined)
    where = found.group(1).split("@")[-1] if found else "the package index"
    status = re.search(r"\b(5\d\d|429)\b (?:[A-Z][a-z]+)", joined)
    return "%s %s" % (where, "answers %s" % status.group(1) if status else "cannot be reached")


def failed_builds(text: Sequence[str]) -> Set[str]:
    """The packages whose building failed, by their normalized names."""
    return {normalize(found.group(1)) for line in text for pattern in _BUILT for found in pattern.finditer(line)}


def build_reason(item: Wanted, attempt: Attempt, needs: Iterable[str]) -> str:
    """Why a node's packages could not be installed after they had been resolved."""
    broken = sorted(failed_builds(attempt.text) & (item.names | set(needs)) or failed_builds(attempt.text))
    lines = [line for line in item.requirements.lines if line.name in broken]
    what = "%s could not be built" % ", ".join(broken) if broken else "a package could not be installed"
    where = "%s, `%s`: " % (lines[0].where, lines[0].original[:100]) if lines else ""
    return "%s%s: %s" % (where, what, _last_error(attempt.text))


def _last_error(text: Sequence[str]) -> str:
    killed = _KILLED.search("\n".join(text))
    if killed:
        return "it was killed (signal %s; out of memory?)" % killed.group(1)
    errors: List[str] = [line.strip() for line in text if _ERROR.search(line) and not _GENERAL.search(line.strip())]
    return (errors or [line.strip() for line in text if line.strip()] or ["no output"])[-1][:200]
