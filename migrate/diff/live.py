"""Live objects without what the server writes into them, and whose each field is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .copying import copied

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OURS = frozenset({"podlift", "podlift-cutover"})

_METADATA = (
    "managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink", "ownerReferences",
    "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers",
)  # fmt: skip
_ANNOTATIONS = (
    "deployment.kubernetes.io/", "kubectl.kubernetes.io/", "deprecated.daemonset.template.generation",
    "pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "batch.kubernetes.io/job-tracking",
    "autoscaling.alpha.kubernetes.io/",
)  # fmt: skip
_POD_ANNOTATIONS = ("kubectl.kubernetes.io/restartedAt",)
_JOB_LABELS = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
_LABELS = ("kubernetes.io/metadata.name",)
# Chosen by the server where the plan leaves them open.
_CHOSEN: Mapping[str, tuple[str, ...]] = {
    "Service": ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"),
    "PersistentVolumeClaim": ("volumeName", "storageClassName", "dataSourceRef"),
    "Job": ("selector",),
    # by the cluster's default class
    "Ingress": ("ingressClassName",),
    "Namespace": ("finalizers",),
}


def without_server_fields(live: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Any]:
    """What the server assigns is left out; what it chooses only where the plan does not say it."""
    said_of = live.get("metadata") or {}
    metadata = {key: value for key, value in said_of.items() if key not in _METADATA}
    made = copied({**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata})
    metadata = made["metadata"]
    _without(metadata, "annotations", _ANNOTATIONS, planned.get("metadata", {}))
    if live.get("kind") == "Namespace":
        _without(metadata, "labels", _LABELS, planned.get("metadata", {}))
    if "namespace" not in planned.get("metadata", {}):
        metadata.pop("namespace", None)
    spec, said = made.get("spec"), planned.get("spec") or {}
    if isinstance(spec, dict):
        for key in _CHOSEN.get(str(live.get("kind")), ()):
            if key not in said:
                spec.pop(key, None)
        _of_kind(str(live.get("kind")), spec, said)
    return made


def _of_kind(kind: str, spec: dict[str, Any], said: Mapping[str, Any]) -> None:
    if kind == "Service":
        if "clusterIP" in said:
            spec.pop("clusterIPs", None)
        planned = {(port.get("port"), port.get("protocol", "TCP")): port for port in said.get("ports", ())}
        for port in spec.get("ports", ()):
            if "nodePort" not in planned.get((port.get("port"), port.get("protocol", "TCP")), {}):
                port.pop("nodePort", None)
    if kind == "StatefulSet":
        for claim in spec.get("volumeClaimTemplates", ()):
            claim.pop("status", None)
            claim.get("metadata", {}).pop("creationTimestamp", None)
    inner = spec.get("jobTemplate", {}) if kind == "CronJob" else spec
    for holder in (inner, inner.get("spec", {}) if kind == "CronJob" else inner):
        template = holder.get("template")
        if isinstance(template, dict):
            metadata = template.setdefault("metadata", {})
            metadata.pop("creationTimestamp", None)
            _without(metadata, "annotations", _POD_ANNOTATIONS, {})
            if kind == "Job":
                _without(metadata, "labels", _JOB_LABELS, {})
    if kind == "CronJob":
        inner.get("metadata", {}).pop("creationTimestamp", None)
        if inner.get("metadata") == {}:
            inner.pop("metadata")


def _without(holder: dict[str, Any], key: str, prefixes: tuple[str, ...], planned: Mapping[str, Any]) -> None:
    said = planned.get(key) or {}
    kept = {k: v for k, v in (holder.get(key) or {}).items() if k in said or not k.startswith(prefixes)}
    if kept:
        holder[key] = kept
    else:
        holder.pop(key, None)


class Owners:
    """Who set a field of a live object: by managedFields where the dump has them, else by what kubectl applied last.

    ``kubectl get -o json`` leaves managedFields out unless it is asked with --show-managed-fields.
    """

    def __init__(self, live: Mapping[str, Any]) -> None:
        metadata = live.get("metadata") or {}
        self._managed = [
            (str(entry.get("manager", "")), entry.get("fieldsV1") or {})
            for entry in metadata.get("managedFields") or ()
            if isinstance(entry, dict) and not entry.get("subresource")
        ]
        self._applied = _last_applied(metadata)

    def of(self, trail: tuple[tuple[str, Any], ...]) -> str:
        """The managers of a field, ``""`` if nobody is known. ``trail``: keys, and items of lists, on the way."""
        managers = {manager for manager, fields in self._managed if _owns(fields, trail)}
        if self._managed:
            return ", ".join(sorted(managers))
        return "kubectl" if self._applied is not None and _was_applied(self._applied, trail) else ""


def ours(owner: str) -> bool:
    """Whether a field is podlift's own, or kubectl's who applied a plan of ours: then its absence is a removal."""
    return any(
        each in OURS or each == "kubectl" or each.startswith("kubectl-client-side") for each in owner.split(", ")
    )


def _last_applied(metadata: Mapping[str, Any]) -> Any:
    text = (metadata.get("annotations") or {}).get(LAST_APPLIED)
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _owns(fields: Any, trail: tuple[tuple[str, Any], ...]) -> bool:
    for kind, step in trail:
        if not isinstance(fields, dict):
            return False
        found = fields.get(f"f:{step}") if kind == "key" else _item(fields, step)
        if found is None:
            # The whole list or map was set as one: its owner owns what lies in it.
            return bool(fields) is False
        fields = found
    return True


def _item(fields: Mapping[str, Any], item: Any) -> Any:
    """The entry ``k:{"name":"web"}`` or ``v:"NET_ADMIN"`` that stands for an item of a list."""
    for key, below in fields.items():
        if key.startswith("k:") and isinstance(item, dict):
            try:
                wanted = json.loads(key[2:])
            except ValueError:
                continue
            if isinstance(wanted, dict) and all(item.get(name) == value for name, value in wanted.items()):
                return below
        elif key.startswith("v:") and key[2:] == json.dumps(item):
            return below
    return None


def _was_applied(applied: Any, trail: tuple[tuple[str, Any], ...]) -> bool:
    for kind, step in trail:
        if kind == "key":
            if not isinstance(applied, dict) or step not in applied:
                return False
            applied = applied[step]
        else:
            found = next(_like(applied, step), None)
            if found is None:
                return False
            applied = found
    return True


def _like(items: Any, item: Any) -> Iterator[Any]:
    if isinstance(items, list):
        for each in items:
            same_name = isinstance(each, dict) and isinstance(item, dict) and each.get("name", each) == item.get("name")
            if each == item or same_name:
                yield each
