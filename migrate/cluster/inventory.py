"""What a cluster shows of itself, as a target: its version, classes, CRDs, pod security, admission and identity.

How the cluster is used is not on it: exposure, image rewrites, metric names and namespaces stay their user's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError
from converters.objects.lifecycle import STOP_SIGNAL_GATE
from converters.objects.namespaces import HOSTNAME_OVERRIDE_GATE, USER_NAMESPACES_GATE
from converters.objects.storage import IMAGE_VOLUME_GATE
from converters.target import NEWEST_VERSION, OLDEST_VERSION, StorageClass, Target

from .access_modes import access_modes

if TYPE_CHECKING:
    from .edge import Cluster

LEVELS = ("privileged", "baseline", "restricted")
LEVEL_LABEL = "pod-security.kubernetes.io/enforce"
GATEWAYS = "gateway.networking.k8s.io"
# Those that a conversion asks about.
GATES = (HOSTNAME_OVERRIDE_GATE, IMAGE_VOLUME_GATE, "ProcMountType", STOP_SIGNAL_GATE, USER_NAMESPACES_GATE)
_ZONE = "topology.kubernetes.io/zone"
_SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
_DEFAULT_STORAGE = "storageclass.kubernetes.io/is-default-class"
_DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
# Groups that Kubernetes itself serves; every other is of a CRD or of an API server beside it.
_OWN = frozenset({
    "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
    "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
    "events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io", "lifecycle.k8s.io",
    "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io",
    "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
})  # fmt: skip
_ADMISSION = (
    ("ValidatingWebhookConfiguration", "webhooks that may refuse objects"),
    ("MutatingWebhookConfiguration", "webhooks that may change objects"),
    ("ValidatingAdmissionPolicy", "policies that may refuse objects"),
)
_GATE_ON = re.compile(r'^kubernetes_feature_enabled\{name="([A-Za-z]+)",stage="[A-Z]*"\} 1$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """
    server_version  as the server says it
    target          what is known; the rest as :class:`Target` has it
    assumed         storage classes whose access modes nothing shows
    notes           key of target.yaml, or ``""``, to what a reader of the file should know of it
    unread          what this user may not read: ``list storageclasses.storage.k8s.io``
    """

    server_version: str
    target: Target
    assumed: frozenset[str] = frozenset()
    notes: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()


def read_inventory(cluster: Cluster) -> Inventory:
    """What the cluster shows to this user. What may not be read is listed, and no error."""
    return _Reader(cluster).read()


def version_of(said: str) -> tuple[int, int]:
    """Of what a server says, such as ``v1.33.4-gke.1``; (0, 0) for what has none."""
    found = re.match(r"v?(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def gates_on(metrics: str) -> frozenset[str]:
    """The feature gates that an API server's metrics show to be on."""
    return frozenset(_GATE_ON.findall(metrics))


def installed_groups(groups: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(groups) - _OWN


class _Reader:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._unread: list[str] = []
        self._notes: list[tuple[str, str]] = []

    def read(self) -> Inventory:
        said = self._cluster.version()
        groups = installed_groups(self._cluster.groups())
        classes, assumed = self._storage_classes()
        identity = self._cluster.identity()
        if not identity:
            self._unread.append("get namespaces/kube-system")
        target = Target(
            identity=identity,
            version=self._version(said),
            gates=self._gates(),
            storage_classes=classes,
            pod_security=self._pod_security(),
            crds=groups,
            ingress_class=self._ingress_class(),
            gateway=self._gateway() if GATEWAYS in groups else "",
            stated=True,
        )
        self._more()
        return Inventory(
            server_version=said,
            target=target,
            assumed=assumed,
            notes=tuple(self._notes),
            unread=tuple(dict.fromkeys(self._unread)),
        )

    def _version(self, said: str) -> tuple[int, int]:
        found = version_of(said)
        known = min(max(found, OLDEST_VERSION), NEWEST_VERSION)
        if known != found:
            oldest, newest = (".".join(map(str, each)) for each in (OLDEST_VERSION, NEWEST_VERSION))
            self._note("version", f"the cluster is {said}; podlift knows {oldest} to {newest}, and this is the nearest")
        return known

    def _gates(self) -> frozenset[str]:
        metrics = self._cluster.raw("/metrics")
        if metrics is None:
            self._unread.append("get /metrics")
            return frozenset()
        found = gates_on(metrics) & frozenset(GATES)
        if found:
            self._note("gates", "as the API server has them; of the kubelets it is not to be seen")
        return found

    def _storage_classes(self) -> tuple[tuple[StorageClass, ...], frozenset[str]]:
        found = sorted(self._list("storage.k8s.io/v1", "StorageClass"), key=_name)
        volumes = list(self._list("v1", "PersistentVolume")) if found else []
        made, assumed = [], set()
        defaults = [_name(each) for each in found if _annotation(each, _DEFAULT_STORAGE) == "true"]
        # of several, the one made last counts
        default = max(defaults, key=lambda name: _created(found, name)) if defaults else ""
        for each in found:
            name = _name(each)
            shown = {mode for one in volumes if one["spec"].get("storageClassName") == name for mode in _modes(one)}
            modes = access_modes(each["provisioner"], shown)
            if not modes:
                assumed.add(name)
            made.append(StorageClass(name=name, access_modes=modes or ("ReadWriteOnce",), default=name == default))
        return tuple(made), frozenset(assumed)

    def _pod_security(self) -> str:
        """The strictest level that a namespace of the users' enforces; where none does, the server's own is not to be
        seen, and is usually privileged."""
        levels: dict[str, list[str]] = {}
        for each in self._list("v1", "Namespace"):
            level = each["metadata"].get("labels", {}).get(LEVEL_LABEL, "")
            if level in LEVELS and _name(each) not in _SYSTEM:
                levels.setdefault(level, []).append(_name(each))
        for level in reversed(LEVELS):
            if level in levels:
                others = "; ".join(f"{each}: {_some(names)}" for each, names in sorted(levels.items()))
                self._note("podSecurity", f"what namespaces enforce, the strictest: {others}")
                return level
        if "list namespaces" in self._unread:
            return Target().pod_security
        self._note("podSecurity", "no namespace enforces a level")
        return LEVELS[0]

    def _ingress_class(self) -> str:
        found = sorted(self._list("networking.k8s.io/v1", "IngressClass"), key=_name)
        defaults = [_name(each) for each in found if _annotation(each, _DEFAULT_INGRESS) == "true"]
        if len(found) > 1:
            self._note("ingressClass", f"there are {_some([_name(each) for each in found])}")
        return defaults[0] if defaults else _name(found[0]) if len(found) == 1 else ""

    def _gateway(self) -> str:
        found = [f"{each['metadata']['namespace']}/{_name(each)}" for each in self._list(f"{GATEWAYS}/v1", "Gateway")]
        if len(found) > 1:
            self._note("gateway", f"there are {_some(sorted(found))}")
        return found[0] if len(found) == 1 else ""

    def _more(self) -> None:
        for kind, said in _ADMISSION:
            names = [_name(each) for each in self._list("admissionregistration.k8s.io/v1", kind)]
            if names:
                self._note("", f"{said}: {_some(sorted(names))}")
        runtimes = [_name(each) for each in self._list("node.k8s.io/v1", "RuntimeClass")]
        if runtimes:
            self._note("runtimeClasses", f"the cluster has {_some(sorted(runtimes))}")
        zones = {each["metadata"].get("labels", {}).get(_ZONE, "") for each in self._list("v1", "Node")} - {""}
        if zones:
            self._note("sites", f"its nodes stand in {_some(sorted(zones))} ({_ZONE})")

    def _list(self, api_version: str, kind: str) -> Iterator[dict[str, Any]]:
        try:
            yield from self._cluster.list(api_version, kind)
        except PodliftError as error:
            if error.code == "cluster-forbidden":
                resource = self._cluster.resource(api_version, kind)
                self._unread.append(f"list {resource.plural}{f'.{resource.group}' if resource.group else ''}")
            elif error.code != "kind-not-served":
                raise

    def _note(self, key: str, text: str) -> None:
        self._notes.append((key, text))


def _name(each: Mapping[str, Any]) -> str:
    return str(each["metadata"]["name"])


def _annotation(each: Mapping[str, Any], key: str) -> str:
    return str(each["metadata"].get("annotations", {}).get(key, ""))


def _created(found: list[dict[str, Any]], name: str) -> str:
    return next(str(each["metadata"].get("creationTimestamp", "")) for each in found if _name(each) == name)


def _modes(volume: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(volume["spec"].get("accessModes", ()))


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
