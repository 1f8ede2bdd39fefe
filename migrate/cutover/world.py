"""What is seen of a run's objects and containers at one moment, reduced to what decisions need. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .edges import Backend, Container, Found
from .endpoints import (
    ADMITTED,
    BESIDE,
    JOINED,
    MANAGER,
    RUN,
    SLICE_BY,
    SLICES_ARE_OURS,
    SLICES_OF_ENDPOINTS,
    SLICES_OF_HAND,
    SLICES_OF_PODS,
    Member,
    Place,
    Slice,
    epoch_of,
    instance_key,
    members,
    places_of_slice,
    slice_of,
    takers,
)
from .run import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSlice:
    """One that is not ours. ``by``: who manages it."""

    name: str
    uid: str
    version: str
    by: str | None
    places: frozenset[Place]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenService:
    """``ports``: as ``ports_asked`` gives them; ``members``: of its first port, from all slices; ``fingerprint``
    changes when who takes callers may change; ``joined``: its annotation JOINED; ``slices``: without ours;
    ``node_ports``: name of a port to its nodePort, where it has one."""

    kind: ClassVar[str] = "Service"
    api_version: ClassVar[str] = "v1"

    name: str
    uid: str
    version: str
    address: str
    port: int
    selector: Mapping[str, str]
    epoch: int
    run: str
    joined: str = ""
    ports: tuple[tuple[str, str, int, str], ...] = ()
    node_ports: Mapping[str, int] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    slices: tuple[SeenSlice, ...] = ()

    @property
    def takers(self) -> tuple[Member, ...]:
        return takers(self.members)

    @property
    def of_pods(self) -> tuple[SeenSlice, ...]:
        """Those that the cluster made by a selector."""
        return tuple(each for each in self.slices if each.by == SLICES_OF_PODS)

    @property
    def mirrored(self) -> tuple[SeenSlice, ...]:
        """Those that the cluster made of Endpoints."""
        return tuple(each for each in self.slices if each.by == SLICES_OF_ENDPOINTS)

    @property
    def others(self) -> tuple[SeenSlice, ...]:
        """Those that somebody made by hand."""
        return tuple(each for each in self.slices if each.by in SLICES_OF_HAND)

    @property
    def by_hand(self) -> frozenset[Place]:
        """Where it leads by what somebody wrote."""
        return frozenset(place for each in (*self.mirrored, *self.others) for place in each.places)

    @property
    def pods_share(self) -> float:
        """Of new connections: 0 to 1."""
        taking = self.takers
        return sum(each.source == "pod" for each in taking) / len(taking) if taking else 0.0

    @property
    def fingerprint(self) -> str:
        seen = [(str(m.backend), m.source, m.of, m.ready, m.serving, m.terminating) for m in self.members]
        return _fingerprint([self.uid, sorted(self.selector.items()), seen])


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEndpoints:
    """``subsets``: as the API server has them."""

    uid: str
    version: str
    labels: Mapping[str, str]
    subsets: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenController:
    """template: the hash label that pods of its present template bear, ``""`` while it is not known yet, UNTRIED where
    no pod was made from it, as a Deployment that is paused has it when somebody changes it. digest: of the template."""

    api_version: ClassVar[str] = "apps/v1"

    kind: str
    name: str
    uid: str
    version: str
    replicas: int
    paused: bool
    observed: bool
    template: str
    epoch: int
    min_ready_s: float = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPod:
    """``available``: ready for the controller's minReadySeconds. ``controller``: the name of the run's controller."""

    kind: ClassVar[str] = "Pod"
    api_version: ClassVar[str] = "v1"

    name: str
    uid: str
    version: str
    address: str
    node: str
    controller: str
    template: str
    ready: bool
    available: bool
    admitted: str
    restarts: int
    ending: bool

    def admissible(self, template: str) -> bool:
        return self.available and not self.ending and self.template == template != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """``services``, ``controllers``: by name, without those that are not there. ``later``: titles of the run's fronts
    and later objects that stand; ``made``: of those among them that a cutover wrote, by their field managers
    (metadata.managedFields). ``owners``, ``slice_epochs``: of slices of ours, by name. ``endpoints``: of adopted
    Services, by name."""

    services: Mapping[str, SeenService]
    slices: tuple[Slice, ...]
    controllers: Mapping[str, SeenController]
    pods: tuple[SeenPod, ...]
    found: Found
    later: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    owners: Mapping[str, str] = field(default_factory=dict)
    slice_epochs: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, SeenEndpoints] = field(default_factory=dict)

    def container(self, key: str) -> Container | None:
        return next((each for each in self.found.containers if instance_key(each) == key), None)

    @property
    def running(self) -> tuple[Container, ...]:
        return tuple(each for each in self.found.containers if each.running)

    @property
    def legacy_side(self) -> str:
        """Changes when an instance comes, goes or moves."""
        seen = sorted((instance_key(each), sorted(map(str, each.ports.values()))) for each in self.running)
        return f"legacy side {_fingerprint(seen)}"

    def admitted(self, gate: str) -> tuple[SeenPod, ...]:
        """Pods that bear the gate's value and are not on their way out."""
        return tuple(each for each in self.pods if each.admitted == gate and not each.ending)


def _fingerprint(said: list[Any]) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def world_of(
    spec: Spec,
    *,
    services: Iterable[Mapping[str, Any]],
    slices: Iterable[Mapping[str, Any]],
    controllers: Iterable[Mapping[str, Any]],
    sets: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    later: Iterable[Mapping[str, Any]],
    found: Found,
    now: float,
    endpoints: Iterable[Mapping[str, Any]] = (),
) -> World:
    """From objects as the API server gives them. ``sets``: ReplicaSets of the workload; ``now``: seconds since 1970."""
    from ..plan.objects import title

    all_slices = list(slices)
    ours = [each for each in all_slices if each["metadata"]["labels"].get(SLICE_BY) == SLICES_ARE_OURS]
    all_sets, stand = list(sets), list(later)
    seen = [_controller(each, all_sets) for each in controllers]
    owners = {each["metadata"]["uid"]: each for each in all_sets}
    planned = {each["metadata"]["name"]: each for each in spec.services}
    return World(
        services={each["metadata"]["name"]: _service(each, planned, all_slices) for each in services},
        slices=tuple(sorted((slice_of(each) for each in ours), key=lambda one: one.name)),
        controllers={each.name: each for each in seen},
        pods=tuple(sorted((_pod(each, seen, owners, now) for each in pods), key=lambda one: one.name)),
        found=found,
        later=frozenset(map(title, stand)),
        made=frozenset(title(each) for each in stand if MANAGER in _managers(each)),
        owners={
            each["metadata"]["name"]: next((o["uid"] for o in each["metadata"].get("ownerReferences") or ()), "")
            for each in ours
        },
        slice_epochs={each["metadata"]["name"]: epoch_of(each) for each in ours},
        endpoints={
            each["metadata"]["name"]: SeenEndpoints(
                uid=each["metadata"]["uid"],
                version=each["metadata"]["resourceVersion"],
                labels=each["metadata"].get("labels") or {},
                subsets=each.get("subsets") or [],
            )
            for each in endpoints
        },
    )


def _managers(live: Mapping[str, Any]) -> set[str]:
    return {each.get("manager", "") for each in live["metadata"].get("managedFields") or ()}


def _service(
    live: Mapping[str, Any], planned: Mapping[str, Mapping[str, Any]], slices: Iterable[Mapping[str, Any]]
) -> SeenService:
    metadata, spec = live["metadata"], live["spec"]
    of = [each for each in slices if each["metadata"]["labels"].get("kubernetes.io/service-name") == metadata["name"]]
    return SeenService(
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        address=spec.get("clusterIP", ""),
        port=spec["ports"][0]["port"],
        selector=dict(spec.get("selector") or {}),
        epoch=epoch_of(live),
        run=metadata.get("annotations", {}).get(RUN, ""),
        joined=metadata.get("annotations", {}).get(JOINED, ""),
        ports=ports_asked(live),
        node_ports={each.get("name", ""): each["nodePort"] for each in spec["ports"] if each.get("nodePort")},
        members=members(of, planned[metadata["name"]]),
        slices=tuple(
            SeenSlice(
                name=each["metadata"]["name"],
                uid=each["metadata"]["uid"],
                version=each["metadata"]["resourceVersion"],
                by=by,
                places=places_of_slice(each),
            )
            for each in of
            if (by := each["metadata"]["labels"].get(SLICE_BY)) != SLICES_ARE_OURS
        ),
    )


def ports_asked(service: Mapping[str, Any]) -> tuple[tuple[str, str, int, str], ...]:
    """Name, protocol, number and target of each of a Service's ports."""
    return tuple(
        (each.get("name", ""), each.get("protocol", "TCP"), each["port"], str(each.get("targetPort", each["port"])))
        for each in service["spec"]["ports"]
    )


def _controller(live: Mapping[str, Any], sets: Iterable[Mapping[str, Any]]) -> SeenController:
    metadata, spec, status = live["metadata"], live["spec"], live.get("status") or {}
    return SeenController(
        kind=live["kind"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        replicas=spec.get("replicas", 1),
        paused=bool(spec.get("paused")),
        observed=status.get("observedGeneration") == metadata.get("generation"),
        template=_template(live, sets),
        epoch=epoch_of(live),
        min_ready_s=spec.get("minReadySeconds", 0),
        digest=hashlib.sha256(json.dumps(_unhashed(live), sort_keys=True).encode()).hexdigest()[:12],
    )


def _template(live: Mapping[str, Any], sets: Iterable[Mapping[str, Any]]) -> str:
    """pod-template-hash of the ReplicaSet of the Deployment's revision; a StatefulSet's updateRevision."""
    if live["kind"] == "StatefulSet":
        return str((live.get("status") or {}).get("updateRevision", ""))
    revision = (live["metadata"].get("annotations") or {}).get(_REVISION)
    for each in sets:
        owner: Mapping[str, Any] = next(iter(each["metadata"].get("ownerReferences") or ()), {})
        if owner.get("uid") == live["metadata"]["uid"]:
            annotations = each["metadata"].get("annotations") or {}
            if revision is not None and annotations.get(_REVISION) == revision:
                made = str(each["metadata"]["labels"].get(_HASH, ""))
                return made if _unhashed(each) == _unhashed(live) else UNTRIED
    return ""


UNTRIED = "untried"
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def _unhashed(live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template of a Deployment or of its ReplicaSet, without what tells the one's pods from another's."""
    template = (live.get("spec") or {}).get("template") or {}
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _pod(
    live: Mapping[str, Any], controllers: Iterable[SeenController], sets: Mapping[str, Mapping[str, Any]], now: float
) -> SeenPod:
    metadata, status = live["metadata"], live.get("status") or {}
    labels = metadata.get("labels") or {}
    owner: Mapping[str, Any] = next(
        (each for each in metadata.get("ownerReferences") or () if each.get("controller")), {}
    )
    if owner.get("uid") in sets:
        above: Mapping[str, Any] = next(iter(sets[owner["uid"]]["metadata"].get("ownerReferences") or ()), {})
        uid = above.get("uid", "")
    else:
        uid = owner.get("uid", "")
    ready: Mapping[str, Any] = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
    controller = next((each for each in controllers if each.uid == uid), None)
    settled = _seconds(ready.get("lastTransitionTime")) + (controller.min_ready_s if controller else 0)
    return SeenPod(
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        address=status.get("podIP", ""),
        node=(live.get("spec") or {}).get("nodeName", ""),
        controller=controller.name if controller else "",
        template=labels.get(_HASH) or labels.get("controller-revision-hash", ""),
        ready=ready.get("status") == "True",
        available=ready.get("status") == "True" and now >= settled,
        admitted=labels.get(ADMITTED, ""),
        restarts=sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ()),
        ending=bool(metadata.get("deletionTimestamp")) or status.get("phase") in ("Succeeded", "Failed"),
    )


def ready_pods(found: Iterable[Mapping[str, Any]]) -> int:
    """How many of a workload's pods, as the API server gives them, are ready and not on their way out."""
    seen = (_pod(each, (), {}, 0) for each in found if BESIDE not in (each["metadata"].get("labels") or {}))
    return sum(each.ready and not each.ending for each in seen)


def _seconds(text: str | None) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() if text else 0.0


def port_of(spec: Spec, container: Container) -> Backend | None:
    """Where an instance is asked whether it answers: the check's port, else the first Service's first."""
    port = spec.check.get("port") or spec.services[0]["spec"]["ports"][0].get("targetPort")
    return container.ports.get(f"{port}/tcp")
