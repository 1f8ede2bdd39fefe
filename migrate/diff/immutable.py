"""Fields that the API server lets nobody change once an object is there: a change of one means to make it anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from converters.errors import PodliftError
from converters.quantity import parse

from .walk import Change

# By kind, the paths of which they or anything below cannot change (pkg/apis/*/validation of Kubernetes).
_FIXED: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "Job": (
        "spec.selector", "spec.template", "spec.completions", "spec.completionMode", "spec.podFailurePolicy",
        "spec.successPolicy", "spec.backoffLimitPerIndex", "spec.podReplacementPolicy", "spec.manualSelector",
        "spec.managedBy",
    ),
    "Service": ("spec.clusterIP", "spec.clusterIPs", "spec.loadBalancerClass"),
    "PersistentVolume": ("spec.volumeMode", "spec.nfs", "spec.csi", "spec.hostPath", "spec.local"),
    "Secret": ("type",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "PriorityClass": ("value", "preemptionPolicy"),
    "RuntimeClass": ("handler",),
}  # fmt: skip
# Kinds of whose spec everything is fixed but these.
_FREE: Mapping[str, tuple[str, ...]] = {
    "StatefulSet": (
        "spec.replicas", "spec.ordinals", "spec.template", "spec.updateStrategy", "spec.minReadySeconds",
        "spec.persistentVolumeClaimRetentionPolicy", "spec.revisionHistoryLimit",
    ),
    "PersistentVolumeClaim": ("spec.resources.requests", "spec.volumeAttributesClassName"),
}  # fmt: skip
_CONTENT = ("data", "binaryData", "stringData")


def with_recreation(kind: str, found: Iterable[Change], live: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes, each marked that cannot be made to the object ``live`` that is there."""
    return tuple(replace(change, recreate=True) if _fixed(kind, change, live) else change for change in found)


def _fixed(kind: str, change: Change, live: Mapping[str, Any]) -> bool:
    path = change.path
    if kind == "PersistentVolumeClaim" and path == "spec.resources.requests.storage":
        return _shrinks(change)
    if kind in _FREE and _below(path, ("spec",)):
        return not _below(path, _FREE[kind])
    if kind in ("ConfigMap", "Secret") and live.get("immutable") and _below(path, (*_CONTENT, "immutable")):
        return True
    if kind == "Service" and _by_type(change, live):
        return False
    return _below(path, _FIXED.get(kind, ()))


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in roots)


def _by_type(change: Change, live: Mapping[str, Any]) -> bool:
    """A Service of type ExternalName has no address yet: it gets one with its new type."""
    return change.path.startswith("spec.clusterIP") and (live.get("spec") or {}).get("type") == "ExternalName"


def _shrinks(change: Change) -> bool:
    """A claim may grow, where its class allows that, and never shrink."""
    try:
        return parse(str(change.new)) < parse(str(change.old))
    except PodliftError:
        return True
