"""The JSON shapes of `--json` (docs/schema), made from rows and views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vastdesk.domain.instances import HostKey, Identity, Instance
from vastdesk.domain.settings import Setting, Value
from vastdesk.domain.views import RunView, iso_time
from vastdesk.domain.workflow import Workflow
from vastdesk.domain.yamlnodes import Problem
from vastdesk.store import RunRow
from vastdesk.workers.exporting import VERSION, Json, run_as_json, run_facts
from vastdesk.workers.workflow_files import WorkflowFile

if TYPE_CHECKING:
    from vastdesk.cli.doctor import Check


def first_line(row: RunRow, instance: str) -> Json:
    """What `run` and `attach` print first."""
    return {"type": "run", "v": VERSION, **run_facts(row, instance)}


def listed_run(row: RunRow, instance: str) -> Json:
    return {"type": "run", "v": VERSION, **run_facts(row, instance), "ended": iso_time(row.ended_ts)}


def result(view: RunView, run_id: str, exit_code: int, left: bool) -> Json:
    """What `run` and `attach` print last. `left`: the run goes on without us, `state` is the one it had."""
    return {
        "type": "result",
        "v": VERSION,
        "run": run_id,
        "state": view.state,
        "reason": view.reason,
        "kind": view.kind,
        "detached": left,
        "exit_code": exit_code,
        "steps": [{"step": step.id, "state": step.state, "note": step.note} for step in view.steps],
        **({"block": dict(view.block)} if view.block and view.state == "blocked" else {}),
    }


def shown_run(row: RunRow, view: RunView) -> Json:
    """`show --json`: the run as it stands, tasks included."""
    return run_as_json(row, view)


def shown_summary(facts: Mapping[str, Any]) -> Json:
    return {"type": "summary", "v": VERSION, **facts}


def shown_instance(instance: Instance, pinned: HostKey | None, offered: HostKey | None) -> Json:
    return {
        "type": "instance",
        "v": VERSION,
        "id": instance.id,
        "name": instance.name,
        "endpoints": [
            {"host": each.host, "port": each.port, "user": each.user, "kind": each.kind} for each in instance.endpoints
        ],
        "identity": instance.identity,
        "identity_file": instance.identity_file,
        "jump": instance.jump,
        "profile": dict(instance.profile),
        "vast_id": instance.vast_id,
        "created": iso_time(instance.created_ts),
        "host_key": _host_key(pinned),
        "offered_host_key": _host_key(offered),
    }


def _host_key(key: HostKey | None) -> Json | None:
    return None if key is None else {"algorithm": key.algorithm, "fingerprint": key.fingerprint}


def shown_identity(identity: Identity) -> Json:
    return {
        "type": "identity",
        "v": VERSION,
        "name": identity.name,
        "kind": identity.kind,
        "public_key": identity.public_key,
        "fingerprint": identity.fingerprint,
        "path": identity.path,
    }


def listed_workflow(file: WorkflowFile, workflow: Workflow | None) -> Json:
    """`workflow` None: the file cannot be used."""
    return {
        "type": "workflow",
        "v": VERSION,
        "file": str(file.path),
        "stem": file.stem,
        "name": workflow.name if workflow else file.name(),
        "shipped": file.shipped,
        "valid": workflow is not None,
        "description": workflow.description if workflow else "",
        "steps": [
            {"step": step.id, "use": step.use, "title": step.title, "enabled": step.enabled}
            for step in (workflow.steps if workflow else ())
        ],
    }


def checked_workflow(file: WorkflowFile, problems: Iterable[Problem]) -> Json:
    found = [{"line": problem.line, "message": problem.message} for problem in problems]
    return {"type": "check", "v": VERSION, "file": str(file.path), "valid": not found, "problems": found}


def shown_setting(setting: Setting, value: Value) -> Json:
    return {
        "type": "setting",
        "v": VERSION,
        "name": setting.name,
        "value": value,
        "default": setting.default,
        "value_type": setting.type,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "label": setting.label,
        "help": setting.help,
        "section": setting.section,
    }


def probed(instance: Instance, found: Mapping[str, Any]) -> Json:
    return {"type": "probe", "v": VERSION, "instance": instance.name, "facts": dict(found)}


def examined(checks: Iterable[Check], healthy: bool) -> Json:
    """`doctor --json`."""
    return {
        "type": "doctor",
        "v": VERSION,
        "healthy": healthy,
        "checks": [
            {"name": check.name, "state": check.state, "found": check.found, "fix": check.fix} for check in checks
        ],
    }
