"""What an object of a plan is called, whose it is, and who decides its number: for all that read plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Plan

Key = tuple[str, str, str]
"""Kind, namespace (``""`` where none is said) and name."""

Item = tuple[str, Mapping[str, Any]]
"""A workload (``""``: several share it) and its object."""

JOURNAL = "podlift.dev/journal"
"""The label of a cutover's journal: a ConfigMap beside the plan's objects whose data holds ``state``."""


def key_of(each: Mapping[str, Any]) -> Key:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def title(each: Mapping[str, Any]) -> str:
    """``Kind/name``, as reports have it."""
    return f"{each['kind']}/{each['metadata']['name']}"


def users_of(each: Mapping[str, Any], names: Mapping[str, Any]) -> frozenset[str]:
    """The workloads for which a shared object is there, by the body of names.json; empty: nobody knows."""
    kind, space, name = key_of(each)
    spaces = names.get("namespaces") or {}
    if kind == "Namespace":
        return frozenset(workload for workload, where in spaces.items() if where == name)
    users = {claim["workload"] for claim in names.get("claims") or () if claim["claim"] == name}
    return frozenset(workload for workload in users if spaces.get(workload, "") == space)


def autoscaled(plan: Plan) -> frozenset[Key]:
    """Controllers whose number of replicas an autoscaler of the plan decides."""
    return frozenset(
        (
            each["spec"]["scaleTargetRef"]["kind"],
            each["metadata"].get("namespace", ""),
            each["spec"]["scaleTargetRef"]["name"],
        )
        for _, each in plan.objects
        if each["kind"] == "HorizontalPodAutoscaler"
    )
