"""What the journals in the cluster say about the cutovers of a plan's workloads."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from converters.objects.context import WORKLOAD

from ..plan.model import Plan
from ..plan.objects import JOURNAL

if TYPE_CHECKING:
    from ..cluster import Cluster


def cutover_states(plan: Plan, cluster: Cluster, workloads: Collection[str] = ()) -> dict[str, str]:
    """Workload to its cutover's state; a workload that was never cut over has none."""
    names = {
        (entry["namespace"] or cluster.namespace, entry["kubernetesName"]): entry["name"]
        for entry in plan.workloads
        if entry["instances"] and (not workloads or entry["name"] in workloads)
    }
    made: dict[str, str] = {}
    for namespace in sorted({place for place, _ in names}):
        for each in cluster.list("v1", "ConfigMap", namespace, labels=JOURNAL):
            workload = names.get((namespace, each["metadata"]["labels"].get(WORKLOAD, "")))
            if workload:
                made[workload] = (each.get("data") or {}).get("state", "")
    return made
