"""What preflight looks at: one frozen value with the plan's part, the cluster's, the engines' and what was measured.

Nothing here is asked for: whoever surveys fills it in (migrate/cutover/survey.py), and a test writes it by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters.objects.context import WORKLOAD

from ..edges import Backend, Container, Found, Peer
from ..outbound import Outbound

Object = Mapping[str, Any]

CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
EVERYWHERE = " of all namespaces"
"""What follows a kind in ``needs`` and ``unread`` where its objects in other namespaces matter too."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """A verb on a resource, as roles name it. ``namespace`` empty: of the whole cluster."""

    verb: str
    group: str
    plural: str
    namespace: str = ""

    def __str__(self) -> str:
        resource = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{self.verb} {resource}" + (f" in namespace {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSeen:
    """
    version   of the API server, (0, 0) where it says none
    groups    API groups that it serves, but for the core's
    objects   kind to objects; a kind of a CRD is written ``Canary.flagger.app``. Of Secrets the keys only
    unread    kind to what may not be read: ``list pods in namespace shop``
    rights    what this user may, of what a run does
    """

    version: tuple[int, int] = (0, 0)
    groups: frozenset[str] = frozenset()
    objects: Mapping[str, tuple[Object, ...]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    rights: Mapping[Right, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSeen:
    """A legacy host.

    address    by which the cluster is to reach it
    commands   commands can be run there
    info       the engine's /info
    documents  inspect documents of all its containers, by ID
    """

    name: str
    address: str
    commands: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    documents: Mapping[str, Object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is only known by trying; None: not tried yet, and the row says ``at start``.

    probes       node to what became of a request to each legacy endpoint; ``""``: it was answered
    silent       nodes from which nothing can be tried, with why
    resolved     names of the workload to the addresses that they have inside the cluster before there is a Service
    peers        who holds connections to each legacy endpoint
    rates        new connections a second, by node and legacy endpoint; ``all callers`` where nobody tells them apart
    skew_s       host, or ``API server``, to how far its clock is from ours
    conntrack    node or host to (entries, most)
    relays       host to whether the engine relays published ports by a process (its userland proxy)
    timers       host to the jobs there that delete containers
    outbound     where instances connect to by themselves
    callers      pods that a user named to each legacy endpoint to which they do not get, with why; or to why it could
                 not be tried
    """

    probes: Mapping[str, Mapping[Backend, str]] | None = None
    silent: Mapping[str, str] | None = None
    resolved: Mapping[str, tuple[str, ...]] | None = None
    peers: Mapping[Backend, tuple[Peer, ...]] | None = None
    rates: Mapping[tuple[str, Backend], float] | None = None
    skew_s: Mapping[str, float] | None = None
    conntrack: Mapping[str, tuple[int, int]] | None = None
    relays: Mapping[str, bool] | None = None
    timers: Mapping[str, tuple[str, ...]] | None = None
    outbound: Outbound | None = None
    callers: Mapping[str, Mapping[str, str] | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the run was given to go by.

    hooks         names of the hooks that are given
    steps         how many pods are admitted after each step; empty: not known yet
    node_probes   nodes that have a command of their own for probes
    settle_s      the least time that a change is given to reach all nodes
    keeps_stopped  a user says that the scheduler keeps containers that have stopped
    udp            what a user says of flows of UDP, one of run.UDP
    """

    hooks: frozenset[str] = frozenset()
    steps: tuple[int, ...] = ()
    node_probes: frozenset[str] = frozenset()
    accept_floor: bool = False
    settle_s: float = 10
    keeps_stopped: bool = False
    udp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    entry          the workload as plan.json has it
    objects        the plan's objects of the workload, and those that it shares with others
    namespace      where they lie
    open_findings  codes of the plan's findings of the workload that nobody answered
    unread_hosts   hosts that the plan was made without and where the workload may run
    estate         plan.json's entries of the other workloads
    caller_files   texts of the files that a user named, by their names
    """

    entry: Mapping[str, Any]
    objects: tuple[Object, ...]
    namespace: str
    open_findings: frozenset[str] = frozenset()
    unread_hosts: tuple[str, ...] = ()
    estate: tuple[Mapping[str, Any], ...] = ()
    caller_files: Mapping[str, str] = field(default_factory=dict)
    cluster: ClusterSeen = field(default_factory=ClusterSeen)
    found: Found = field(default_factory=lambda: Found(containers=()))
    hosts: tuple[HostSeen, ...] = ()
    measured: Measured = field(default_factory=Measured)
    means: Means = field(default_factory=Means)

    def of(self, kind: str) -> tuple[Object, ...]:
        """The cluster's objects of a kind, of every namespace that was read."""
        return self.cluster.objects.get(kind, ())

    def here(self, kind: str) -> tuple[Object, ...]:
        """Those in the workload's namespace."""
        return tuple(each for each in self.of(kind) if each["metadata"].get("namespace") == self.namespace)

    def planned(self, *kinds: str) -> tuple[Object, ...]:
        return tuple(each for each in self.objects if each["kind"] in kinds)

    @property
    def controllers(self) -> tuple[Object, ...]:
        return self.planned(*CONTROLLERS)

    @property
    def services(self) -> tuple[Object, ...]:
        """The plan's Services that take callers: all but those that give a StatefulSet's pods their names."""
        governing = {each["spec"].get("serviceName") for each in self.planned("StatefulSet")}
        return tuple(each for each in self.planned("Service") if name_of(each) not in governing)

    @property
    def ports(self) -> frozenset[str]:
        """The container ports that the Services target, as ``target_of`` writes them."""
        return frozenset(target_of(port) for each in self.services for port in each["spec"].get("ports") or ())

    @property
    def templates(self) -> tuple[Object, ...]:
        return tuple(each["spec"]["template"] for each in self.controllers)

    @property
    def selector(self) -> dict[str, str]:
        return {WORKLOAD: str(self.entry["selector"][WORKLOAD])}

    @property
    def replicas(self) -> int:
        """Pods by the plan, of all sites."""
        return sum(self.entry["replicas"].values())

    @property
    def running(self) -> tuple[Container, ...]:
        return tuple(each for each in self.found.containers if each.running)

    @property
    def backends(self) -> dict[Backend, Container]:
        """Where the running instances answer for what the plan's Services target, in order."""
        ports = self.ports
        found = {backend: each for each in self.running for port, backend in each.ports.items() if port in ports}
        return {backend: found[backend] for backend in sorted(found)}

    @property
    def tcp_backends(self) -> dict[Backend, Container]:
        """Those of them that take connections: a port of UDP answers no request that podlift makes."""
        return {backend: each for backend, each in self.backends.items() if backend in each.published("tcp")}

    def host(self, name: str) -> HostSeen | None:
        return next((each for each in self.hosts if each.name == name), None)

    def document(self, container: Container) -> Object:
        """The container's inspect document, empty where there is none."""
        host = self.host(container.host)
        return host.documents.get(container.id, {}) if host else {}

    def strangers(self) -> Iterator[tuple[HostSeen, Object]]:
        """Documents of the hosts' other containers."""
        own = {(each.host, each.id) for each in self.found.containers}
        for host in self.hosts:
            for identity, document in sorted(host.documents.items()):
                if (host.name, identity) not in own:
                    yield host, document


def target_of(port: Mapping[str, Any]) -> str:
    """The container port of a Service's port, as engines write it: ``8080/tcp``."""
    return f"{port.get('targetPort', port['port'])}/{port.get('protocol', 'TCP').lower()}"


def is_headless(service: Object) -> bool:
    """Callers resolve it to its endpoints themselves: no proxy leads them, and names carry no ports."""
    return bool(service["spec"].get("clusterIP") == "None")


def name_of(each: Object) -> str:
    return str(each["metadata"]["name"])


def labels_of(each: Object) -> Mapping[str, str]:
    return (each.get("metadata") or {}).get("labels") or {}


def annotations_of(each: Object) -> Mapping[str, str]:
    return (each.get("metadata") or {}).get("annotations") or {}


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector of the API (matchLabels, matchExpressions) selects; None selects nothing, ``{}`` all."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        _holds(term, labels) for term in selector.get("matchExpressions") or ()
    )


def _holds(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    operator, value = str(term["operator"]), labels.get(term["key"])
    values: Sequence[str] = term.get("values") or ()
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return (value is not None) == (operator == "Exists")
