"""What the cluster holds of the objects that a run is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from converters.objects.context import ESTATE, MANAGED_BY, label_value

from ..plan.model import Plan
from ..plan.objects import Item, Key

if TYPE_CHECKING:
    from ..cluster import Cluster

Place = tuple[str, str, str]
"""API version, kind and namespace (``""`` for what lies in none)."""

READERS = 8
# So few of a kind are asked for by name: a namespace may hold thousands of Secrets of others.
_BY_NAME = 4
# Kinds that every stage sends, the earliest first.
_EARLY = frozenset({"ServiceAccount", "ConfigMap", "Deployment", "StatefulSet", "CronJob"})


class Standing:
    """The objects that stand, read once: by LIST where several of a kind are wanted.

    Raises PodliftError as :class:`Cluster` does, ``kind-not-served`` among them.
    """

    def __init__(self, cluster: Cluster, items: Iterable[Item], secrets: Iterable[tuple[str, str]] = ()) -> None:
        """``secrets``: (namespace, name) of Secrets that pods need and nobody may have brought."""
        self._cluster = cluster
        wanted: dict[Place, set[str]] = {}
        for _, each in items:
            place = (each["apiVersion"], each["kind"], self.namespace_of(each))
            wanted.setdefault(place, set()).add(each["metadata"]["name"])
        for namespace, name in secrets:
            wanted.setdefault(("v1", "Secret", namespace), set()).add(name)
        with ThreadPoolExecutor(READERS) as pool:
            found = pool.map(lambda one: self._read(*one), sorted(wanted.items()))
        self._objects: dict[Key, Mapping[str, Any]] = {}
        for (_, kind, namespace), objects in zip(sorted(wanted), found, strict=True):
            self._objects |= {(kind, namespace, each["metadata"]["name"]): each for each in objects}

    def find(self, each: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The object of this kind, namespace and name."""
        return self._objects.get((each["kind"], self.namespace_of(each), each["metadata"]["name"]))

    def secret(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return self._objects.get(("Secret", namespace, name))

    def namespace_of(self, each: Mapping[str, Any]) -> str:
        """Where an object lies: that which it names, else the context's."""
        if not self._cluster.resource(each["apiVersion"], each["kind"]).namespaced:
            return ""
        namespace: str = each["metadata"].get("namespace") or self._cluster.namespace
        return namespace

    def _read(self, place: Place, names: set[str]) -> list[Mapping[str, Any]]:
        api_version, kind, namespace = place
        if len(names) > _BY_NAME:
            return list(self._cluster.list(api_version, kind, namespace or None))
        found = (self._cluster.get(api_version, kind, namespace, name) for name in sorted(names))
        return [each for each in found if each is not None]


def applied_before(plan: Plan, cluster: Cluster) -> bool:
    """Whether something of the plan's estate stands already, by the first object that a workload of it has."""
    for workload, each in plan.objects:
        if workload and each["kind"] in _EARLY:
            namespace = each["metadata"].get("namespace") or cluster.namespace
            found = cluster.get(each["apiVersion"], each["kind"], namespace, each["metadata"]["name"])
            labels = {} if found is None else found["metadata"].get("labels") or {}
            return labels.get(ESTATE) == label_value(plan.estate) and labels.get(MANAGED_BY) == "podlift"
    return False
