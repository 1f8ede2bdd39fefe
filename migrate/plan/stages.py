"""What of a plan is sent at a stage. ``gated`` neither opens traffic nor starts work; ``final`` is the plan as it is.

Pure: a plan and what is known of its workloads' cutovers in, objects out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from converters.errors import PodliftError

from ..report.table import count
from .model import Plan, no_workload
from .objects import JOURNAL, Key, key_of, title, users_of


class Stage(StrEnum):
    GATED = "gated"
    FINAL = "final"


FINALIZED = "FINALIZED"
# A journal in one of these states has no run under way, and nothing of the workload serves on the cluster's side.
AT_REST = frozenset({"", "PLANNED", "ROLLED_BACK"})

# What would take callers, or start or scale work. A Service without a backend catches callers by its name.
_WITHHELD: Mapping[str, str] = {
    "Service": "its name would catch callers before there is a backend",
    "Ingress": "it would route callers to no backend",
    "HTTPRoute": "it would route callers to no backend",
    "HorizontalPodAutoscaler": "it would start instances",
    "PodDisruptionBudget": "there is nothing to guard yet",
    "Job": "it would start work",
    "DaemonSet": "it would start on every node, and has no number to hold it at 0",
}
_COUNTED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """An object that a stage does not send, and why."""

    workload: str
    name: str
    namespace: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """
    objects    (workload, object) to be on the cluster after the stage, in the plan's order
    withheld   what cutover adds later
    stages     workload to its stage
    undecided  workloads of which the plan holds nothing, to the questions that are open
    """

    objects: tuple[tuple[str, Mapping[str, Any]], ...]
    withheld: tuple[Withheld, ...]
    stages: Mapping[str, Stage]
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def stage_plan(
    plan: Plan,
    *,
    workloads: Collection[str] = (),
    stage: Stage | None = None,
    states: Mapping[str, str] | None = None,
    never_cut_over: Collection[str] = (),
) -> Staged:
    """
    workloads       only these, and what they share with others; empty: all
    stage           None: ``gated`` for each workload with legacy instances whose cutover is not finalized, else final
    states          workload to the state of its cutover's journal, where it has one
    never_cut_over  workloads that go to ``final`` though they run on the legacy side

    Raises PodliftError ``no-workload``; ``workload-undecided`` for one that is named and of which the plan holds
    nothing; ``plan-incomplete`` for a workload that may run where nobody looked; ``cutover-underway``;
    ``not-cut-over`` for ``final`` on a workload that still runs on the legacy side.
    """
    _refuse_unknown(plan, (*workloads, *never_cut_over))
    wanted = [entry for entry in plan.workloads if not workloads or entry["name"] in workloads]
    undecided = {entry["name"]: tuple(entry["withheld"]) for entry in wanted if entry["withheld"]}
    if workloads and undecided:
        _refuse_undecided(undecided)
    entries = [entry for entry in wanted if entry["name"] not in undecided]
    _refuse_unread(plan, entries)
    known = states or {}
    stages = {
        entry["name"]: _stage_of(entry, stage, known.get(entry["name"], ""), entry["name"] in never_cut_over)
        for entry in entries
    }
    objects: list[tuple[str, Mapping[str, Any]]] = []
    withheld: list[Withheld] = []
    shared = Stage.GATED if Stage.GATED in stages.values() else Stage.FINAL
    governing = _governing(plan)
    for workload, each in plan.objects:
        of = stages.get(workload) if workload else shared
        if of is None or (not workload and not used_by(each, plan, stages)):
            continue
        key = kind, namespace, _ = key_of(each)
        why = _WITHHELD.get(kind, "") if of is Stage.GATED and key not in governing else ""
        if why:
            withheld.append(Withheld(workload=workload, name=title(each), namespace=namespace, why=why))
        else:
            objects.append((workload, _gated(each) if of is Stage.GATED else each))
    return Staged(objects=tuple(objects), withheld=tuple(withheld), stages=stages, undecided=undecided)


def at_work(live: Mapping[str, Any]) -> str:
    """What a live controller does, in words; ``""`` where it is held still, or is no controller."""
    kind, spec = live["kind"], live.get("spec") or {}
    if kind in _COUNTED:
        number = spec.get("replicas", 1)
        return f"runs {count(number, 'pod')}" if number else ""
    if kind == "CronJob":
        return "" if spec.get("suspend") else "is not suspended"
    return "has no number to hold it at 0" if kind in ("DaemonSet", "Job") else ""


def used_by(each: Mapping[str, Any], plan: Plan, workloads: Collection[str]) -> bool:
    """Whether an object that several share is there for one of these; one of which nobody knows is for all."""
    users = users_of(each, plan.names)
    return not users or not users.isdisjoint(workloads)


def _stage_of(entry: Mapping[str, Any], wanted: Stage | None, state: str, never: bool) -> Stage:
    if state not in AT_REST and state != FINALIZED:
        raise PodliftError(
            code="cutover-underway",
            phase="apply",
            subject=entry["name"],
            reason=f"its cutover is under way ({state}): what is on the cluster is the run's until it ends",
            next_step="apply again when it is finalized or rolled back; its journal, a ConfigMap labelled "
            f"{JOURNAL}, says where it is",
        )
    on_legacy = bool(entry["instances"]) and state != FINALIZED and not never
    if wanted is Stage.FINAL and on_legacy:
        raise PodliftError(
            code="not-cut-over",
            phase="apply",
            subject=entry["name"],
            reason=f"{len(entry['instances'])} of its instances run on the legacy side and its cutover is not "
            "finalized: --stage final would run it twice and open its Service beside them",
            next_step=f"cut it over first, or say --never-cut-over {entry['name']} if it shall never be",
        )
    if wanted is not None:
        return wanted
    return Stage.GATED if on_legacy else Stage.FINAL


def _refuse_unknown(plan: Plan, names: Sequence[str]) -> None:
    known = {entry["name"] for entry in plan.workloads}
    for name in names:
        if name not in known:
            raise no_workload(name, phase="apply")


def _refuse_undecided(undecided: Mapping[str, Sequence[str]]) -> None:
    name, questions = next(iter(undecided.items()))
    raise PodliftError(
        code="workload-undecided",
        phase="apply",
        subject=name,
        reason=f"the plan holds nothing of it: {', '.join(questions)} is not decided",
        next_step="answer it in decisions.yaml (PLAN/decisions.todo.yaml lists what is asked) and plan again",
    )


def unread_of(plan: Plan, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The unread hosts that may run a workload. A host that nobody could read may run any that has instances
    elsewhere; one that was accepted as unread still counts for those of which it is known to run some."""
    there = {instance["host"] for instance in entry["instances"]}
    accepted = frozenset(plan.accepted_unread)
    return tuple(host for host in plan.unread if there and (host in there or host not in accepted))


def _refuse_unread(plan: Plan, entries: Sequence[Mapping[str, Any]]) -> None:
    for entry in entries:
        hosts = unread_of(plan, entry)
        if hosts:
            raise PodliftError(
                code="plan-incomplete",
                phase="apply",
                subject=entry["name"],
                reason=f"the plan was made without {', '.join(hosts)}, which could not be read: instances of it may "
                "run there that the plan does not count",
                next_step="plan again when the host answers, or take it out of podlift.yaml if it is gone",
            )


def _governing(plan: Plan) -> frozenset[Key]:
    """The headless Services that StatefulSets name: without one its pods have no names of their own."""
    return frozenset(
        ("Service", each["metadata"].get("namespace", ""), each["spec"]["serviceName"])
        for _, each in plan.objects
        if each["kind"] == "StatefulSet" and each["spec"].get("serviceName")
    )


def _gated(each: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same object, held still: no replicas, or suspended."""
    if each["kind"] in _COUNTED:
        held = {"replicas": 0}
    elif each["kind"] == "CronJob":
        held = {"suspend": True}
    else:
        return each
    made = deepcopy(dict(each))
    made["spec"] = {**made["spec"], **held}
    return made
