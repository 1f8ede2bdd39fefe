"""A plan held against an earlier one: objects, and what is said of the workloads."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from converters.fields.verdict import Finding, Verdict

from ..plan.model import Plan
from ..plan.objects import key_of
from .comparison import Comparison, Leg, Said, State
from .holding import difference
from .walk import changes


def compare_plans(plan: Plan, earlier: Plan, chosen: Collection[str] = ()) -> Comparison:
    """``chosen``: these workloads only; empty: all."""
    old = {key_of(each): (workload, each) for workload, each in earlier.objects if not chosen or workload in chosen}
    new = {key_of(each): (workload, each) for workload, each in plan.objects if not chosen or workload in chosen}
    differences = []
    for key, (workload, each) in new.items():
        before = old[key][1] if key in old else None
        found = tuple(changes(before, each)) if before is not None else ()
        if before is None or found:
            state = State.ADDED if before is None else State.CHANGED
            differences.append(difference(workload, key, state, found, old=before, new=each))
    differences += [
        difference(workload, key, State.REMOVED, (), old=each)
        for key, (workload, each) in old.items()
        if key not in new
    ]
    return Comparison(
        leg=Leg.PLAN,
        against=f"plan {earlier.hash[:12]}",
        objects=tuple(differences),
        said=(
            *_said("verdict", _verdicts(earlier, chosen), _verdicts(plan, chosen)),
            *_said("finding", _findings(earlier, chosen), _findings(plan, chosen)),
        ),
        compared=len(new),
    )


Spoken = dict[tuple[str, str, str], str]
"""Workload, code (of a finding) and what it is about, to what was said as one text."""


def _verdicts(plan: Plan, chosen: Collection[str]) -> Spoken:
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


def _findings(plan: Plan, chosen: Collection[str]) -> Spoken:
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
