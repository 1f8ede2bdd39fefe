"""The plan directory: written whole or not at all, read back, and checked against what its inputs give.

A plan of ours that nobody edited is replaced; one that somebody edited, or a directory that is no plan, is refused:
an edit by hand would be lost at the next planning, an override in decisions.yaml would not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.errors import PodliftError

from ..documents import parse_documents
from ..report.plan_markdown import plan_readme
from ..report.questions import todo
from .model import (
    FINDINGS_SCHEMA,
    NAMES_SCHEMA,
    OBJECTS_SCHEMA,
    PLAN_SCHEMA,
    VERDICTS_SCHEMA,
    Plan,
    finding_json,
    finding_of,
    verdict_json,
    verdict_of,
)
from .swap import recover, replace_directory
from .yaml import emit, emit_all

SHARED_MANIFEST = "_shared"
SECRETS = ("file", "omit", "external")
# Not part of the reviewed plan: the reviewer's notes and values that stay out of git may change.
_UNSIGNED = ("plan.json", "secrets/")


def write_plan(plan: Plan, path: Path | str, *, secrets: str = "file") -> str:
    """Writes the plan directory; says what a mended earlier crash was, ``""`` if none.

    ``secrets``: ``file`` writes Secrets with their values below ``secrets/`` (0700, files 0600); ``omit`` leaves them
    out; ``external`` leaves them out and plan.json lists the keys as required from elsewhere.

    Raises PodliftError ``plan-edited``, ``plan-foreign`` (nothing was changed) or ``cannot-write``.
    """
    directory = Path(path)
    try:
        mended = recover(directory)
        if directory.exists():
            _refuse_unless_ours(directory)
        files = plan_files(plan, secrets=secrets)
        replace_directory(directory, lambda fresh: _write(fresh, files))
    except OSError as error:
        raise _cannot("write", directory, error) from error
    return mended


def plan_files(plan: Plan, *, secrets: str = "file") -> dict[str, str]:
    """Every file of the plan directory by its path in it; plan.json last, with the others' sha256."""
    files: dict[str, str] = {}
    by_workload: dict[str, list[Mapping[str, Any]]] = {}
    for workload, each in plan.objects:
        by_workload.setdefault(workload, []).append(each)
    file_names = {w["name"]: w["kubernetesName"] for w in plan.workloads}
    for workload, objects in sorted(by_workload.items()):
        name = file_names.get(workload, SHARED_MANIFEST) if workload else SHARED_MANIFEST
        space = next((w["namespace"] for w in plan.workloads if w["name"] == workload), "")
        stem = f"{space}.{name}" if _ambiguous(name, file_names.values()) else name
        files[f"manifests/{stem}.yaml"] = emit_all(objects)
    manifests = sorted(files)
    files["kustomization.yaml"] = emit(
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": manifests}
    )
    files["objects.json"] = _lines(OBJECTS_SCHEMA, "objects", [{"workload": w, "object": o} for w, o in plan.objects])
    files["names.json"] = _pretty({"schema": NAMES_SCHEMA, **plan.names})
    files["verdicts.json"] = _lines(
        VERDICTS_SCHEMA, "verdicts", [verdict_json(v) for v in plan.verdicts], tally=dict(plan.tally)
    )
    files["findings.json"] = _lines(FINDINGS_SCHEMA, "findings", [finding_json(f) for f in plan.findings])
    files["decisions.todo.yaml"] = todo(plan)
    files["README.md"] = plan_readme(plan)
    for name, text in sorted(plan.extras.items()):
        files[f"extras/{name}"] = text
    if secrets == "file":
        for workload, secret in plan.secrets:
            files[f"secrets/{file_names[workload]}-{secret['metadata']['name']}.yaml"] = emit(secret)
        files["secrets/.gitignore"] = "*\n"
    files["plan.json"] = _plan_json(plan, files, secrets)
    return files


def _ambiguous(name: str, names: Iterable[str]) -> bool:
    return sum(each == name for each in names) > 1


def _plan_json(plan: Plan, files: Mapping[str, str], secrets: str) -> str:
    head = {
        "schema": PLAN_SCHEMA,
        "hash": plan.hash,
        "estate": plan.estate,
        "secrets": secrets,
        "redacted": plan.redacted,
        "unread": list(plan.unread),
        "acceptedUnread": list(plan.accepted_unread),
        "incomplete": bool(set(plan.unread) - set(plan.accepted_unread)),
        "unusedAnswers": list(plan.unused_answers),
        "excluded": [list(each) for each in plan.excluded],
        "target": plan.target,
        "decisions": plan.decisions,
        "sha256": {name: _sha256(text) for name, text in sorted(files.items()) if not name.startswith(_UNSIGNED)},
    }
    return _rows(head, "workloads", plan.workloads)


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = directory / name
        secret = name.startswith("secrets/")
        if not file.parent.exists():
            file.parent.mkdir(parents=True, mode=0o700 if secret else 0o777)
        if secret:
            # Narrow before a byte is in it.
            file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", newline="\n")


def read_plan(path: Path | str) -> Plan:
    """The plan in a directory, without Secret values.

    Raises PodliftError ``no-plan`` where there is none, ``plan-edited`` where a file is not what plan.json says.
    """
    directory = Path(path)
    try:
        recover(directory)
        body = _body(directory)
        edited = _edited(directory, body)
        if edited:
            raise _refusal(directory, edited)
        objects = _json(directory, "objects.json")["objects"]
        verdicts = _json(directory, "verdicts.json")
        findings = _json(directory, "findings.json")["findings"]
        names = {k: v for k, v in _json(directory, "names.json").items() if k != "schema"}
        extras = {f.name: f.read_text(encoding="utf-8") for f in sorted((directory / "extras").glob("*"))}
    except OSError as error:
        raise _cannot("read", directory, error) from error
    return Plan(
        estate=body["estate"],
        workloads=tuple(body["workloads"]),
        objects=tuple((o["workload"], o["object"]) for o in objects),
        extras=extras,
        names=names,
        verdicts=tuple(verdict_of(v) for v in verdicts["verdicts"]),
        findings=tuple(finding_of(f) for f in findings),
        tally=verdicts["tally"],
        target=body["target"],
        decisions=body["decisions"],
        excluded=tuple((where, why) for where, why in body["excluded"]),
        unread=tuple(body["unread"]),
        accepted_unread=tuple(body["acceptedUnread"]),
        unused_answers=tuple(body["unusedAnswers"]),
        redacted=body["redacted"],
    )


def is_plan(path: Path) -> bool:
    return (path / "plan.json").is_file()


def check_plan(plan: Plan, path: Path | str) -> tuple[str, ...]:
    """Files of the plan directory that are not what ``plan`` gives: changed, missing or beyond it. Empty: it is."""
    directory = Path(path)
    try:
        recover(directory)
        body = _body(directory)
        files = plan_files(plan, secrets=body["secrets"])
        found = {name: _sha256_file(directory / name) for name in _files_in(directory)}
    except OSError as error:
        raise _cannot("read", directory, error) from error
    expected = {name: _sha256(text) for name, text in files.items() if not name.startswith("secrets/")}
    return tuple(sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name)))


def _refuse_unless_ours(directory: Path) -> None:
    if not directory.is_dir() or (any(directory.iterdir()) and not is_plan(directory)):
        raise PodliftError(
            code="plan-foreign",
            phase="plan",
            subject=str(directory),
            reason="it is there and is no plan of podlift's",
            next_step="give --out another directory, or remove this one",
        )
    if is_plan(directory):
        edited = _edited(directory, _body(directory))
        if edited:
            raise _refusal(directory, edited)


def _edited(directory: Path, body: Mapping[str, Any]) -> list[str]:
    signed = body["sha256"]
    found = _files_in(directory)
    changed = [name for name in signed if name not in found or _sha256_file(directory / name) != signed[name]]
    return sorted(changed + [name for name in found if name not in signed and not name.startswith(_UNSIGNED)])


def _files_in(directory: Path) -> set[str]:
    names = (str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())
    return {name for name in names if not name.startswith("secrets/")}


def _refusal(directory: Path, edited: list[str]) -> PodliftError:
    lines = [line for name in edited for line in _as_overrides(directory, name)]
    step = "undo the edit, or keep it as an override in decisions.yaml and plan again"
    if lines:
        step = "write this in decisions.yaml under overrides: and undo the edit:\n" + "\n".join(lines)
    return PodliftError(
        code="plan-edited",
        phase="plan",
        subject=f"{directory}/{edited[0]}",
        reason="was edited after planning" + (f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""),
        next_step=step,
    )


def _as_overrides(directory: Path, name: str) -> list[str]:
    """An edited manifest as the overrides that would make it."""
    if not name.startswith("manifests/") or not (directory / name).is_file():
        return []
    try:
        now = [d.value for d in parse_documents((directory / name).read_bytes(), name=name)]
    except PodliftError:
        return []
    planned = {
        (o["object"]["kind"], o["object"]["metadata"]["name"]): o for o in _json(directory, "objects.json")["objects"]
    }
    lines: list[str] = []
    for each in now:
        if not isinstance(each, dict) or "kind" not in each:
            continue
        known = planned.get((each["kind"], each.get("metadata", {}).get("name", "")))
        if known is None or known["object"] == each:
            continue
        patch = merge_patch(known["object"], each)
        entry = {"workload": known["workload"], "object": f"{each['kind']}/{each['metadata']['name']}", "patch": patch}
        lines += ["  " + line for line in emit([entry]).rstrip().splitlines()]
    return lines


def merge_patch(before: Any, after: Any) -> Any:
    """The JSON merge patch (RFC 7386) that makes ``after`` of ``before``; lists are replaced whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value:
            patch[key] = merge_patch(before[key], value)
    return patch


def _body(directory: Path) -> dict[str, Any]:
    if not is_plan(directory):
        raise PodliftError(
            code="no-plan",
            phase="plan",
            subject=str(directory),
            reason="there is no plan.json in it",
            next_step="make a plan with podlift plan --out DIR",
        )
    body = _json(directory, "plan.json")
    if body.get("schema") != PLAN_SCHEMA:
        raise PodliftError(
            code="plan-schema",
            phase="plan",
            subject=f"{directory}/plan.json",
            reason=f"its schema is {body.get('schema')!r}, this podlift reads {PLAN_SCHEMA}",
            next_step="plan again with this version",
        )
    return body


def _json(directory: Path, name: str) -> dict[str, Any]:
    try:
        body = json.loads((directory / name).read_bytes())
    except ValueError as error:
        raise PodliftError(
            code="plan-broken",
            phase="plan",
            subject=f"{directory}/{name}",
            reason=f"it is no JSON ({error})",
            next_step="plan again, or take the file from git",
        ) from error
    if not isinstance(body, dict):
        raise PodliftError(
            code="plan-broken",
            phase="plan",
            subject=f"{directory}/{name}",
            reason="it holds no JSON object",
            next_step="plan again, or take the file from git",
        )
    return body


def _cannot(verb: str, directory: Path, error: OSError) -> PodliftError:
    return PodliftError(
        code=f"cannot-{verb}",
        phase="plan",
        subject=str(error.filename or directory),
        reason=error.strerror or str(error),
        next_step="free space or permissions, then run it again: nothing was changed"
        if verb == "write"
        else "give a path that can be read",
    )


def _lines(schema: str, key: str, items: list[Any], **more: Any) -> str:
    """JSON with one item a line: git shows what changed, and a reader needs no streaming parser."""
    return _rows({"schema": schema, **more}, key, items)


def _rows(head: Mapping[str, Any], key: str, items: Sequence[Any]) -> str:
    before = _pretty(head).rstrip().removesuffix("}").rstrip()
    rows = ",\n".join("    " + _compact(item) for item in items)
    return f'{before},\n  "{key}": [\n{rows}\n  ]\n}}\n' if items else f'{before},\n  "{key}": []\n}}\n'


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _sha256_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
