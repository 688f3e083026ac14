"""CivitDL: installed under the guard, its configuration merged, its token checked. The token is never in argv."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from typing import Any, Dict, List, Optional
from urllib.parse import urlsplit

from ..context import Context
from ..errors import StepError
from . import places
from .guard import Guard
from .installers import Wanted
from .places import Python
from .requirements import Line, Requirements

PACKAGE = "civitdl"
SECRET = "civitai_token"
_MODULES = "import importlib.metadata as m, civitdl; print('VASTDESK', m.version('civitdl'))"
# What civitdl writes into a new file (2.2.0); a file without these keys makes it stop.
_DEFAULTS: Dict[str, Any] = {
    "version": "1",
    "default": {
        "sorter": "basic", "max_images": 3, "nsfw_mode": "2", "api_key": "", "with_prompt": True,
        "without_model": False, "limit_rate": "0", "retry_count": 3, "pause_time": 3.0, "cache_mode": "1",
        "strict_mode": "1",
        "model_overwrite": False, "with_color": True,
    },
    "sorters": [["basic", "", "basic"], ["tags", "", "tags"]],
    "aliases": [["@example", "~/.models"]],
}  # fmt: skip


def set_up(ctx: Context) -> str:
    """Tasks install, configure, test."""
    ctx.plan(
        [
            {"id": "install", "label": "Install CivitDL"},
            {"id": "configure", "label": "Configure CivitDL"},
            {"id": "test", "label": "Test CivitDL"},
        ]
    )
    with ctx.task("install") as task:
        comfy = places.comfyui(ctx)
        python = places.python(ctx, comfy)
        version = _version(ctx, python)
        task.succeeded("already installed (%s)" % version if version else _install(ctx, python))
    token = ctx.secret(SECRET)
    with ctx.task("configure") as task:
        if token is None:
            task.skipped("no CivitAI token given: models that need a login cannot be downloaded")
        else:
            task.succeeded("token stored" if _store(config_path(ctx), token) else "token already stored")
    with ctx.task("test") as task:
        version = _works(ctx, python)
        checked = _check(ctx, token) if token else "no token"
        task.succeeded("civitdl %s, %s" % (version, checked))
    return "CivitDL %s is installed and works (%s)" % (version, checked)


def test(ctx: Context) -> str:
    """Tasks version, token."""
    ctx.plan([{"id": "version", "label": "Run CivitDL"}, {"id": "token", "label": "Check the CivitAI token"}])
    with ctx.task("version") as task:
        comfy = places.comfyui(ctx)
        version = _works(ctx, places.python(ctx, comfy))
        task.succeeded("civitdl %s" % version)
    with ctx.task("token") as task:
        token = ctx.secret(SECRET) or _stored(config_path(ctx))
        if not token:
            task.skipped("there is no token")
            return "CivitDL %s works; there is no CivitAI token" % version
        verdict = _verdict(ctx, token)
        if verdict:
            raise StepError("civitai_unreachable", detail=verdict)
        task.succeeded("CivitAI takes the token")
    return "CivitDL %s works and CivitAI takes the token" % version


def _version(ctx: Context, python: Python) -> Optional[str]:
    lines: List[str] = []
    result = ctx.run([python.path, "-c", _MODULES], lines.append, timeout_s=30, quiet=True)
    found = [line.split()[1] for line in lines if line.startswith("VASTDESK ")]
    return found[-1] if result.ok and found else None


def _install(ctx: Context, python: Python) -> str:
    guard = Guard(ctx, python, ctx.params["index_url"], tries=3, wait_s=2.0)
    line = Line(PACKAGE, PACKAGE, "CivitDL", PACKAGE)
    plan = guard.resolve([Wanted("CivitDL", Requirements(lines=(line,)))])
    failures = dict(plan.failures) or guard.install(plan, ctx.task("install").note)
    moved = guard.check()
    if moved:
        raise StepError("install_failed", what="CivitDL", detail="it moved %s, which was put back" % moved)
    if failures:
        raise StepError("install_failed", what="CivitDL", detail=next(iter(failures.values())))
    version = _version(ctx, python)
    if version is None:
        raise StepError("install_failed", what="CivitDL", detail="it cannot be imported")
    return "installed %s" % version


def _works(ctx: Context, python: Python) -> str:
    """Run it for real: its help needs its configuration, its modules and its packages."""
    version = _version(ctx, python)
    if version is None:
        raise StepError("install_failed", what="CivitDL", detail="it is not installed in %s" % python.path)
    result = ctx.run([python.path, "-m", "civitdl", "--help"], timeout_s=40, quiet=True)
    if not result.ok:
        last = result.tail[-1] if result.tail else "no output"
        raise StepError("install_failed", what="CivitDL", detail="it does not run: %s" % last[:200])
    return version


def config_path(ctx: Context) -> str:
    """Where civitdl (appdirs) looks."""
    base = ctx.environment().get("XDG_CONFIG_HOME") or ctx.path("~/.config")
    return os.path.join(base, "civitdl", "config.json")


def _read(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StepError("not_written", path=path, detail="it holds no JSON (%s)" % error) from error
    return found if isinstance(found, dict) else {}


def _stored(path: str) -> Optional[str]:
    default = _read(path).get("default")
    return (default.get("api_key") or None) if isinstance(default, dict) else None


def _store(path: str, token: str) -> bool:
    """Merge the token into the file, readable by its owner alone. False: it was there already."""
    config = _read(path)
    private = os.path.exists(path) and not os.stat(path).st_mode & 0o077
    if _stored(path) == token and private:
        return False
    default = config.get("default") if isinstance(config.get("default"), dict) else {}
    merged = {**_DEFAULTS, **config, "default": {**_DEFAULTS["default"], **(default or {}), "api_key": token}}
    folder = os.path.dirname(path)
    os.makedirs(folder, 0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder)  # 0600 from its first moment
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(merged, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if _stored(path) != token:
        raise StepError("not_written", path=path, detail="the token is not in it")
    return True


def _check(ctx: Context, token: str) -> str:
    unreachable = _verdict(ctx, token)
    return "the token could not be checked: %s" % unreachable if unreachable else "CivitAI takes the token"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address it is meant for and nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _verdict(ctx: Context, token: str) -> str:
    """Nothing: CivitAI takes the token. Else why it could not be asked. Raises StepError("civitai_refused")."""
    base = ctx.params["civitai_url"].rstrip("/")
    parts = urlsplit(base)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise StepError("bad_params", problem="civitai_url: must begin with https://, the token is sent there")
    request = urllib.request.Request(base + "/api/v1/me", headers={"Authorization": "Bearer " + token})
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=20) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            return "" if is_json else "%s answers with something else than expected" % parts.hostname
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403):
            raise StepError("civitai_refused", detail="HTTP %d" % error.code) from None
        return "%s answers HTTP %d" % (parts.hostname, error.code)
    except (OSError, ValueError) as error:
        return "%s: %s" % (parts.hostname, getattr(error, "reason", error))
