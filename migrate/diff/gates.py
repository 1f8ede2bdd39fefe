"""What a gated apply holds back, and what a cutover under way has made otherwise: it differs from the plan until that
has ended, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from converters.objects.context import WORKLOAD

from ..plan.model import Plan
from ..plan.objects import JOURNAL
from ..plan.stages import AT_REST, FINALIZED, Stage, at_work, stage_plan
from .comparison import ObjectDifference, State
from .dump import Dump

NOTE = "gated: waits for cutover"
# The field that holds a controller still, with the value by which it does.
_HELD: Mapping[str, Any] = {"spec.replicas": 0, "spec.suspend": True}
# What a run sets by kind until it is finalized: the gate in the selector, how far the controller is, and the least
# number of an autoscaler.
_OF_A_RUN: Mapping[str, tuple[str, ...]] = {
    "Service": ("spec.selector",),
    "Deployment": ("spec.replicas", "spec.paused"),
    "HorizontalPodAutoscaler": ("spec.minReplicas", "spec.maxReplicas"),
}


def with_gates(plan: Plan, dump: Dump, found: Sequence[ObjectDifference]) -> tuple[ObjectDifference, ...]:
    """The differences, those marked that are there because a workload was applied gated.

    A workload is gated while it has legacy instances, something of it is in the cluster, and none of its controllers
    works.
    """
    suspects = {each.workload for each in found if each.state in (State.ADDED, State.CHANGED)}
    entries = [entry for entry in plan.workloads if entry["name"] in suspects and entry["instances"]]
    if not entries:
        return tuple(found)
    states = _underway(plan, dump)
    found = [_of_run(each, states[each.workload]) if each.workload in states else each for each in found]
    # which hosts were unread is apply's concern
    staged = stage_plan(replace(plan, unread=()), workloads=[entry["name"] for entry in entries], stage=Stage.GATED)
    withheld = {(each.workload, each.name, each.namespace) for each in staged.withheld}
    gated = {entry["name"] for entry in entries if entry["name"] not in states and _gated(plan, dump, entry["name"])}
    return tuple(
        replace(each, gated=True, note=NOTE)
        if each.workload in gated and (_is_held(each) or (each.workload, each.name, each.namespace) in withheld)
        else each
        for each in found
    )


def _underway(plan: Plan, dump: Dump) -> dict[str, str]:
    """Workload to the state of its run, as journals in the dump have it."""
    names = {entry["kubernetesName"]: entry["name"] for entry in plan.workloads}
    made = {}
    for each in dump.objects.values():
        labels = each["metadata"].get("labels") or {}
        state = (each.get("data") or {}).get("state", "")
        if JOURNAL in labels and labels.get(WORKLOAD) in names and state not in AT_REST and state != FINALIZED:
            made[names[labels[WORKLOAD]]] = state
    return made


def _of_run(each: ObjectDifference, state: str) -> ObjectDifference:
    kind = each.name.partition("/")[0]
    paths = _OF_A_RUN.get(kind, ())
    missing = each.state is State.ADDED and kind in (
        "Service",
        "Ingress",
        "HTTPRoute",
        *_OF_A_RUN,
        "PodDisruptionBudget",
    )
    changed = each.state is State.CHANGED and all(change.path.startswith(paths) for change in each.changes)
    if missing or (changed and paths):
        return replace(each, gated=True, note=f"cutover under way ({state})")
    return each


def _gated(plan: Plan, dump: Dump, workload: str) -> bool:
    live = [
        found[1]
        for owner, each in plan.objects
        if owner == workload
        and (found := dump.find(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]))
    ]
    return bool(live) and not any(at_work(each) for each in live)


def _is_held(each: ObjectDifference) -> bool:
    return each.state is State.CHANGED and all(
        change.path in _HELD and change.old == _HELD[change.path] for change in each.changes
    )
