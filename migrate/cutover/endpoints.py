"""Services and EndpointSlices of a run, as objects; and what a Service's slices together give. Pure.

The Service's selector asks for one label more than the workload's pods have: its gate. A pod is admitted by giving it
that label with the run's value. The legacy side stands in slices of ours, which kube-proxy merges with the controller's
own by the label of the Service's name (KEP-752). Rules of slices: discovery/v1 types and validation of Kubernetes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from converters.objects.context import ESTATE, MANAGED_BY, WORKLOAD

from .edges import Backend, Container
from .run import Condition, Spec, spec_json

ADMITTED = "podlift.dev/admitted"
RUN = "podlift.dev/run"
EPOCH = "podlift.dev/epoch"
KEEPER = "podlift.dev/keeper"
"""On slices: the epoch of the keeper that wrote them. On the keeper's Lease: what it sees, as text for people."""
BESIDE = "podlift.dev/probe"
"""On pods that bear the labels of a run's pods, and are none of them: they only try what those will."""
INSTANCES = "podlift.dev/instances"
SPEC = "podlift.dev/cutover"
JOINED = "podlift.dev/joined"
"""On Services: which containers the run took in, and which it counts as gone, for an abort without a journal."""
MARKS = (EPOCH, RUN, SPEC, JOINED)
"""Annotations of Services and controllers while a run holds them."""
MANAGER = "podlift-cutover"
LEASE = "coordination.k8s.io/v1"
KEEPER_PART = "keeper"
"""Which of a run's two Leases: the other one is the driver's."""

SLICE_OF = "kubernetes.io/service-name"
SLICE_BY = "endpointslice.kubernetes.io/managed-by"
# A label's value holds no slash.
SLICES_ARE_OURS = "cutover.podlift.dev"
SLICES_OF_PODS = "endpointslice-controller.k8s.io"
SLICES_OF_ENDPOINTS = "endpointslicemirroring-controller.k8s.io"
SLICES_OF_HAND = (None, "", "staff", "cluster-admins")
"""Who manages slices that people made, as Kubernetes' documentation of Services without selectors has them written."""
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
# What the endpointslice controller puts into one slice by default.
MOST_ENDPOINTS = 100

_CONDITIONS: Mapping[Condition, Mapping[str, bool]] = {
    Condition.READY: {"ready": True, "serving": True, "terminating": False},
    Condition.STANDBY: {"ready": False, "serving": True, "terminating": True},
}
DOWN: Mapping[str, bool] = {"ready": False, "serving": False, "terminating": False}
"""Of an endpoint whose probe fails: nobody is sent there, not even where nothing else is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An instance (``HOST/ID``) in a slice; ``""``: somebody overwrote which it is. ``condition`` None: its probe
    fails."""

    instance: str
    address: str
    condition: Condition | None = Condition.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A slice of ours. ``ports``: name of the Service's port to the number that the instances publish."""

    name: str
    service: str
    family: str
    ports: tuple[tuple[str, str, int], ...]
    endpoints: tuple[Endpoint, ...] = field(default=())


def lease_name(workload: str, part: str = "") -> str:
    """``part``: KEEPER_PART, or nothing."""
    return f"cutover-{workload}" + (f"-{part}" if part else "")


def as_owner(api_version: str, kind: str, owner: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in ``ownerReferences`` of that which is to go with it."""
    metadata = owner["metadata"]
    return {"apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"]}


def lease_as_owner(lease: Mapping[str, Any]) -> dict[str, Any]:
    return as_owner(LEASE, "Lease", lease)


def instance_key(container: Container) -> str:
    return f"{container.host}/{container.id}"


def wide_selector(service: Mapping[str, Any]) -> dict[str, str]:
    """All pods of the workload: what the plan says."""
    return dict(service["spec"]["selector"])


def gated_selector(service: Mapping[str, Any], gate: str) -> dict[str, str]:
    return {**wide_selector(service), ADMITTED: gate}


def gated_service(service: Mapping[str, Any], spec: Spec, *, gate: str, epoch: int) -> dict[str, Any]:
    """The plan's Service as a run creates it."""
    made = deepcopy(dict(service))
    made["spec"]["selector"] = gated_selector(service, gate)
    made["metadata"]["annotations"] = {**made["metadata"].get("annotations", {}), **marks(spec, epoch)}
    return made


def marks(spec: Spec, epoch: int) -> dict[str, str]:
    """The annotations by which a Service, or a slice, is the run's. By SPEC an abort can do without the journal."""
    return {EPOCH: str(epoch), RUN: spec.id, SPEC: json.dumps(spec_json(spec), separators=(",", ":"), sort_keys=True)}


def epoch_of(live: Mapping[str, Any]) -> int:
    """The epoch of the driver that wrote an object of a run last; 0: none stands there."""
    said = (live["metadata"].get("annotations") or {}).get(EPOCH, "")
    return int(said) if said.isdecimal() else 0


def ports_of(service: Mapping[str, Any], container: Container) -> tuple[tuple[str, str, int], ...] | None:
    """Name, protocol and published number of each of the Service's ports on an instance; None where one of them is not
    published, or they answer at different addresses."""
    made, addresses = [], set()
    for port in service["spec"]["ports"]:
        protocol = port.get("protocol", "TCP")
        backend = container.ports.get(f"{_target(port)}/{protocol.lower()}")
        if backend is None:
            return None
        addresses.add(backend.address)
        made.append((port.get("name", ""), protocol, backend.port))
    return tuple(made) if len(addresses) == 1 else None


def address_of(service: Mapping[str, Any], container: Container) -> str:
    """Where an instance answers for a Service all of whose ports it publishes."""
    first = service["spec"]["ports"][0]
    return container.ports[f"{_target(first)}/{first.get('protocol', 'TCP').lower()}"].address


def _target(port: Mapping[str, Any]) -> int:
    return int(port.get("targetPort", port["port"]))


def arrange(
    service: Mapping[str, Any],
    wanted: Iterable[tuple[Container, Condition | None]],
    standing: Sequence[Slice] = (),
) -> tuple[Slice, ...]:
    """The slices that a Service shall have: instances with the same ports together. An endpoint stays in the slice in
    which it stands. Instances that do not publish all ports are left out; ABSENT ones too."""
    name = service["metadata"]["name"]
    where = {(each.ports, endpoint.address): each.name for each in standing for endpoint in each.endpoints}
    made: dict[str, list[Endpoint]] = {each.name: [] for each in standing if each.service == name}
    shapes = {each.name: (each.family, each.ports) for each in standing if each.service == name}
    for container, condition in sorted(wanted, key=lambda one: instance_key(one[0])):
        ports = ports_of(service, container)
        if ports is None or condition is Condition.ABSENT:
            continue
        address = address_of(service, container)
        family = "IPv6" if ipaddress.ip_address(address).version == 6 else "IPv4"
        place = where.get((ports, address)) or _room(name, family, ports, made)
        shapes[place] = family, ports
        made.setdefault(place, []).append(
            Endpoint(instance=instance_key(container), address=address, condition=condition)
        )
    return tuple(
        Slice(name=place, service=name, family=shapes[place][0], ports=shapes[place][1], endpoints=tuple(endpoints))
        for place, endpoints in sorted(made.items())
    )


def _room(service: str, family: str, ports: tuple[tuple[str, str, int], ...], made: Mapping[str, Sequence[Any]]) -> str:
    stem = f"{service}-legacy-{hashlib.sha256(repr((family, ports)).encode()).hexdigest()[:8]}"
    number = 0
    while len(made.get(name := stem + (f"-{number}" if number else ""), ())) >= MOST_ENDPOINTS:
        number += 1
    return name


def slice_object(
    each: Slice,
    spec: Spec,
    service: Mapping[str, Any],
    *,
    epoch: int,
    keeper: int,
    at: str,
    owner: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """``epoch``: the driver's; ``keeper``: the keeper's own. ``at``: RFC 3339, from which kube-proxy tells how long
    programming took. ``owner``: the live Service, once there is one; before that the slice has none, or it would be
    collected."""
    labels = dict(service["metadata"].get("labels", {}))
    made: dict[str, Any] = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": each.name,
            "namespace": spec.namespace,
            "labels": {
                SLICE_OF: each.service,
                SLICE_BY: SLICES_ARE_OURS,
                MANAGED_BY: "podlift",
                WORKLOAD: spec.name,
                **{key: labels[key] for key in (ESTATE, _PROXY_NAME) if key in labels},
            },
            "annotations": {
                TRIGGER: at,
                KEEPER: str(keeper),
                INSTANCES: json.dumps({one.address: one.instance for one in each.endpoints}, sort_keys=True),
                **marks(spec, epoch),
            },
        },
        "addressType": each.family,
        "ports": [{"name": name, "protocol": protocol, "port": number} for name, protocol, number in each.ports],
        "endpoints": [
            {
                "addresses": [one.address],
                "conditions": dict(DOWN if one.condition is None else _CONDITIONS[one.condition]),
            }
            for one in each.endpoints
        ],
    }
    if owner is not None:
        made["metadata"]["ownerReferences"] = [{**as_owner("v1", "Service", owner), "blockOwnerDeletion": False}]
    return made


def slice_of(live: Mapping[str, Any]) -> Slice:
    """A slice of ours as it stands."""
    metadata = live["metadata"]
    instances = _instances(live)
    return Slice(
        name=metadata["name"],
        service=metadata["labels"][SLICE_OF],
        family=live["addressType"],
        ports=tuple(
            (port.get("name", ""), port.get("protocol", "TCP"), port.get("port") or 0)
            for port in live.get("ports") or ()
        ),
        endpoints=tuple(
            Endpoint(
                instance=instances.get(one["addresses"][0], ""),
                address=one["addresses"][0],
                condition=_condition(one.get("conditions") or {}),
            )
            for one in live.get("endpoints") or ()
        ),
    )


def overwritten(live: Mapping[str, Any]) -> bool:
    """Whether a slice of ours says no more of each endpoint which instance it is."""
    return not {one["addresses"][0] for one in live.get("endpoints") or ()} <= _instances(live).keys()


def _instances(live: Mapping[str, Any]) -> dict[str, str]:
    """Address to instance. What somebody else wrote over it says nothing: the keeper writes it anew."""
    try:
        said = json.loads((live["metadata"].get("annotations") or {}).get(INSTANCES, "{}"))
    except (ValueError, RecursionError):
        return {}
    return {address: str(one) for address, one in said.items()} if isinstance(said, dict) else {}


def _condition(said: Mapping[str, Any]) -> Condition | None:
    if said.get("ready", True):
        return Condition.READY
    return Condition.STANDBY if said.get("serving") and said.get("terminating") else None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Member:
    """An endpoint of a Service's first port, from any slice. ``source``: ``legacy`` (slices of ours), ``hand`` (made
    by hand, or of Endpoints that are), or ``pod``."""

    backend: Backend
    source: str
    of: str
    ready: bool
    serving: bool
    terminating: bool


def members(slices: Iterable[Mapping[str, Any]], service: Mapping[str, Any]) -> tuple[Member, ...]:
    """The merged view of a Service's slices, by its first port."""
    port = service["spec"]["ports"][0].get("name", "")
    made = []
    for each in slices:
        numbers = [one["port"] for one in each.get("ports") or () if one.get("name", "") == port and one.get("port")]
        if not numbers:
            continue
        by = each["metadata"].get("labels", {}).get(SLICE_BY)
        ours = by == SLICES_ARE_OURS
        source = "legacy" if ours else "hand" if by in (*SLICES_OF_HAND, SLICES_OF_ENDPOINTS) else "pod"
        instances = _instances(each) if ours else {}
        for one in each.get("endpoints") or ():
            address, said = one["addresses"][0], one.get("conditions") or {}
            ready = said.get("ready") is not False
            made.append(
                Member(
                    backend=Backend(address, numbers[0]),
                    source=source,
                    of=instances.get(address, "") if ours else (one.get("targetRef") or {}).get("name", ""),
                    ready=ready,
                    serving=said.get("serving", ready) is not False and (ready or bool(said.get("serving"))),
                    terminating=bool(said.get("terminating")),
                )
            )
    return tuple(sorted(made))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a Service leads to. ``name``: of its port."""

    name: str
    protocol: str
    address: str
    port: int


def places_of_slice(live: Mapping[str, Any]) -> frozenset[Place]:
    """All that stands in a slice, ready or not."""
    return _places((address for one in live.get("endpoints") or () for address in one["addresses"]), live.get("ports"))


def places_of_endpoints(live: Mapping[str, Any]) -> frozenset[Place]:
    """All that stands in Endpoints, ready or not."""
    made: frozenset[Place] = frozenset()
    for each in live.get("subsets") or ():
        addresses = (*(each.get("addresses") or ()), *(each.get("notReadyAddresses") or ()))
        made |= _places((one["ip"] for one in addresses), each.get("ports"))
    return made


def _places(addresses: Iterable[str], ports: Sequence[Mapping[str, Any]] | None) -> frozenset[Place]:
    """What names no port of its own leads to none of the Service's: port 0."""
    return frozenset(
        Place(
            name=port.get("name") or "",
            protocol=port.get("protocol") or "TCP",
            address=address,
            port=port.get("port") or 0,
        )
        for address in addresses
        for port in ports or ({},)
    )


def takers(found: Iterable[Member]) -> tuple[Member, ...]:
    """Those that take new connections: the ready ones, or where none is, those that still serve while they terminate
    (KEP-1669, pkg/proxy/topology.go). A place that stands in two slices is one backend
    (pkg/proxy/endpointslicecache.go), and ours tells which instance it is."""
    all_of_them = tuple(found)
    ours = {each.backend for each in all_of_them if each.source == "legacy" and each.ready}
    everybody = tuple(each for each in all_of_them if each.source != "hand" or each.backend not in ours)
    ready = tuple(each for each in everybody if each.ready)
    return ready or tuple(each for each in everybody if each.serving and each.terminating)
