"""A plan in memory: what a plan directory holds, as values."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from converters.errors import PodliftError
from converters.fields.verdict import Finding, Level, Source, Verdict

PLAN_SCHEMA = "podlift.dev/plan/v1"
OBJECTS_SCHEMA = "podlift.dev/objects/v1"
NAMES_SCHEMA = "podlift.dev/names/v1"
VERDICTS_SCHEMA = "podlift.dev/verdicts/v1"
FINDINGS_SCHEMA = "podlift.dev/findings/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    workloads  plan.json's entries, one for each workload in order of name
    objects    (workload, object), without Secret data; ``""`` is the workload of what several share
    secrets    (workload, Secret with data); empty for a plan read from a directory
    extras     files beside the manifests: name to text
    names      names.json's body
    verdicts, findings, left   of the whole estate; ``left``: verdicts on fields outside every workload
    tally      leaves of all documents by class
    target, decisions          as they entered the hash, JSON-shaped
    unread     hosts that could not be read; ``accepted_unread``: that --allow-partial accepted
    questions  decisions.todo.yaml's entries
    """

    estate: str
    workloads: tuple[Mapping[str, Any], ...] = ()
    objects: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    secrets: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(), repr=False)
    extras: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    excluded: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    accepted_unread: tuple[str, ...] = ()
    unused_answers: tuple[str, ...] = ()
    redacted: bool = False

    @property
    def hash(self) -> str:
        """sha256 over normalised workloads, target, decisions and objects: never over raw documents or secrets."""
        return digest([self.workloads, self.target, self.decisions, [o for _, o in self.objects]])

    @property
    def undecided(self) -> int:
        return sum(v.level is Level.UNDECIDED for v in self.verdicts)

    @property
    def open_findings(self) -> int:
        return sum(f.open for f in self.findings)

    @property
    def withheld(self) -> tuple[str, ...]:
        return tuple(w["name"] for w in self.workloads if w["withheld"])


def no_workload(name: str, *, phase: str) -> PodliftError:
    """Of a name that none of the plan's workloads has."""
    return PodliftError(
        code="no-workload",
        phase=phase,
        subject=name,
        reason="the plan has no workload of this name",
        next_step="podlift show PLAN -o name lists them",
    )


def digest(value: Any) -> str:
    """sha256 of a JSON-shaped value in canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def jsonable(value: Any, *, without: frozenset[str] = frozenset()) -> Any:
    """A frozen value as JSON: attributes that are empty or named in ``without`` are left out."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(k): jsonable(v, without=without) for k, v in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, frozenset | set):
        return sorted(jsonable(v, without=without) for v in value)
    if isinstance(value, Sequence):
        return [jsonable(v, without=without) for v in value]
    if dataclasses.is_dataclass(value):
        made = {}
        for attribute in dataclasses.fields(value):
            if attribute.name in without or attribute.name.startswith("_"):
                continue
            each = getattr(value, attribute.name)
            if each is None or each in ("", (), {}) or each is False:
                continue
            made[attribute.name] = jsonable(each, without=without)
        return made
    raise TypeError(f"{type(value).__name__} has no place in a plan")


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as verdicts.json has it. ``source`` is always there: null where no document asked."""
    source = verdict.source
    return {
        "workload": verdict.workload,
        "level": verdict.level.value,
        "code": verdict.code,
        "source": None if source is None else jsonable(source),
        **{
            name: jsonable(getattr(verdict, name))
            for name in ("targets", "why", "todo", "options", "chosen", "decided", "instances")
            if getattr(verdict, name)
        },
    }


def verdict_of(body: Mapping[str, Any]) -> Verdict:
    source = body["source"]
    return Verdict(
        workload=body["workload"],
        level=Level(body["level"]),
        code=body["code"],
        source=None if source is None else Source(**source),
        targets=tuple(body.get("targets", ())),
        why=body.get("why", ""),
        todo=body.get("todo", ""),
        options=tuple((value, meaning) for value, meaning in body.get("options", ())),
        chosen=body.get("chosen", ""),
        decided=body.get("decided", False),
        instances=tuple(body.get("instances", ())),
    )


def finding_json(finding: Finding) -> dict[str, Any]:
    return {"workload": finding.workload, "code": finding.code, **jsonable(finding)}


def finding_of(body: Mapping[str, Any]) -> Finding:
    return Finding(
        workload=body["workload"],
        code=body["code"],
        subject=body.get("subject", ""),
        reason=body.get("reason", ""),
        sides=tuple((who, what) for who, what in body.get("sides", ())),
        todo=body.get("todo", ""),
        options=tuple((value, meaning) for value, meaning in body.get("options", ())),
        open=body.get("open", False),
        answer=body.get("answer", ""),
    )
