"""The plan directory: written whole or not at all, read back, and checked against what its inputs give.

A plan of ours that nobody edited is replaced; one that somebody edited, or a directory that is no plan, is refused:
an edit by hand would be lost at the next planning, an override in decisions.yaml would not. What the new plan makes
too is lost nowhere, and no obstacle.
"""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from converters.errors import PodliftError
from converters.objects.context import WORKLOAD

from ..documents import parse_documents
from ..report.plan_markdown import plan_readme
from ..report.questions import todo
from .edits import edited_secrets, edits, lost, refusal
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
from .stored import (
    PLAN_FILE,
    SECRET_SUMS,
    SECRETS_FOLDER,
    body_of,
    broken,
    files_in,
    is_plan,
    json_of,
    sum_of_body,
    sum_of_file,
    sum_of_text,
)
from .swap import followed, recover, replace_directory
from .yaml import emit, emit_all

SHARED_MANIFEST = "_shared"
SECRETS = ("file", "omit", "external")


def write_plan(plan: Plan, path: Path | str, *, secrets: str = "file") -> str:
    """Writes the plan directory; says what a mended earlier crash was, ``""`` if none.

    ``secrets``: ``file`` writes Secrets with their values below ``secrets/`` (0700, files 0600); ``omit`` leaves them
    out; ``external`` leaves them out and plan.json lists the keys as required from elsewhere.

    Raises PodliftError ``plan-edited``, ``plan-foreign`` or ``cannot-write``; nothing was changed then.
    """
    directory = Path(path)
    files = plan_files(plan, secrets=secrets)
    try:
        mended = recover(directory)
        refuse_foreign(directory)
        if is_plan(directory):
            _refuse_edited(directory, files)
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
    stems = _stems(plan)
    for workload, objects in sorted(by_workload.items()):
        files[f"manifests/{stems[workload]}.yaml"] = emit_all(objects)
    manifests = sorted(files)
    files["kustomization.yaml"] = emit(
        {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": manifests}
    )
    files["objects.json"] = _lines(OBJECTS_SCHEMA, "objects", ({"workload": w, "object": o} for w, o in plan.objects))
    files["names.json"] = _pretty({"schema": NAMES_SCHEMA, **plan.names})
    files["verdicts.json"] = _lines(
        VERDICTS_SCHEMA, "verdicts", map(verdict_json, plan.verdicts), tally=dict(plan.tally)
    )
    files["findings.json"] = _lines(FINDINGS_SCHEMA, "findings", map(finding_json, plan.findings))
    files["decisions.todo.yaml"] = todo(plan)
    files["README.md"] = plan_readme(plan)
    for name, text in sorted(plan.extras.items()):
        files[f"extras/{name}"] = text
    if secrets == "file":
        written = {
            f"{SECRETS_FOLDER}{stems[workload]}-{secret['metadata']['name']}.yaml": emit(secret)
            for workload, secret in plan.secrets
        }
        files |= {**written, f"{SECRETS_FOLDER}.gitignore": "*\n"}
        files[SECRET_SUMS] = "".join(f"{sum_of_text(text)}  {name}\n" for name, text in sorted(written.items()))
    files[PLAN_FILE] = _plan_json(plan, files, secrets)
    return files


def _stems(plan: Plan) -> dict[str, str]:
    """Workload to the name of its files: that of its objects, with the namespace where several namespaces have it."""
    times = Counter(each["kubernetesName"] for each in plan.workloads)
    stems = {"": SHARED_MANIFEST}
    for each in plan.workloads:
        name, space = each["kubernetesName"], each["namespace"]
        stems[each["name"]] = f"{space}.{name}" if times[name] > 1 and space else name
    return stems


def _plan_json(plan: Plan, files: Mapping[str, str], secrets: str) -> str:
    head: dict[str, Any] = {
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
        "sha256": {n: sum_of_text(text) for n, text in sorted(files.items()) if not n.startswith(SECRETS_FOLDER)},
    }
    head["sha256"][PLAN_FILE] = sum_of_body({**head, "workloads": plan.workloads})
    return _rows(head, "workloads", plan.workloads)


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = directory / name
        secret = name.startswith(SECRETS_FOLDER)
        if not file.parent.exists():
            file.parent.mkdir(parents=True, mode=0o700 if secret else 0o777)
        if secret:
            # Narrow before a byte is in it.
            file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8", newline="\n")


def read_plan(path: Path | str, *, said: bool = True) -> Plan:
    """The plan in a directory, without Secret values. ``said`` False leaves out verdicts and findings, which are most
    of it: for those who look at objects only.

    Raises PodliftError ``no-plan`` where there is none, ``plan-edited`` where a file is not what plan.json says.
    """
    directory = Path(path)
    try:
        recover(directory)
        body = body_of(directory)
        if changed := edits(directory, body):
            raise refusal(directory, changed)
        objects = json_of(directory, "objects.json")["objects"]
        verdicts = json_of(directory, "verdicts.json") if said else {"verdicts": (), "tally": {}}
        findings = json_of(directory, "findings.json")["findings"] if said else ()
        names = {k: v for k, v in json_of(directory, "names.json").items() if k != "schema"}
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


def read_secrets(path: Path | str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """(workload, Secret with data) from a plan's ``secrets/``; empty where that is not beside it.

    Raises PodliftError ``plan-edited`` where one is not what was written, ``plan-broken`` for what is no Secret.
    """
    directory = Path(path)
    entries = body_of(directory)["workloads"]
    names = {(entry["namespace"], entry["kubernetesName"]): entry["name"] for entry in entries}
    if changed := edited_secrets(directory):
        raise refusal(directory, changed)
    made = []
    for file in sorted((directory / SECRETS_FOLDER).glob("*.yaml")):
        for document in parse_documents(file.read_bytes(), name=str(file)):
            each = document.value
            if not isinstance(each, dict) or each.get("kind") != "Secret":
                raise broken(directory, f"{SECRETS_FOLDER}{file.name}", "it holds no Secret")
            labels = each["metadata"].get("labels") or {}
            place = each["metadata"].get("namespace", ""), labels.get(WORKLOAD, "")
            made.append((names.get(place, ""), each))
    return tuple(made)


def differing_files(plan: Plan, path: Path | str) -> tuple[str, ...]:
    """Files of the plan directory that are not what ``plan`` gives: changed, missing or beyond it. Empty: it is."""
    directory = Path(path)
    try:
        recover(directory)
        body = body_of(directory)
        if body.get("secrets") not in SECRETS:
            raise broken(directory, PLAN_FILE, "it does not say what became of secrets")
        files = plan_files(plan, secrets=body["secrets"])
        found = {name: sum_of_file(directory, name) for name in files_in(directory)}
    except OSError as error:
        raise _cannot("read", directory, error) from error
    expected = {name: sum_of_text(text) for name, text in files.items()}
    names = (name for name in {*expected, *found} if not name.startswith(SECRETS_FOLDER))
    return tuple(sorted(name for name in names if expected.get(name) != found.get(name)))


def refuse_foreign(path: Path | str) -> None:
    """Raises PodliftError ``plan-foreign`` for what no plan may replace; OSError passes through.

    Whoever stands in a directory would stand in a removed one after it is replaced.
    """
    directory = Path(path)
    place, here = followed(directory), Path.cwd()
    reason = ""
    if here == place or place in here.parents:
        reason = "it is the working directory or one around it, and a plan replaces its directory as a whole"
    elif directory.exists() and not directory.is_dir():
        reason = "a file is there"
    elif directory.is_dir() and any(directory.iterdir()) and not is_plan(directory):
        reason = "it is not empty and is no plan of podlift's"
    if reason:
        raise PodliftError(
            code="plan-foreign",
            phase="plan",
            subject=str(path),
            reason=reason,
            next_step="give --out a directory of the plan's own, for example plan",
        )


def _refuse_edited(directory: Path, files: Mapping[str, str]) -> None:
    changed = edits(directory, body_of(directory)) | edited_secrets(directory)
    if undone := lost(directory, changed, files):
        raise refusal(directory, undone)


def _cannot(verb: str, directory: Path, error: OSError) -> PodliftError:
    return PodliftError(
        code=f"cannot-{verb}",
        phase="plan",
        subject=str(error.filename or directory),
        reason=f"it cannot be {'written' if verb == 'write' else verb}: {(error.strerror or str(error)).lower()}",
        next_step=_remedy(verb, error),
    )


def _remedy(verb: str, error: OSError) -> str:
    if error.errno == errno.EBUSY:
        return "run it again when that is done: nothing was changed"
    return "free space or permissions, then run it again" if verb == "write" else "give a path that can be read"


def _lines(schema: str, key: str, items: Iterable[Any], **more: Any) -> str:
    """JSON with one item a line: git shows what changed, and a reader needs no streaming parser."""
    return _rows({"schema": schema, **more}, key, items)


def _rows(head: Mapping[str, Any], key: str, items: Iterable[Any]) -> str:
    before = _pretty(head).rstrip().removesuffix("}").rstrip()
    rows = ",\n".join("    " + _compact(item) for item in items)
    return f'{before},\n  "{key}": [\n{rows}\n  ]\n}}\n' if rows else f'{before},\n  "{key}": []\n}}\n'


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
