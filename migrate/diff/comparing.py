"""``diff_plan``: a plan against an earlier plan, or against live objects.

Both are local and semantic. Against a dump the planned side gets the server's defaults and the live side loses what
the server writes; what others set beside the plan's fields is told with its owner and is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converters.errors import PodliftError
from converters.fields.verdict import Finding, Verdict
from converters.objects.context import ESTATE, MANAGED_BY, WORKLOAD, label_value

from ..plan.model import Plan
from .comparison import Comparison, Extra, ObjectDifference, Said, State
from .defaults import with_defaults
from .dump import Dump, Key
from .live import Owners, ours, without_server_fields
from .walk import Change, Op, changes

_HIDDEN = "(secret)"


def diff_plan(plan: Plan, against: Plan | Dump, *, workloads: Sequence[str] = ()) -> Comparison:
    """What differs between a plan and an earlier one, or a dump.

    workloads  only these; shared objects are left out then. Raises PodliftError ``no-workload`` for a name that
               neither side knows.
    """
    _refuse_unknown(plan, against, workloads)
    chosen = frozenset(workloads)
    if isinstance(against, Dump):
        return _with_dump(plan, against, chosen)
    return _with_plan(plan, against, chosen)


def _refuse_unknown(plan: Plan, against: Plan | Dump, workloads: Sequence[str]) -> None:
    known = {w["name"] for w in plan.workloads}
    if isinstance(against, Plan):
        known |= {w["name"] for w in against.workloads}
    for name in workloads:
        if name not in known:
            raise PodliftError(
                code="no-workload",
                phase="diff",
                subject=name,
                reason="the plan has no workload of this name",
                next_step="podlift show PLAN -o name lists them",
            )


def _with_plan(plan: Plan, earlier: Plan, chosen: frozenset[str]) -> Comparison:
    old = {_key(each): (workload, each) for workload, each in earlier.objects if not chosen or workload in chosen}
    new = {_key(each): (workload, each) for workload, each in plan.objects if not chosen or workload in chosen}
    differences = []
    for key, (workload, each) in new.items():
        before = old[key][1] if key in old else None
        found = tuple(changes(before, each)) if before is not None else ()
        if before is None or found:
            state = State.ADDED if before is None else State.CHANGED
            differences.append(_difference(workload, key, state, found, old=before, new=each))
    differences += [
        _difference(workload, key, State.REMOVED, (), old=each)
        for key, (workload, each) in old.items()
        if key not in new
    ]
    return Comparison(
        against=f"plan {earlier.hash[:12]}",
        objects=tuple(differences),
        said=(
            *_said("verdict", _verdicts(earlier, chosen), _verdicts(plan, chosen)),
            *_said("finding", _findings(earlier, chosen), _findings(plan, chosen)),
        ),
        compared=len(new),
    )


def _with_dump(plan: Plan, dump: Dump, chosen: frozenset[str]) -> Comparison:
    scaled = _scaled(plan)
    kinds = {key[0] for key in dump.objects}
    differences = []
    seen: set[Key] = set()
    compared = 0
    for workload, each in plan.objects:
        kind, namespace, name = key = _key(each)
        found = dump.find(kind, namespace, name)
        if found is not None:
            seen.add(found[0])
        if chosen and workload not in chosen:
            continue
        compared += 1
        if found is None:
            note = "" if kind in kinds else f"the dump has no {kind} at all: was this kind dumped?"
            differences.append(_difference(workload, key, State.ADDED, (), new=each, note=note))
            continue
        made = _with_live(workload, key, each, found[1], scaled=(kind, namespace, name) in scaled)
        if made is not None:
            differences.append(made)
    differences += _beyond(plan, dump, seen, chosen)
    secrets = sum(len(entry["secrets"]) for entry in plan.workloads if not chosen or entry["name"] in chosen)
    return Comparison(
        against=f"dump {dump.name}",
        objects=tuple(differences),
        compared=compared,
        uncompared=(f"{secrets} Secrets: a plan holds no secret values",) if secrets else (),
    )


def _with_live(
    workload: str, key: Key, planned: Mapping[str, Any], live: Mapping[str, Any], *, scaled: bool
) -> ObjectDifference | None:
    new = with_defaults(planned)
    old = without_server_fields(live, planned)
    if scaled:
        # An HPA owns the number; the plan leaves it open.
        new["spec"].pop("replicas", None)
        old.get("spec", {}).pop("replicas", None)
    owners = Owners(live)
    # What neither side says is no difference: a dump need not come from a server, kubectl kustomize prints one too.
    unsaid = {change.path for change in changes(planned, new) if change.op is Op.ADDED}
    differing: list[Change] = []
    extras: list[Extra] = []
    for change in changes(old, new):
        if change.op is Op.REMOVED:
            owner = owners.of(change.trail)
            if not ours(owner):
                extras.append(Extra(path=change.path, value=change.old, owner=owner))
                continue
        if change.op is Op.ADDED and change.path in unsaid:
            continue
        differing.append(change)
    if not differing and not extras:
        return None
    state = State.CHANGED if differing else State.EXTRA
    return _difference(workload, key, state, tuple(differing), tuple(extras), old=old, new=new)


def _scaled(plan: Plan) -> frozenset[Key]:
    """Controllers whose number of replicas an HPA of the plan decides."""
    return frozenset(
        (
            each["spec"]["scaleTargetRef"]["kind"],
            each["metadata"].get("namespace", ""),
            each["spec"]["scaleTargetRef"]["name"],
        )
        for _, each in plan.objects
        if each["kind"] == "HorizontalPodAutoscaler"
    )


def _beyond(plan: Plan, dump: Dump, seen: set[Key], chosen: frozenset[str]) -> Iterator[ObjectDifference]:
    """Live objects that are ours by their labels and that the plan does not have."""
    names = {entry["kubernetesName"]: entry["name"] for entry in plan.workloads}
    secrets = {secret["name"] for entry in plan.workloads for secret in entry["secrets"]}
    for key, live in dump.objects.items():
        labels = live["metadata"].get("labels") or {}
        mine = labels.get(MANAGED_BY) == "podlift" and labels.get(ESTATE) == label_value(plan.estate)
        if key in seen or not mine or (key[0] == "Secret" and key[2] in secrets):
            continue
        # Pods, ReplicaSets and the like are made by controllers and carry their template's labels.
        if live["metadata"].get("ownerReferences"):
            continue
        workload = names.get(labels.get(WORKLOAD, ""), labels.get(WORKLOAD, ""))
        if not chosen or workload in chosen:
            old = without_server_fields(live, {})
            yield _difference(workload, key, State.REMOVED, (), old=_without_values(old))


def _without_values(each: dict[str, Any]) -> dict[str, Any]:
    if each.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if isinstance(each.get(part), dict):
                each[part] = dict.fromkeys(each[part], _HIDDEN)
    return each


def _difference(
    workload: str,
    key: Key,
    state: State,
    found: tuple[Change, ...],
    extras: tuple[Extra, ...] = (),
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    note: str = "",
) -> ObjectDifference:
    kind, namespace, name = key
    return ObjectDifference(
        workload=workload,
        name=f"{kind}/{name}",
        namespace=namespace,
        state=state,
        changes=found,
        extras=extras,
        old=old,
        new=new,
        note=note,
    )


def _key(each: Mapping[str, Any]) -> Key:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


Spoken = dict[tuple[str, str, str], str]
"""Workload, code (of a finding) and what it is about, to what was said as one text."""


def _verdicts(plan: Plan, chosen: frozenset[str]) -> Spoken:
    made: Spoken = {}
    for each in plan.verdicts:
        if not chosen or each.workload in chosen:
            text = f"{each.level.value} {each.code}" + (" (decided)" if each.decided else "")
            _add(made, (each.workload, "", _about(each)), text)
    return made


def _about(verdict: Verdict) -> str:
    """Where it stands, without the document's line, which moves with every edit above it."""
    if verdict.source is None:
        return ", ".join(verdict.targets)
    document = verdict.source.document
    return verdict.source.path if "/container/" in document else f"{document} {verdict.source.path}".strip()


def _findings(plan: Plan, chosen: frozenset[str]) -> Spoken:
    made: Spoken = {}
    for each in plan.findings:
        if not chosen or each.workload in chosen:
            _add(made, (each.workload, each.code, each.subject), _state(each))
    return made


def _state(finding: Finding) -> str:
    said = "open" if finding.open else f"answered {finding.answer}" if finding.answer else "told"
    return f"{said}: {finding.reason}" if finding.reason else said


def _add(made: Spoken, key: tuple[str, str, str], text: str) -> None:
    """Several verdicts may stand on one path: of instances that differ."""
    known = made.get(key, "")
    made[key] = text if not known or text in known.split("; ") else f"{known}; {text}"


def _said(kind: str, old: Spoken, new: Spoken) -> Iterator[Said]:
    for key in sorted({*old, *new}):
        before, after = old.get(key, ""), new.get(key, "")
        if before != after:
            workload, code, about = key
            yield Said(kind=kind, workload=workload, code=code, about=about, old=before, new=after)
