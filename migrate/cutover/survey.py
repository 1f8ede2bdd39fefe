"""Collects what preflight looks at: the plan's part, a few LISTs of the cluster, and what the engines gave. It writes
nothing, and keeps no Secret's values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any

from converters.errors import PodliftError

from ..cluster.inventory import version_of
from ..plan.model import Plan
from ..plan.objects import JOURNAL
from ..plan.stages import unread_of, used_by
from .edges import Found
from .preflight import ClusterSeen, HostSeen, Means, Measured, Right, Seen
from .preflight.policies import OF_THE_CLUSTER, UNREAD_POLICIES
from .preflight.seen import EVERYWHERE
from .rights import rights_of_a_run
from .starting import entry_of

if TYPE_CHECKING:
    from converters.capture import Capture

    from ..cluster import Cluster

Object = dict[str, Any]
_READERS = 8


class _Scope(Enum):
    """``ALL``: of all namespaces, and where that is forbidden of the workload's own."""

    CLUSTER = auto()
    SPACE = auto()
    ALL = auto()


@dataclass(frozen=True, slots=True)
class _List:
    """``api_version`` a group alone: of a CRD, read in whichever version is served, if any."""

    kind: str
    api_version: str
    scope: _Scope = _Scope.SPACE

    @property
    def key(self) -> str:
        return self.kind if "/" in self.api_version or self.api_version == "v1" else f"{self.kind}.{self.api_version}"


_LISTS: tuple[_List, ...] = (
    _List("Node", "v1", _Scope.CLUSTER),
    _List("ServiceCIDR", "networking.k8s.io/v1", _Scope.CLUSTER),
    _List("MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", _Scope.CLUSTER),
    _List("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", _Scope.CLUSTER),
    _List("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1", _Scope.CLUSTER),
    _List("Deployment", "apps/v1", _Scope.ALL),
    _List("StatefulSet", "apps/v1", _Scope.ALL),
    _List("DaemonSet", "apps/v1", _Scope.ALL),
    _List("NetworkPolicy", "networking.k8s.io/v1", _Scope.ALL),
    _List("Application", "argoproj.io", _Scope.ALL),
    _List("Kustomization", "kustomize.toolkit.fluxcd.io", _Scope.ALL),
    _List("HelmRelease", "helm.toolkit.fluxcd.io", _Scope.ALL),
    _List("Service", "v1"),
    _List("Endpoints", "v1"),
    _List("EndpointSlice", "discovery.k8s.io/v1"),
    _List("Pod", "v1"),
    _List("ReplicaSet", "apps/v1"),
    _List("ResourceQuota", "v1"),
    _List("HorizontalPodAutoscaler", "autoscaling/v2"),
    _List("PodDisruptionBudget", "policy/v1"),
    _List("Ingress", "networking.k8s.io/v1"),
    _List("HTTPRoute", "gateway.networking.k8s.io"),
    _List("TargetGroupBinding", "elbv2.k8s.aws"),
    _List("ScaledObject", "keda.sh"),
    _List("VerticalPodAutoscaler", "autoscaling.k8s.io"),
    _List("Rollout", "argoproj.io"),
    _List("Canary", "flagger.app"),
    _List("Service", "serving.knative.dev"),
    _List("ServiceExport", "multicluster.x-k8s.io"),
    _List("PeerAuthentication", "security.istio.io"),
    *(
        _List(kind, group, _Scope.CLUSTER if f"{kind}.{group}" in OF_THE_CLUSTER else _Scope.ALL)
        for kind, _, group in (each.partition(".") for each in UNREAD_POLICIES)
    ),
)
_BY_NAME = ("ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount")
_PROXY = "kube-system", "kube-proxy"


def survey(
    plan: Plan,
    workload: str,
    cluster: Cluster,
    *,
    found: Found,
    capture: Capture | None = None,
    commands: Collection[str] = (),
    measured: Measured | None = None,
    means: Means | None = None,
) -> Seen:
    """
    found     the workload's containers, as the engines show them now
    capture   the engines' documents, of the workload's hosts at least; None: rows that rest on them stay clear
    commands  hosts on which commands can be run
    measured  what was tried; None: nothing yet

    What may not be read is in ``cluster.unread``. Raises PodliftError ``no-workload``, and as :class:`Cluster` does
    for all but what is forbidden.
    """
    entry = entry_of(plan, workload)
    namespace = str(entry["namespace"] or cluster.namespace)
    objects = tuple(
        each for owner, each in plan.objects if owner == workload or (not owner and used_by(each, plan, (workload,)))
    )
    means = means or Means()
    return Seen(
        entry=entry,
        objects=objects,
        namespace=namespace,
        open_findings=frozenset(each.code for each in plan.findings if each.workload == workload and each.open),
        unread_hosts=unread_of(plan, entry),
        estate=tuple(each for each in plan.workloads if each is not entry),
        cluster=_Surveyor(cluster, namespace).read(entry, objects),
        found=found,
        hosts=tuple(_hosts(capture, commands)),
        measured=measured or Measured(),
        means=means,
    )


def _hosts(capture: Capture | None, commands: Collection[str]) -> Iterator[HostSeen]:
    for each in capture.hosts if capture else ():
        yield HostSeen(
            name=each.host.name,
            address=each.host.address,
            commands=each.host.name in commands,
            info=each.engine.info if each.engine else {},
            documents={str(document["Id"]): document for document in each.containers},
        )


class _Surveyor:
    """Reads for one workload. Each kind goes through one list, so that what is forbidden is forbidden once."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._objects: dict[str, tuple[Object, ...]] = {}
        self._unread: dict[str, str] = {}

    def read(self, entry: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> ClusterSeen:
        groups = self._cluster.groups()
        tasks: list[Callable[[], None]] = [self._lister(each, groups) for each in _LISTS]
        tasks += [partial(self._named, kind, entry, objects) for kind in _BY_NAME]
        tasks += [self._own_namespace, self._proxy]
        # whether Services are adopted is known once all is read
        kinds = {"Endpoints", *(each["kind"] for each in objects)}
        with ThreadPoolExecutor(_READERS) as pool:
            running = [pool.submit(task) for task in tasks]
            wanted = rights_of_a_run(self._namespace, kinds=kinds)
            may = [
                pool.submit(self._cluster.can, each.verb, each.group, each.plural, each.namespace) for each in wanted
            ]
            for each in running:
                each.result()
            rights = {right: each.result() for right, each in zip(wanted, may, strict=True)}
        return ClusterSeen(
            version=version_of(self._cluster.version()),
            groups=frozenset(groups),
            objects=self._objects,
            unread=self._unread,
            rights=rights,
        )

    def _lister(self, wanted: _List, groups: Mapping[str, tuple[str, ...]]) -> Callable[[], None]:
        def read() -> None:
            versions = [wanted.api_version]
            if wanted.key != wanted.kind:
                versions = [f"{wanted.api_version}/{each}" for each in groups.get(wanted.api_version, ())]
            space = self._namespace if wanted.scope is _Scope.SPACE else None
            said = ""
            for api_version in versions:
                said = self._list(wanted.key, api_version, wanted.kind, space)
                # a group's versions need not have the same kinds
                if said or wanted.key in self._objects:
                    break
            if said and wanted.scope is _Scope.ALL:
                self._unread[f"{wanted.key}{EVERYWHERE}"] = said
                said = self._list(wanted.key, api_version, wanted.kind, self._namespace)
            if said:
                self._unread[wanted.key] = said

        return read

    def _list(self, key: str, api_version: str, kind: str, namespace: str | None) -> str:
        """What may not be read, ``""`` where it was."""
        try:
            self._objects[key] = tuple(self._cluster.list(api_version, kind, namespace))
        except PodliftError as error:
            return self._forbidden(error, "list", api_version, kind, namespace)
        return ""

    def _forbidden(self, error: PodliftError, verb: str, api_version: str, kind: str, namespace: str | None) -> str:
        """Raises what is neither forbidden nor a kind that the cluster does not have."""
        if error.code == "kind-not-served":
            return ""
        if error.code != "cluster-forbidden":
            raise error
        resource = self._cluster.resource(api_version, kind)
        return str(Right(verb=verb, group=resource.group, plural=resource.plural, namespace=namespace or ""))

    def _named(self, kind: str, entry: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> None:
        names = {each["metadata"]["name"] for each in objects if each["kind"] == kind}
        names |= {each["name"] for each in entry["secrets"]} if kind == "Secret" else set()
        found = []
        try:
            found = [each for name in sorted(names) if (each := self._cluster.get("v1", kind, self._namespace, name))]
            if kind == "ConfigMap":
                found += self._cluster.list("v1", kind, self._namespace, labels=JOURNAL)
        except PodliftError as error:
            self._unread[kind] = self._forbidden(error, "get", "v1", kind, self._namespace)
        kept = (
            found
            if kind != "Secret"
            else [{**each, "data": dict.fromkeys(each.get("data") or (), "")} for each in found]
        )
        self._objects[kind] = (*self._objects.get(kind, ()), *kept)

    def _own_namespace(self) -> None:
        try:
            found = self._cluster.get("v1", "Namespace", "", self._namespace)
        except PodliftError as error:
            self._unread["Namespace"] = self._forbidden(error, "get", "v1", "Namespace", None)
        else:
            self._objects["Namespace"] = (found,) if found else ()

    def _proxy(self) -> None:
        space, name = _PROXY
        key = "ConfigMap of kube-proxy"
        try:
            found = self._cluster.get("v1", "ConfigMap", space, name)
        except PodliftError as error:
            self._unread[key] = self._forbidden(error, "get", "v1", "ConfigMap", space)
        else:
            self._objects[key] = (found,) if found else ()
