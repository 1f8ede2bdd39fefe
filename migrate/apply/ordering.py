"""In which order objects are sent: what others need comes first, in ranks; within a rank the order is free."""

from __future__ import annotations

from collections.abc import Iterable

from ..plan.objects import Item

_RANKS: tuple[tuple[str, ...], ...] = (
    ("Namespace", "PriorityClass", "StorageClass", "RuntimeClass"),
    ("ServiceAccount", "Role", "ClusterRole", "LimitRange", "ResourceQuota"),
    ("RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "PersistentVolume"),
    ("PersistentVolumeClaim", "NetworkPolicy"),
    # before the pods that resolve their names
    ("Service", "EndpointSlice"),
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job", "Pod"),
    # before a first scaling could pass them
    ("PodDisruptionBudget",),
    ("HorizontalPodAutoscaler",),
    # last: they open the way in
    ("Ingress", "HTTPRoute"),
)
_RANK = {kind: rank for rank, kinds in enumerate(_RANKS) for kind in kinds}
# a kind that nobody placed comes when all that it may refer to is there
_OTHERS = _RANK["Ingress"]


def ranked(items: Iterable[Item]) -> list[list[Item]]:
    """The items in ranks, none empty; the order within one is that of the items."""
    made: dict[int, list[Item]] = {}
    for item in items:
        made.setdefault(_RANK.get(item[1]["kind"], _OTHERS), []).append(item)
    return [made[rank] for rank in sorted(made)]
