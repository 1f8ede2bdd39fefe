"""What a gated apply holds back: it differs from the plan until the cutover, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..plan.model import Plan
from ..plan.stages import Stage, at_work, stage_plan
from .comparison import ObjectDifference, State
from .dump import Dump

NOTE = "gated: waits for cutover"
# The field that holds a controller still, with the value by which it does.
_HELD: Mapping[str, Any] = {"spec.replicas": 0, "spec.suspend": True}


def with_gates(plan: Plan, dump: Dump, found: Sequence[ObjectDifference]) -> tuple[ObjectDifference, ...]:
    """The differences, those marked that are there because a workload was applied gated.

    A workload is gated while it has legacy instances, something of it is in the cluster, and none of its controllers
    works.
    """
    suspects = {each.workload for each in found if each.state in (State.ADDED, State.CHANGED)}
    entries = [entry for entry in plan.workloads if entry["name"] in suspects and entry["instances"]]
    if not entries:
        return tuple(found)
    # which hosts were unread is apply's concern
    staged = stage_plan(replace(plan, unread=()), workloads=[entry["name"] for entry in entries], stage=Stage.GATED)
    withheld = {(each.workload, each.name, each.namespace) for each in staged.withheld}
    gated = {entry["name"] for entry in entries if _gated(plan, dump, entry["name"])}
    return tuple(
        replace(each, gated=True, note=NOTE)
        if each.workload in gated and (_is_held(each) or (each.workload, each.name, each.namespace) in withheld)
        else each
        for each in found
    )


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
